"""JSON with exact decimal numbers, and times in the Gateway's format."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import simplejson
from starlette.responses import Response

from tools.gateway_simulator.settings import ErrorBody

PAISA = Decimal("0.01")


def dumps(value: Any) -> str:
    """`value` as JSON. A `Decimal` keeps every digit."""
    return simplejson.dumps(value, use_decimal=True, separators=(",", ":"), ensure_ascii=False)


def loads(data: bytes | str) -> Any:
    """Parse JSON with fractions as `Decimal`. Raises `ValueError` for invalid JSON and for NaN."""
    try:
        return simplejson.loads(data, use_decimal=True)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def stamp(moment: datetime) -> str:
    """An aware time as ISO 8601 UTC with milliseconds and Z (docs/reference/gateway.md §4.2)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Exact(Response):
    """A JSON response whose numbers are exact."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return dumps(content).encode()


def succeeded(data: Any) -> Exact:
    """The Gateway's envelope around a successful response (docs/reference/gateway.md §1.3)."""
    return Exact({"success": True, "errors": None, "data": data})


def failed(
    status: int, *errors: str, error_type: str | None = None, form: ErrorBody = "errors", **headers: str
) -> Exact:
    """The Gateway's envelope around an error; what it has is not published (docs/reference/gateway.md §1.4)."""
    body: dict[str, Any] = {"success": False, "data": None}
    match form:
        case "errors":
            body["errors"] = list(errors)
        case "text":
            body["errors"] = "; ".join(errors)
        case "message":
            body["message"] = "; ".join(errors)
        case "error_type":
            error_type = error_type or "GatewayException"
    if error_type is not None:
        body["errorType"] = error_type
    return Exact(body, status, headers)
