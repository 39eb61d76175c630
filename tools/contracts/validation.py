"""Validation of published events against their contracts."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from tools.contracts.schemas import envelope
from tools.contracts.store import schema


def violations(event: Mapping[str, Any]) -> list[str]:
    """The violations of an EventBridge event (fractions as `Decimal`) against its schema in `contracts/`."""
    name = str(event.get("detail-type"))
    return [f"{name} {error.json_path}: {error.message}" for error in _validator(name).iter_errors(event)]


@cache
def _validator(name: str) -> Draft202012Validator:
    # Published events contain only fields of their schema, although consumers must accept others.
    detail = {**schema(name), "unevaluatedProperties": False}
    return Draft202012Validator(envelope(name, detail))
