"""A call of the Gateway ends within its time and size limits, over real sockets and with any server."""

import gzip
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

import httpx
import pytest

from securities_transactions.gateway import exchange
from securities_transactions.gateway.exchange import CALL_SECONDS, DEADLINE, MOST_BYTES, Answer, OutOfBounds

Serve = Callable[[socket.socket, Event], None]

# Far beyond what a call is given here, far below what would end it by the test's own time.
FOREVER: Final = 60
HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """A server on a socket that does `serve` with each connection until the test is over; its address."""
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                Thread(target=guarded, args=(connection,), daemon=True).start()

        def guarded(connection: socket.socket) -> None:
            try:
                with connection:
                    serve(connection, over)
            except OSError:
                pass  # the client hung up, as expected

        Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)


def call(url: str, seconds: float = 0.5) -> Answer:
    """One call of the server."""
    client = exchange.client(url)
    with client.http:
        return client.request("GET", "/", params=[("a", "b")], content=None, headers={}, seconds=seconds)


def drip(connection: socket.socket, over: Event, text: bytes) -> None:
    """Send a byte at a time, each well within the deadline of a step."""
    until = time.monotonic() + FOREVER
    while not over.wait(0.02) and time.monotonic() < until:
        connection.sendall(text)


def drip_body(connection: socket.socket, over: Event) -> None:
    connection.recv(4096)
    connection.sendall(HEAD + b"content-length: 1000000\r\n\r\n")
    drip(connection, over, b" ")


def drip_chunks(connection: socket.socket, over: Event) -> None:
    connection.recv(4096)
    connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    drip(connection, over, b"1\r\n \r\n")


def drip_headers(connection: socket.socket, over: Event) -> None:
    connection.recv(4096)
    connection.sendall(HEAD)
    drip(connection, over, b"a: b\r\n")


def drip_interim_responses(connection: socket.socket, over: Event) -> None:
    connection.recv(4096)
    drip(connection, over, b"HTTP/1.1 102 Processing\r\n\r\n")


def say_nothing(connection: socket.socket, over: Event) -> None:
    over.wait(FOREVER)


@pytest.mark.long
@pytest.mark.parametrize("serve", [drip_body, drip_chunks, drip_headers, drip_interim_responses, say_nothing])
def test_call_ends_at_its_deadline_however_slowly_the_server_answers(serve: Serve) -> None:
    """Every single step keeps its own deadline here."""
    started = time.monotonic()
    with server(serve) as url, pytest.raises(httpx.HTTPError):
        call(url)
    assert time.monotonic() - started < FOREVER / 2


def answering(content: bytes, *headers: bytes) -> Serve:
    """A server that sends this body."""

    def serve(connection: socket.socket, over: Event) -> None:
        connection.recv(4096)
        lines = b"".join(header + b"\r\n" for header in headers)
        connection.sendall(HEAD + lines + b"content-length: %d\r\n\r\n" % len(content) + content)
        over.wait(FOREVER)

    return serve


def test_answer_is_returned_whole() -> None:
    body = b'{"data": {}}'
    with server(answering(body, b"Retry-After: 7")) as url:
        answer = call(url, CALL_SECONDS)
    assert (answer.status, answer.is_success, answer.content) == (200, True, body)
    assert answer.headers["retry-after"] == "7"


def test_largest_answer_is_read_and_a_larger_one_is_not() -> None:
    with server(answering(b" " * MOST_BYTES)) as url:
        assert len(call(url, CALL_SECONDS).content) == MOST_BYTES
    with server(answering(b" " * (MOST_BYTES + 1))) as url, pytest.raises(OutOfBounds, match="bytes"):
        call(url, CALL_SECONDS)


def test_compressed_answer_is_bounded_by_what_it_becomes() -> None:
    """300 MB of blanks are 300 KB on the wire."""
    bomb = gzip.compress(b" " * 300_000_000, compresslevel=1)
    assert len(bomb) < MOST_BYTES
    with server(answering(bomb, b"content-encoding: gzip")) as url, pytest.raises(OutOfBounds, match="bytes"):
        call(url, CALL_SECONDS)


def test_no_compression_is_requested_and_what_comes_compressed_is_read() -> None:
    asked: list[bytes] = []
    body = b'{"data": {}}'

    def serve(connection: socket.socket, over: Event) -> None:
        asked.append(connection.recv(4096))
        packed = gzip.compress(body)
        connection.sendall(HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed)
        over.wait(FOREVER)

    with server(serve) as url:
        assert call(url, CALL_SECONDS).content == body
    assert b"accept-encoding: identity" in asked[0].lower()
    assert asked[0].startswith(b"GET /?a=b HTTP/1.1")


def test_no_redirect_is_followed() -> None:
    """Or the API secret would be sent to wherever it points."""

    def serve(connection: socket.socket, over: Event) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")

    with server(serve) as url:
        assert call(url, CALL_SECONDS).status == 302


def test_steps_have_deadlines_of_their_own_that_fit_into_the_call() -> None:
    """httpx connects in two steps, TCP and TLS."""
    steps = {step: seconds for step, seconds in DEADLINE.as_dict().items() if seconds is not None}
    assert steps["connect"] * 2 + steps["write"] + steps["read"] == CALL_SECONDS
