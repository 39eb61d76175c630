"""One HTTP call within limits: a total deadline and a size, also for a slow or endless response.

httpx has a deadline for each step, but none for the whole call: a response that arrives byte by byte meets every one.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Final, Protocol, TypeVar

import httpx

T = TypeVar("T")

# The deadline of each step. httpx connects in two steps (TCP and TLS). A call has all its steps within CALL_SECONDS.
DEADLINE: Final = httpx.Timeout(5.0, connect=1.5, write=1.0)
CALL_SECONDS: Final = 9.0
# Fifty batches of a hundred orders take two million bytes.
MOST_BYTES: Final = 4 * 1024 * 1024
# Many servers close a connection that was idle for 5 s. One that is nearly as old may be closed just as it is used.
_CONNECTIONS: Final = httpx.Limits(keepalive_expiry=3.0)


@dataclass(frozen=True)
class Answer:
    """A response: its status, its headers by lower-case name, and its decoded body."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """True if the status is 2xx."""
        return 200 <= self.status < 300


class OutOfBounds(httpx.HTTPError):
    """The response exceeded the deadline or the size limit. The message names which."""


class SendsRequests(Protocol):
    """The interface of `BoundedClient` that the Gateway's client needs."""

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]],
        content: str | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Answer:
        """The response within `seconds`. Raises `httpx.HTTPError` if there is none."""


@dataclass(frozen=True)
class BoundedClient:
    """An HTTP client with limits. It calls through `http` and follows no redirect."""

    http: httpx.Client

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]],
        content: str | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Answer:
        """The response within `seconds` and `MOST_BYTES`. Raises `httpx.HTTPError`, of which `OutOfBounds` is one."""
        until = time.monotonic() + seconds
        # A few thousand compressed bytes could expand to as many million before the size is checked.
        asked = {**headers, "accept-encoding": "identity"}

        def exchange() -> Answer:
            received = bytearray()
            with self.http.stream(
                method, url, params=tuple(params), content=content, headers=asked, timeout=_steps(seconds)
            ) as response:
                for chunk in response.iter_bytes():
                    received += chunk
                    if len(received) > MOST_BYTES:
                        raise OutOfBounds(f"the response has more than {MOST_BYTES} bytes")
                    if time.monotonic() > until:
                        raise OutOfBounds(f"the response took more than {seconds:.1f} s")
            return Answer(response.status_code, dict(response.headers), bytes(received))

        try:
            return _within(seconds, exchange)
        except TimeoutError:
            raise OutOfBounds(f"the response took more than {seconds:.1f} s") from None


def client(base_url: str) -> BoundedClient:
    """A client for the Gateway at `base_url`. It keeps connections open between calls."""
    return BoundedClient(httpx.Client(base_url=base_url, timeout=DEADLINE, limits=_CONNECTIONS, follow_redirects=False))


def _steps(seconds: float) -> httpx.Timeout:
    share = min(1.0, seconds / CALL_SECONDS)
    return httpx.Timeout(**{step: None if most is None else most * share for step, most in DEADLINE.as_dict().items()})


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Return or raise the result of `call`. Raises `TimeoutError` after `seconds`.

    A thread that is still running then ends by itself; no process waits for it.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # raised again where the caller waits for the result
            future.set_exception(error)

    Thread(target=run, daemon=True, name="gateway call").start()
    return future.result(timeout=seconds)
