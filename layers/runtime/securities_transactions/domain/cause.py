"""The cause of a change of a transaction: it is written with the change, and its history shows it."""

from dataclasses import dataclass
from enum import StrEnum


class CauseKind(StrEnum):
    """A webhook, an SDK response that an app posted, a pull from the Gateway, an API call, or a person's decision."""

    WEBHOOK = "webhook"
    SDK = "sdk"
    PULL = "pull"
    API = "api"
    PERSON = "person"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The cause of a change. A part that is not known is `None`.

    `request_id` is that of the request to the API, else of the function's invocation: its log lines have it.
    `webhook_id` is the beginning of a webhook's id. `subject` and `client` are those of the access token; they are
    `None` where the transaction's own user called.
    """

    kind: CauseKind
    request_id: str | None = None
    webhook_id: str | None = None
    subject: str | None = None
    client: str | None = None
