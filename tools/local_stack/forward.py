"""Every event of the bus, posted to a consumer on this machine: `make run ARGS="--forward-to URL"`.

The request is that of an API destination (operations/templates/consumer-http.yaml): the event as EventBridge delivers
it, as JSON. An event that is not answered 2xx is posted again, so that a consumer may be restarted meanwhile.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from tools.console import bus
from tools.local_stack.product import Product

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_RULE: Final = "securities-transactions-local-forward"
_AGAIN_SECONDS: Final = 2
_ANSWER_SECONDS: Final = 5.0  # as EventBridge waits


def address(text: str) -> str:
    """`text`, if it is an address to post to. Raises `ValueError` with what is wrong."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not an address such as http://127.0.0.1:3000/events")
    return text


@contextlib.contextmanager
def forwarding(product: Product, url: str, note: Callable[[str], None]) -> Iterator[None]:
    """Post every event to `url` while the context lasts. `note` gets a line when its answers become errors, or good."""
    events = bus.subscribe(product, _RULE)
    over = threading.Event()
    thread = threading.Thread(target=_forward, args=(product, events.queue_url, url, note, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(1)


def _forward(product: Product, queue_url: str, url: str, note: Callable[[str], None], over: threading.Event) -> None:
    sqs = product.aws.sqs
    trouble = ""
    with httpx.Client(timeout=_ANSWER_SECONDS, trust_env=False) as http:
        while not over.is_set():
            try:
                answer = sqs.receive_message(
                    QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=_AGAIN_SECONDS
                )
            except (BotoCoreError, ClientError):
                over.wait(1)  # the engine ends
                continue
            for message in answer.get("Messages", []):
                wrong = _post(http, url, message)
                if not wrong:
                    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
                if wrong != trouble:
                    note(f"{url}: {wrong}; events wait, and are posted again" if wrong else f"{url}: answers again")
                    trouble = wrong
                if wrong:
                    over.wait(_AGAIN_SECONDS)
                    break


def _post(http: httpx.Client, url: str, message: "MessageTypeDef") -> str:
    """Empty, or why the event is to be posted again."""
    try:
        answer = http.post(url, content=message["Body"], headers={"content-type": "application/json; charset=utf-8"})
    except httpx.HTTPError as error:
        return f"does not answer ({type(error).__name__})"
    return "" if answer.is_success else f"answers {answer.status_code}"
