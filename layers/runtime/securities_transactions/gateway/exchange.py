"""One HTTP call within bounds: a total deadline and a size, whatever the server does.

httpx has a deadline for each step and none for the whole: a response that arrives byte by byte keeps every one of them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Final, Protocol, TypeVar

import httpx

T = TypeVar("T")

# Each step's deadline. httpx connects in two steps (TCP and TLS): a call has them all within CALL_SECONDS.
DEADLINE: Final = httpx.Timeout(5.0, connect=1.5, write=1.0)
CALL_SECONDS: Final = 9.0
# Fifty batches of a hundred orders have two million bytes.
MOST_BYTES: Final = 4 * 1024 * 1024
# Many servers end a connection that was idle for 5 s: one that is nearly as old may be ended just as it is used.
_CONNECTIONS: Final = httpx.Limits(keepalive_expiry=3.0)


@dataclass(frozen=True)
class Answer:
    """A response: its status, its headers by lower-case name, and its body, decoded."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


class OutOfBounds(httpx.HTTPError):
    """The response took longer, or is larger, than a call may. The message says which."""


class SendsRequests(Protocol):
    """The part of `BoundedClient` that the Gateway's client needs."""

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
        """The answer within `seconds`; raises `httpx.HTTPError` where there is none."""


@dataclass(frozen=True)
class BoundedClient:
    """Calls through `http`; no redirect is followed."""

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
        """The answer within `seconds` and `MOST_BYTES`; raises `httpx.HTTPError`, of which `OutOfBounds` is one."""
        until = time.monotonic() + seconds
        # Compressed, a few thousand bytes become as many million before anyone can count them.
        asked = {**headers, "accept-encoding": "identity"}

        def exchange() -> Answer:
            received = bytearray()
            with self.http.stream(
                method, url, params=tuple(params), content=content, headers=asked, timeout=_steps(seconds)
            ) as response:
                for chunk in response.iter_bytes():
                    received += chunk
                    if len(received) > MOST_BYTES:
                        raise OutOfBounds(f"the answer has more than {MOST_BYTES} bytes")
                    if time.monotonic() > until:
                        raise OutOfBounds(f"the answer took more than {seconds:.1f} s")
            return Answer(response.status_code, dict(response.headers), bytes(received))

        try:
            return _within(seconds, exchange)
        except TimeoutError:
            raise OutOfBounds(f"the answer took more than {seconds:.1f} s") from None


def client(base_url: str) -> BoundedClient:
    """The client for the Gateway at `base_url`: its connections are kept between calls."""
    return BoundedClient(httpx.Client(base_url=base_url, timeout=DEADLINE, limits=_CONNECTIONS, follow_redirects=False))


def _steps(seconds: float) -> httpx.Timeout:
    share = min(1.0, seconds / CALL_SECONDS)
    return httpx.Timeout(**{step: None if most is None else most * share for step, most in DEADLINE.as_dict().items()})


def _within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` returns or raises; `TimeoutError` after `seconds`. A thread that is still at it then ends by itself,
    and no process waits for it."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # it is raised where the result is waited for
            future.set_exception(error)

    Thread(target=run, daemon=True, name="gateway call").start()
    return future.result(timeout=seconds)
