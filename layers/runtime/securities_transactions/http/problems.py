"""The problems that the API returns (RFC 9457): one stable type per cause, as data.

A type is a name, not an address, and is the same in every deployment. `docs/reference/problems.md` explains each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

TYPE_BASE: Final = "urn:problem-type:securities-transactions:"


@dataclass(frozen=True)
class ProblemType:
    """A cause: the last part of its type, its status and its title."""

    name: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """The `type` member of a problem with this cause."""
        return TYPE_BASE + self.name


INVALID_REQUEST: Final = ProblemType("invalid-request", 400, "Invalid request")
WEBHOOK_REFUSED: Final = ProblemType("webhook-refused", 401, "Webhook not verified")
UNUSABLE_TOKEN: Final = ProblemType("unusable-token", 401, "Unusable access token")
FORBIDDEN: Final = ProblemType("forbidden", 403, "Forbidden")
NOT_FOUND: Final = ProblemType("not-found", 404, "Not found")
REFERENCE_TAKEN: Final = ProblemType("reference-taken", 409, "The reference is that of another transaction")
CASE_CONFLICT: Final = ProblemType("case-conflict", 409, "The case is not as the request supposes")
REQUEST_IN_PROGRESS: Final = ProblemType("request-in-progress", 409, "Request in progress")
TOO_LARGE: Final = ProblemType("too-large", 413, "Request body too large")
UNPROCESSABLE: Final = ProblemType("unprocessable", 422, "Unprocessable request")
KEY_REUSED: Final = ProblemType("idempotency-key-reused", 422, "Idempotency-Key already used")
TOO_MANY_REQUESTS: Final = ProblemType("too-many-requests", 429, "Too many requests")
GATEWAY_REFUSED: Final = ProblemType("gateway-refused", 422, "Rejected by the Gateway")
GATEWAY_MISCONFIGURED: Final = ProblemType("gateway-misconfigured", 502, "Gateway misconfigured")
GATEWAY_UNAVAILABLE: Final = ProblemType("gateway-unavailable", 503, "Gateway unavailable")
UNAVAILABLE: Final = ProblemType("unavailable", 503, "Service unavailable")
MISCONFIGURED: Final = ProblemType("misconfigured", 500, "Service misconfigured")
INTERNAL: Final = ProblemType("internal", 500, "Internal error")

CATALOGUE: Final = (
    INVALID_REQUEST,
    WEBHOOK_REFUSED,
    UNUSABLE_TOKEN,
    FORBIDDEN,
    NOT_FOUND,
    REFERENCE_TAKEN,
    CASE_CONFLICT,
    REQUEST_IN_PROGRESS,
    TOO_LARGE,
    UNPROCESSABLE,
    KEY_REUSED,
    TOO_MANY_REQUESTS,
    GATEWAY_REFUSED,
    GATEWAY_MISCONFIGURED,
    GATEWAY_UNAVAILABLE,
    UNAVAILABLE,
    MISCONFIGURED,
    INTERNAL,
)


class Problem(Exception):
    """An error response. `errors` names each field at fault; `headers` are added to the response."""

    def __init__(
        self,
        type_: ProblemType,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.type = type_
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.members = members

    def body(self) -> dict[str, Any]:
        """The `application/problem+json` document."""
        document: dict[str, Any] = {
            "type": self.type.uri,
            "title": self.type.title,
            "status": self.type.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = list(self.errors)
        return document | self.members


def of_validation(error: ValidationError) -> Problem:
    """The problem for a body that does not match its model. It names each field at fault once and repeats no value.

    A list or object with a field at fault is not a second fault: the model counts its remaining elements.
    """
    found = {_place(each): each for each in reversed(error.errors(include_url=False, include_input=False))}
    deepest = [loc for loc in reversed(found) if not any(loc == other[: len(loc)] != other for other in found)]
    errors = [
        {"field": ".".join(str(part) for part in loc) or "body", "detail": _in_words(found[loc])} for loc in deepest
    ]
    return Problem(INVALID_REQUEST, f"{errors[0]['field']}: {errors[0]['detail']}", errors=errors)


def of_field(field: str, detail: str, type_: ProblemType = INVALID_REQUEST) -> Problem:
    """The problem for one field at fault."""
    return Problem(type_, f"{field}: {detail}", errors=[{"field": field, "detail": detail}])


def _place(error: "ErrorDetails") -> tuple[int | str, ...]:
    """The place of a fault. A model that compares its fields names the one at fault itself."""
    own = (str(error["ctx"]["field"]),) if error["type"] == "field" else ()
    return (*error["loc"], *own)


def _in_words(error: "ErrorDetails") -> str:
    """The fault of a field, in the API's words. The validator's own text would name its types."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "field":
        return str(context["detail"])
    if context.get("min_length") == 1:
        return "must not be empty"
    if kind == "value_error":  # raised by the model, in our words
        return str(context["error"])
    if kind == "literal_error":
        return "must be " + str(context["expected"]).replace("'", "")
    text = next((text for start, text in _WORDS.items() if kind.startswith(start)), "is not valid")
    return text.format_map({name: value for name, value in context.items() if name in _BOUNDS})


# By the type of a validator's error, or the start of it.
_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this request",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "has a character that it cannot have",
    "string_": "must be text",
    "int_": "must be a whole number",
    "bool_": "must be true or false",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "decimal_max_places": "must have at most {decimal_places} decimals",
    "decimal_max": "has too many digits",
    "decimal_whole": "has too many digits",
    "decimal_": "must be a number",
    "finite_number": "must be a number",
    "float_": "must be a number",
    "too_short": "must have at least {min_length} elements",
    "too_long": "must have at most {max_length} elements",
    "tuple_": "must be a list",
    "list_": "must be a list",
    "model_": "must be an object",
    "dict_": "must be an object",
    "url_": "must be a URL",
}
_BOUNDS: Final = frozenset({"min_length", "max_length", "ge", "gt", "le", "lt", "decimal_places"})
