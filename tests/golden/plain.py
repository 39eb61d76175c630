"""Stored items as JSON: attribute values in which binary is base64 text, as the streams deliver them."""

import base64
from collections.abc import Mapping
from typing import Any


def image(item: Mapping[str, Any]) -> dict[str, Any]:
    """`item` with its bytes as text."""
    return {name: _value(value) for name, value in item.items()}


def _value(value: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value.get("B"), bytes):
        return {"B": base64.b64encode(value["B"]).decode()}
    return {"L": [_value(each) for each in value["L"]]} if "L" in value else dict(value)
