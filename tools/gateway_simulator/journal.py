"""Events in order, kept for a while and pushed to listeners."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

_KEPT = 2000


@dataclass(frozen=True)
class Event:
    """An event at `at` (ISO 8601 UTC). `number` counts up from 1."""

    number: int
    at: str
    kind: str
    transaction_id: str | None
    data: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        about = {} if self.transaction_id is None else {"transactionId": self.transaction_id}
        return {"number": self.number, "at": self.at, "kind": self.kind, **about, **self.data}


class Journal:
    """The latest events, and a stream of new ones."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=_KEPT)
        self._count = 0
        self._news = asyncio.Event()
        self._closed = False

    def add(self, at: str, kind: str, transaction_id: str | None = None, **data: Any) -> None:
        self._count += 1
        self._events.append(Event(self._count, at, kind, transaction_id, data))
        self._wake()

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._wake()

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self._count

    def stored(self) -> list[Event]:
        """The latest events, oldest first."""
        return list(self._events)

    async def follow(self, after: int) -> AsyncIterator[Event | None]:
        """Events with numbers above `after`, existing ones first. `None` now and then keeps a connection open."""
        while True:
            news = self._news
            for event in [event for event in self._events if event.number > after]:
                after = event.number
                yield event
            if self._closed:
                return
            try:
                await asyncio.wait_for(news.wait(), 10)
            except TimeoutError:
                yield None

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
