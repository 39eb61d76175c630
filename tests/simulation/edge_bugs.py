"""Bugs at the HTTP edge, in services and in consumers: each has the interface of the part that it replaces."""

import base64
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from securities_transactions.bootstrap import Application
from securities_transactions.domain import reconciliation
from securities_transactions.domain.account_linking import LinkedAccount
from securities_transactions.domain.cause import Cause
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.selection import EVERYTHING, Selection
from securities_transactions.domain.statuses import GatewayStatus
from securities_transactions.domain.transaction import Transaction
from securities_transactions.domain.transitions import ScheduleCheck, Transition
from securities_transactions.events.publisher import Entry, Outcome, publish
from securities_transactions.http import cursor
from securities_transactions.http.idempotency import Once
from securities_transactions.http.request import Request
from securities_transactions.services.issue_sdk_token import Connect, IssueSdkToken
from securities_transactions.services.publish_updates import Record, Update, update_of
from securities_transactions.services.read_orders import Read, ReadOrders
from securities_transactions.services.reconcile import PullsTransactions
from securities_transactions.storage.transactions import ConditionFailed, Leased, Transactions
from securities_transactions.storage.users import Page, Users
from tests.application import Handler
from tests.simulation.storage_bugs import ChangedClient, unconditional_puts

Policy = reconciliation.Policy
Do = Callable[[], Mapping[str, Any]]


# --- creating


class Anew(Once):
    """Does everything again, with any key."""

    def __call__(self, request: Request, user_id: str, asked: BaseModel, do: Do) -> tuple[Mapping[str, Any], bool]:
        return do(), False


class OneUsersKeys(Once):
    """Takes two users with the same key for one."""

    def __call__(self, request: Request, user_id: str, asked: BaseModel, do: Do) -> tuple[Mapping[str, Any], bool]:
        return super().__call__(request, "every user", asked, do)


class Anything(BaseModel):
    """A request of which nothing is compared."""

    same: bool = True


class AnyBody(Once):
    """Answers another request with the same key as the first."""

    def __call__(self, request: Request, user_id: str, asked: BaseModel, do: Do) -> tuple[Mapping[str, Any], bool]:
        return super().__call__(request, user_id, Anything(), do)


class KeepsKeysAfterwards(Once):
    """Stores a key once its transaction is created, so that two requests at once do not meet."""

    def __call__(self, request: Request, user_id: str, asked: BaseModel, do: Do) -> tuple[Mapping[str, Any], bool]:
        done = do()
        return super().__call__(request, user_id, asked, lambda: done)


# --- reading


class ShowsAnyone(ReadOrders):
    """Shows a transaction to every user who has its id."""

    def one(
        self,
        transaction_id: str,
        may_see: Callable[[str], bool],
        *,
        refresh: bool = False,
        cause_for: Callable[[str], Cause] | None = None,
    ) -> Read:
        return super().one(transaction_id, lambda user_id: True, refresh=refresh, cause_for=cause_for)


class SkipsAtPageEnds(Users):
    """Goes on one entry too far after a page."""

    def transactions_of(
        self, user_id: str, limit: int, after: str | None = None, selection: Selection = EVERYTHING
    ) -> Page:
        page = super().transactions_of(user_id, limit + 1, after, selection)
        return Page(page.pointers[:limit], page.after)


class ReadsStale(Transactions):
    """Reads what was stored at the last read but one."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._before: dict[str, Transaction] = {}

    def get(self, transaction_id: str) -> Transaction | None:
        found = super().get(transaction_id)
        if found is None:
            return None
        stale = self._before.get(transaction_id, found)
        self._before[transaction_id] = found
        return stale


class ConnectsAnyAccount(IssueSdkToken):
    """Takes the smallcaseAuthId in a request for one of the user's."""

    def account_for(self, user_id: str, connect: Connect, smallcase_auth_id: str | None) -> LinkedAccount | None:
        if smallcase_auth_id is not None:
            return LinkedAccount(smallcase_auth_id, None, self.clock())
        return super().account_for(user_id, connect, smallcase_auth_id)


class UnlinksForAnyone(Users):
    """Unlinks an account for any user who names it."""

    def unlink(self, user_id: str, smallcase_auth_id: str) -> bool:
        owner = self.owner_of(smallcase_auth_id)
        return owner is not None and super().unlink(owner, smallcase_auth_id)


def accept_any_cursor(name: str, handler: Handler, application: Application) -> Handler:
    """A cursor is good for every user."""
    if name != "fetch_orders":
        return handler

    def anyones(event: Any, context: Any) -> Any:
        query = event.get("queryStringParameters") or {}
        if "cursor" not in query:
            return handler(event, context)
        text = base64.urlsafe_b64decode(query["cursor"] + "==").decode()
        user = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
        entry, filters, _ = text.split("\n")
        own = cursor.encode(user, entry, filters)
        return handler({**event, "queryStringParameters": {**query, "cursor": own}}, context)

    return anyones


# --- publishing


def put_backwards(client: Any, entries: Iterable[Entry], pause: Callable[[int], None]) -> Outcome:
    """Put the newest first."""
    return publish(client, list(entries)[::-1], pause)


def skip_in_previous_sequence(record: Record) -> Update:
    """`previousSequence` is the sequence of the event itself."""
    update = update_of(record)
    events = [
        event.model_copy(update={"previousSequence": event.sequence}) if hasattr(event, "previousSequence") else event  # type: ignore[attr-defined]  # those of a state have both
        for event in update.events
    ]
    return replace(update, events=events)


# --- consuming


def book_every_event(client: Any) -> Any:
    """A client that hides from the ledger what it has booked."""

    def get_item(**arguments: Any) -> Any:
        return {} if arguments["TableName"] == "Positions" else client.get_item(**arguments)

    return ChangedClient(unconditional_puts(client, "Positions"), get_item=get_item)


def acknowledge_failed_notices(name: str, handler: Handler, application: Application) -> Handler:
    """The notifier acknowledges what failed."""
    if name != "notifier":
        return handler
    return lambda event, context: handler(event, context) and {"batchItemFailures": []}


def name_messages_anew(client: Any) -> Any:
    """A client that stores each message under a name of its own."""

    def put_item(**arguments: Any) -> Any:
        item = arguments["Item"]
        if arguments["TableName"] == "Messages":
            name = f"{item['message']['S']}#{random.random()}"
            arguments["Item"] = {**item, "message": {"S": name}}
        return client.put_item(**arguments)

    return ChangedClient(client, put_item=put_item)


# --- checking


def leave_the_check(
    stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float
) -> Transition:
    """A pull that changes nothing leaves its check where it was."""
    transition = reconciliation.reconcile(stored, state, now, policy, jitter)
    waits = transition.outcome is None and isinstance(transition.check, ScheduleCheck)
    return replace(transition, check=None) if waits else transition


def check_once_a_day(
    stored: Transaction, state: GatewayTransaction, now: datetime, policy: Policy, jitter: float
) -> Transition:
    """The backoff begins with its last step."""
    transition = reconciliation.reconcile(stored, state, now, policy, jitter)
    if not isinstance(transition.check, ScheduleCheck):
        return transition
    return replace(transition, check=ScheduleCheck(now + timedelta(days=1, seconds=60 * jitter), 20))


class DeniesFirstOutcome(Transactions):
    """Lets the first outcome wait for the lease of a pull that cannot have shown it."""

    def _lease_first_outcome(
        self, stored: Transaction, stamp: str, suspected: Mapping[str, Any]
    ) -> Leased | ConditionFailed:
        return ConditionFailed(stored)


@dataclass(frozen=True)
class DropsUnplaced:
    """A client of the Gateway that reads placed orders alone, where there are some or none."""

    gateway: PullsTransactions

    def pull(
        self,
        transaction_id: str,
        now: datetime,
        batch_id: str | None = None,
        known_open: GatewayStatus | None = None,
    ) -> GatewayTransaction:
        return self._without_unplaced(self.gateway.pull(transaction_id, now, batch_id, known_open))

    def pull_completed(self, transaction_ids: Sequence[str], now: datetime) -> dict[str, GatewayTransaction]:
        found = self.gateway.pull_completed(transaction_ids, now)
        return {id_: self._without_unplaced(state) for id_, state in found.items()}

    def _without_unplaced(self, state: GatewayTransaction) -> GatewayTransaction:
        if state.batch is None:
            return state
        return replace(state, batch=state.batch.model_copy(update={"unplaced": ()}))
