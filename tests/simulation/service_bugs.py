"""Services, clients and handlers that misbehave."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from securities_transactions.bootstrap import Application
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.pull_request import PullOutcome, PullRequest
from securities_transactions.domain.transitions import END_CHECKS, Transition
from securities_transactions.events.publisher import Entry, Outcome, Putting
from securities_transactions.gateway.credentials import Credentials, CredentialsInUse
from securities_transactions.gateway.errors import GatewayError, GatewayRefused
from securities_transactions.gateway.secrets import GatewaySecrets, ReadSecrets
from securities_transactions.services.reconcile import PullsTransactions, Reconcile
from securities_transactions.storage.transactions import Transactions
from tests.application import Handler
from tests.simulation.rule_bugs import publish_events_alone

_MOST_ENTRIES: Final = 10


class ClientsWith:
    """`clients` with another one in the place of `name`."""

    def __init__(self, clients: Any, name: str, client: Any) -> None:
        vars(self).update({"_clients": clients, name: client})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clients, name)


class EndsChecksAtFailure(Reconcile):
    """Takes a failure of the Gateway for its last word."""

    def pull(self, request: PullRequest) -> PullOutcome:
        try:
            return super().pull(request)
        except GatewayError:
            stored = self.transactions.get(request.transaction_id)
            if stored is None:
                raise
            self.transactions.apply(stored, Transition(check=END_CHECKS))
            return PullOutcome.PULLED


class AcknowledgesFailures(Reconcile):
    """Takes every transaction for one that is checked again."""

    def is_scheduled(self, transaction_id: str) -> bool:
        return True


@dataclass(frozen=True)
class HidesCredentialErrors:
    """A client of the Gateway that reports a rejected credential as an unknown transaction."""

    gateway: PullsTransactions

    def pull(self, *arguments: Any) -> GatewayTransaction:
        try:
            return self.gateway.pull(*arguments)
        except GatewayRefused as error:
            raise GatewayRefused(404, error.errors, error.error_type) from error

    def pull_completed(self, transaction_ids: Sequence[str], now: datetime) -> dict[str, GatewayTransaction]:
        return self.gateway.pull_completed(transaction_ids, now)


@dataclass(frozen=True)
class TakesOneRowForAll:
    """A client of the Gateway for which a row of the orders API is about every transaction of the call."""

    gateway: PullsTransactions

    def pull(self, *arguments: Any) -> GatewayTransaction:
        return self.gateway.pull(*arguments)

    def pull_completed(self, transaction_ids: Sequence[str], now: datetime) -> dict[str, GatewayTransaction]:
        found = self.gateway.pull_completed(transaction_ids, now)
        any_ = next(iter(found.values()), None)
        return found if any_ is None else {each: replace(any_, transaction_id=each) for each in transaction_ids}


@dataclass(frozen=True)
class HidesUnnamedUsers:
    """A client of the Gateway that takes a transaction whose user is not shown yet for unknown, if none is stored."""

    gateway: PullsTransactions
    transactions: Transactions

    def pull(self, transaction_id: str, now: datetime, *more: Any) -> GatewayTransaction:
        state = self.gateway.pull(transaction_id, now, *more)
        if state.user_id is None and state.batch is None and self.transactions.get(transaction_id) is None:
            raise GatewayRefused(404, (), None)
        return state

    def pull_completed(self, transaction_ids: Sequence[str], now: datetime) -> dict[str, GatewayTransaction]:
        return self.gateway.pull_completed(transaction_ids, now)


@dataclass(frozen=True)
class HidesPreviousSecret:
    """Reads the secrets without those that stand beside the current one."""

    read_secrets: ReadSecrets

    def __call__(self, *, fresh: bool = False) -> GatewaySecrets:
        return replace(self.read_secrets(fresh=fresh), previous_api=None, next_api=None)


@dataclass
class RereadsSeldom:
    """Reads the secrets again for a wrong checksum, once in half a minute."""

    read_secrets: ReadSecrets
    clock: Callable[[], datetime]
    reread: datetime | None = None

    def __call__(self, *, fresh: bool = False) -> GatewaySecrets:
        now = self.clock()
        if not fresh or (self.reread is not None and now - self.reread < timedelta(seconds=30)):
            return self.read_secrets()
        self.reread = now
        return self.read_secrets(fresh=True)


class TriesNoOther(CredentialsInUse):
    """Calls with the current secrets, even if others are stored."""

    def others(self, refused: Credentials) -> Sequence[Credentials]:
        return []


@dataclass(frozen=True)
class HidesFailedEntries:
    """A client of EventBridge that reports every entry as accepted."""

    client: Any

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        self.client.put_events(Entries=Entries)
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in Entries]}


def put_by_tens(client: Any, entries: Iterable[Entry], pause: Callable[[int], None]) -> Outcome:
    """Put ten entries a call, whichever transactions and versions they are about."""
    putting, left = Putting(client, pause), iter(entries)
    while chunk := list(islice(left, _MOST_ENTRIES)):
        putting.put(chunk)
    return putting.end()


def acknowledge_failed_writes(name: str, handler: Handler, application: Application) -> Handler:
    """The webhook's handler responds 200 where it failed."""
    if name != "ingest_webhook":
        return handler

    def acknowledged(event: Any, context: Any) -> Any:
        response = handler(event, context)
        return response | {"statusCode": 200} if response["statusCode"] >= 500 else response

    return acknowledged


def publish_in_handler(name: str, handler: Handler, application: Application) -> Handler:
    """The webhook's handler publishes what it wrote."""
    if name != "ingest_webhook":
        return handler
    clients: Any = application.clients
    stream = clients.dynamodb.tables["Transactions"].stream
    updates = replace(application.publish_updates, read=publish_events_alone)

    def publishing(event: Any, context: Any) -> Any:
        before = len(stream)
        response = handler(event, context)
        updates.publish(stream[before:])
        return response

    return publishing
