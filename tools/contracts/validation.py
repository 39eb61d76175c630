"""Whether an event as it was published keeps to its contract."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from tools.contracts.schemas import envelope
from tools.contracts.store import schema


def violations(event: Mapping[str, Any]) -> list[str]:
    """What of an EventBridge event (fractions as `Decimal`) its schema in `contracts/` does not allow."""
    name = str(event.get("detail-type"))
    return [f"{name} {error.json_path}: {error.message}" for error in _validator(name).iter_errors(event)]


@cache
def _validator(name: str) -> Draft202012Validator:
    # Published events say nothing that their schema does not know, though consumers must not mind if they did.
    detail = {**schema(name), "unevaluatedProperties": False}
    return Draft202012Validator(envelope(name, detail))
