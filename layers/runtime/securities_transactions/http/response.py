"""A response to API Gateway (payload format 2.0), with an ETag for routes that apps poll."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from securities_transactions.domain.decimal_json import dumps
from securities_transactions.http.request import Request


@dataclass(frozen=True)
class Response:
    """A response. `body` is a JSON document or `None`."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_lambda(self, content_type: str = "application/json") -> dict[str, Any]:
        """The response in payload format 2.0."""
        answer: dict[str, Any] = {
            "statusCode": self.status,
            "headers": {"cache-control": "no-store", **self.headers},
        }
        if self.body is not None:
            answer["headers"]["content-type"] = content_type
            answer["body"] = dumps(self.body)
        return answer


def cacheable(request: Request, body: Mapping[str, Any]) -> Response:
    """`body` with its ETag, or 304 if the caller already has it, so that polling is cheap."""
    etag = f'"{hashlib.sha256(dumps(body, sort_keys=True).encode()).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    asked = [each.strip().removeprefix("W/") for each in (request.header("if-none-match") or "").split(",")]
    return Response(304, headers=headers) if etag in asked or "*" in asked else Response(200, body, headers)
