"""Stored items as JSON: attribute values in which binary is base64 text, as the streams deliver them."""

import base64
from collections.abc import Mapping
from typing import Any


def image(item: Mapping[str, Any]) -> dict[str, Any]:
    """`item` with its bytes as text."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if isinstance(value.get("B"), bytes) else dict(value)
        for name, value in item.items()
    }
