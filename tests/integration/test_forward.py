"""`make run ARGS="--forward-to URL"`: a consumer of one's own gets every event."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from operations.updates import Updates
from tests.integration.test_webhooks import place
from tests.polling import eventually
from tools.local_stack import forward
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product


class Consumer(ThreadingHTTPServer):
    """Answers 503 as long as it is `down`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.down = True
        self.refused = 0
        self.events: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Consumer

    def do_POST(self) -> None:
        """Called by the server."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.down:
            self.server.refused += 1
        else:
            self.server.events.append(json.loads(body))
        self.send_response(503 if self.server.down else 204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""


@contextlib.contextmanager
def consumer() -> Iterator[Consumer]:
    with Consumer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_every_event_is_posted_until_the_consumer_takes_it(
    product: Product, gateway: GatewayDriver, updates: Updates, user: str
) -> None:
    notes: list[str] = []
    with consumer() as mine:
        url = f"http://127.0.0.1:{mine.server_port}/events"
        with forward.forwarding(product, url, notes.append):
            transaction_id, _ = place(product, gateway, user)
            gateway.finish(transaction_id)
            eventually(lambda: mine.refused)
            mine.down = False
            updates.wait_for(transaction_id, lambda event: bool(event["detail-type"] == "OrdersSettled"))

            def posted() -> set[str]:
                mine_alone = (each["detail"] for each in mine.events)
                return {each["eventId"] for each in mine_alone if each.get("transactionId") == transaction_id}

            published = {event["detail"]["eventId"] for event in updates.of(transaction_id)}
            eventually(lambda: published <= posted())
    assert {*mine.events[0]} >= {"id", "detail-type", "source", "time", "detail"}
    assert notes == [f"{url}: answers 503; events wait, and are posted again", f"{url}: answers again"]
