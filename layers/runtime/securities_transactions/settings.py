"""The settings of a deployment, typed. docs/reference/settings.md describes each.

Each value is read from the function's environment when the part that needs it is built. A function without a required
variable fails at startup, and the error names the variable.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from securities_transactions.domain.transaction import ConfirmPolicy


class MissingSetting(Exception):
    """A required environment variable is not set. The message names it."""


def statuses_in(text: str) -> frozenset[int]:
    """The HTTP statuses in a comma-separated list; `ValueError` for anything else."""
    return frozenset(int(each) for each in text.split(","))


@dataclass(frozen=True)
class Settings:
    """The settings in a function's `environment`."""

    environment: Mapping[str, str]

    @property
    def transactions_table(self) -> str:
        """The name of the Transactions table."""
        return self._text("TRANSACTIONS_TABLE")

    @property
    def users_table(self) -> str:
        """The name of the Users table."""
        return self._text("USERS_TABLE")

    @property
    def webhooks_table(self) -> str:
        """The name of the Webhooks table."""
        return self._text("WEBHOOKS_TABLE")

    @property
    def idempotency_table(self) -> str:
        """The name of the Idempotency table."""
        return self._text("IDEMPOTENCY_TABLE")

    @property
    def books_table(self) -> str:
        """The name of the Books table."""
        return self._text("BOOKS_TABLE")

    @property
    def books_close_at(self) -> time:
        """The time at which the books of a day are closed, in IST."""
        return time.fromisoformat(self._text("BOOKS_CLOSE_AT"))

    @property
    def books_window_days(self) -> int:
        """The number of days before its time of closing that the books of a day cover."""
        return int(self._text("BOOKS_WINDOW_DAYS"))

    @property
    def positions_table(self) -> str:
        """The name of the example ledger's table."""
        return self._text("POSITIONS_TABLE")

    @property
    def messages_table(self) -> str:
        """The name of the example notifier's table."""
        return self._text("MESSAGES_TABLE")

    @property
    def webhook_retention(self) -> timedelta:
        """The retention of stored webhooks."""
        return timedelta(days=int(self._text("WEBHOOK_RETENTION_DAYS")))

    @property
    def history_table(self) -> str:
        """The name of the History table."""
        return self._text("HISTORY_TABLE")

    @property
    def history_retention(self) -> timedelta | None:
        """The time that histories are kept; `None` for ever."""
        days = int(self._text("HISTORY_RETENTION_DAYS"))
        return timedelta(days=days) if days else None

    @property
    def webhook_segments(self) -> tuple[str, ...]:
        """The allowed segments after /webhooks/orders/ in the webhook's URL.

        An empty one allows the URL without a segment.
        """
        return tuple("" if each == "none" else each for each in self._text("WEBHOOK_SEGMENTS").split(","))

    @property
    def webhook_sources(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks that webhooks are accepted from. Empty accepts all."""
        return tuple(ip_network(each, strict=False) for each in self._text("WEBHOOK_SOURCES").split(",") if each)

    @property
    def creations_per_minute(self) -> int:
        """The maximum number of transactions created for one user per minute."""
        return int(self._text("CREATIONS_PER_MINUTE"))

    @property
    def auth_id_pattern(self) -> re.Pattern[str]:
        """The exact grammar of a smallcaseAuthId."""
        return re.compile(self._text("AUTH_ID_PATTERN"), re.ASCII)

    @property
    def confirm(self) -> ConfirmPolicy:
        """The reported states that are pulled at once."""
        return ConfirmPolicy(self._text("CONFIRM"))

    @property
    def gateway_url(self) -> str:
        """The base URL of the Gateway's API."""
        return self._text("GATEWAY_URL")

    @property
    def gateway_name(self) -> str:
        """The name that the vendor issued for this gateway."""
        return self._text("GATEWAY_NAME")

    @property
    def gateway_orders_path(self) -> str:
        """The path of the Gateway's orders API."""
        return self._text("GATEWAY_ORDERS_PATH")

    @property
    def gateway_secret_arn(self) -> str:
        """The ARN of the secret with the Gateway's two secrets."""
        return self._text("GATEWAY_SECRET_ARN")

    @property
    def secret_age(self) -> timedelta:
        """The time for which the secret is cached."""
        return timedelta(seconds=float(self._text("SECRET_AGE_SECONDS")))

    @property
    def credentials_refused(self) -> frozenset[int]:
        """The statuses with which the Gateway refuses our credentials."""
        return statuses_in(self._text("CREDENTIALS_REFUSED"))

    @property
    def service_scope(self) -> str:
        """The scope of tokens that may act for every user."""
        return self._text("SERVICE_SCOPE")

    @property
    def operator_scope(self) -> str:
        """The scope of tokens with which a person works on open cases."""
        return self._text("OPERATOR_SCOPE")

    @property
    def two_person_resolution(self) -> bool:
        """True if a second person has to approve each resolution."""
        return self._text("TWO_PERSON_RESOLUTION") == "true"

    @property
    def event_bus(self) -> str:
        """The name of the bus."""
        return self._text("EVENT_BUS")

    @property
    def dead_letter_queue_url(self) -> str:
        """The URL of the queue of records and events that the publisher sets aside."""
        return self._text("DEAD_LETTER_QUEUE_URL")

    @property
    def pull_queue_url(self) -> str:
        """The URL of the queue of pull requests."""
        return self._text("PULL_QUEUE_URL")

    @property
    def final_reports_queue_url(self) -> str:
        """The queue of requests to pull transactions whose final state is reported."""
        return self._text("FINAL_REPORTS_QUEUE_URL")

    @property
    def gateway_ids_per_call(self) -> int:
        """The number of transactions in one call of the Gateway's orders API."""
        return int(self._text("GATEWAY_IDS_PER_CALL"))

    @property
    def gateway_ids_parameter(self) -> str:
        """The way to name several transactions in one call of the Gateway's orders API."""
        return self._text("GATEWAY_IDS_PARAMETER")

    def _text(self, name: str) -> str:
        value = self.environment.get(name)
        if value is None:
            raise MissingSetting(f"the environment variable {name} is not set")
        return value
