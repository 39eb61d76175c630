"""Fixtures for a consumer's own tests: one event of each kind, and a story with what to make of it."""

from importlib.resources import files
from typing import Any

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.events.schemas import CATALOGUE


def kinds() -> list[str]:
    """The detail-type of each event that there is."""
    return [model.detail_type for model in CATALOGUE]


def event(kind: str) -> dict[str, Any]:
    """An event of this kind as EventBridge delivers it, fractions as `Decimal`; `FileNotFoundError` for no kind."""
    return _read(f"events/{kind}.json")


def story() -> dict[str, Any]:
    """`events` as a queue may deliver them: out of order, some twice; `expected`: what a ledger has after them."""
    return _read("story.json")


def in_sqs(*events: dict[str, Any]) -> dict[str, Any]:
    """A batch of messages as Lambda gets it from a queue."""
    return {"Records": [{"messageId": str(n), "body": dumps(each)} for n, each in enumerate(events)]}


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = loads(files(__package__).joinpath("fixtures", name).read_text())
    return content
