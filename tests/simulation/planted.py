"""Bugs planted at the product's seams, one at a time. The simulation must catch each as a broken promise.

A bug replaces an injected part: a storage class, a client, a rule of the domain, a setting or a handler. The product's
source stays unchanged. The bugs are plausible mistakes of a good engineer.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from securities_transactions.bootstrap import Application
from securities_transactions.http.idempotency import Once
from securities_transactions.services.ingest_webhook import Reconsider, Verify
from securities_transactions.services.publish_updates import Record, Update
from securities_transactions.services.reconcile import Decide, PullsTransactions, Reconcile
from securities_transactions.storage.transactions import Transactions
from securities_transactions.storage.users import Users
from tests.simulation import edge_bugs as edge
from tests.simulation import rule_bugs as rules
from tests.simulation import service_bugs as services
from tests.simulation import storage_bugs as storage
from tests.simulation.product import Bug


@dataclass(frozen=True)
class PlantedBug:
    """A bug and what it is called."""

    name: str
    bug: Bug


def _transactions(kind: type[Transactions]) -> Bug:
    def plant(application: Application) -> None:
        table = application.settings.transactions_table
        application.transactions = kind(application.clients.dynamodb, table, application.pause)

    return Bug(plant)


def _users(kind: type[Users]) -> Bug:
    def plant(application: Application) -> None:
        table = application.settings.users_table
        application.users = kind(application.clients.dynamodb, table, application.transactions)

    return Bug(plant)


def _decide(decide: Decide) -> Bug:
    def plant(application: Application) -> None:
        application.reconcile = replace(application.reconcile, decide=decide)

    return Bug(plant)


def _verify(verify: Verify) -> Bug:
    def plant(application: Application) -> None:
        application.ingest_webhook = replace(application.ingest_webhook, verify=verify)

    return Bug(plant)


def _reconsider(reconsider: Reconsider) -> Bug:
    def plant(application: Application) -> None:
        application.ingest_webhook = replace(application.ingest_webhook, reconsider=reconsider)

    return Bug(plant)


def _read(read: Callable[[Record], Update]) -> Bug:
    def plant(application: Application) -> None:
        application.publish_updates = replace(application.publish_updates, read=read)

    return Bug(plant)


def _gateway(changed: Callable[[Application], PullsTransactions]) -> Bug:
    def plant(application: Application) -> None:
        application.reconcile = replace(application.reconcile, gateway=changed(application))

    return Bug(plant)


def _reconcile(kind: type[Reconcile]) -> Bug:
    def plant(application: Application) -> None:
        application.reconcile = kind(**vars(application.reconcile))

    return Bug(plant)


def _clients(name: str, changed: Callable[[Any], Any]) -> Bug:
    def plant(application: Application) -> None:
        clients: Any = application.clients
        application.clients = services.ClientsWith(clients, name, changed(getattr(clients, name)))

    return Bug(plant)


def _once(kind: type[Once]) -> Bug:
    def plant(application: Application) -> None:
        application.once = kind(application.clients.dynamodb, application.settings.idempotency_table)

    return Bug(plant)


def _show_anyone(application: Application) -> None:
    application.read_orders = edge.ShowsAnyone(
        application.transactions, lambda: application.users, lambda: application.reconcile
    )


def _connect_any_account(application: Application) -> None:
    application.issue_sdk_token = edge.ConnectsAnyAccount(**vars(application.issue_sdk_token))


def _put_backwards(application: Application) -> None:
    application.publish_updates = replace(application.publish_updates, put=edge.put_backwards)


def _adopt_without_lease(application: Application) -> None:
    leases = application.reconcile.leases
    assert leases is not None
    everyones = storage.LeasesEveryAdoption(leases.client, leases.table)
    application.reconcile = replace(application.reconcile, leases=everyones)


def _expire_within_lag(application: Application) -> None:
    _users(storage.ChecksAtExpiry).application(application)
    policy = replace(application.reconcile.policy, expiry_grace=timedelta())
    application.reconcile = replace(application.reconcile, policy=policy)


def _store_nothing_suspicious(application: Application) -> None:
    webhooks = application.ingest_webhook.webhooks
    lossy = storage.DropsSuspicious(webhooks.client, webhooks.table, webhooks.retention)
    application.ingest_webhook = replace(application.ingest_webhook, webhooks=lossy)


def _drop_previous_secret(application: Application) -> None:
    application.read_secrets = services.HidesPreviousSecret(application.read_secrets)


def _reread_every_half_minute(application: Application) -> None:
    application.read_secrets = services.RereadsSeldom(application.read_secrets, application.clock)


def _call_with_current_secret_alone(application: Application) -> None:
    application.credentials = services.TriesNoOther(application.read_secrets)


def _decode_tokens(application: Application) -> None:
    application.accept_sdk_response = replace(application.accept_sdk_response, verify=rules.decode_token)


def _put_by_tens(application: Application) -> None:
    application.publish_updates = replace(application.publish_updates, put=services.put_by_tens)


_PUBLISHES_IN_HANDLER: Final = Bug(_read(rules.publish_nothing_reported).application, services.publish_in_handler)

BUGS: Final = (
    PlantedBug("settle what a webhook reports", _transactions(storage.SettlesReports)),
    PlantedBug("drop the condition on the revision", _transactions(storage.IgnoresRevisions)),
    PlantedBug("compare revisions by timestamp only", _transactions(storage.ComparesTimestamps)),
    PlantedBug("count versions with ADD and no condition", _transactions(storage.AddsVersions)),
    PlantedBug("reject webhooks older than five minutes", _verify(rules.reject_old)),
    PlantedBug("drop a checksum that was seen within a day", _transactions(storage.DropsSeenChecksums)),
    PlantedBug("ignore FailedEntryCount", _clients("events", services.HidesFailedEntries)),
    PlantedBug("acknowledge a webhook whose write failed", Bug(handler=services.acknowledge_failed_writes)),
    PlantedBug("publish from the handler", _PUBLISHES_IN_HANDLER),
    PlantedBug("decode a token without verifying it", Bug(_decode_tokens)),
    PlantedBug("let characters move across the checksum's boundary", _verify(rules.move_boundary)),
    PlantedBug("do not compare the checksum", _verify(rules.accept_any_checksum)),
    PlantedBug("ignore the pull's lease", _transactions(storage.LeasesAlways)),
    PlantedBug("adopt without a lease", Bug(_adopt_without_lease)),
    PlantedBug("link an account without reading its owner", _users(storage.LinksWithoutOwner)),
    PlantedBug("settle open orders", _decide(rules.settle_open_orders)),
    PlantedBug("let a lagging pull take a correction back", _decide(rules.take_correction_back)),
    PlantedBug("drop a suspicion at the first pull", _decide(rules.drop_suspicions)),
    PlantedBug("call a correction stale while nothing is settled", _reconsider(rules.call_unsettled_correction_stale)),
    PlantedBug("let an order at ERROR look placed again", _transactions(storage.IgnoresMovedOrders)),
    PlantedBug("accept a lagging pull", _decide(rules.accept_lagging_pull)),
    PlantedBug("expire a transaction within the Gateway's lag", Bug(_expire_within_lag)),
    PlantedBug("take order_pending for a failure", _decide(rules.fail_on_any_error)),
    PlantedBug("schedule no further check", _decide(rules.end_checks)),
    PlantedBug("end the checks at the first failure of the Gateway", _reconcile(services.EndsChecksAtFailure)),
    PlantedBug("acknowledge a pull that failed", _reconcile(services.AcknowledgesFailures)),
    PlantedBug(
        "take a rejected secret for an unknown transaction",
        _gateway(lambda application: services.HidesCredentialErrors(application.gateway)),
    ),
    PlantedBug(
        "give up an adoption while the Gateway lags",
        _gateway(lambda application: services.HidesUnnamedUsers(application.gateway, application.transactions)),
    ),
    PlantedBug(
        "take a row of the orders API for every transaction of the call",
        _gateway(lambda application: services.TakesOneRowForAll(application.gateway)),
    ),
    PlantedBug("put two versions of a transaction into one PutEvents", Bug(_put_by_tens)),
    PlantedBug("request no pull for a suspicious webhook", _read(rules.request_no_pull_for_suspicious)),
    PlantedBug("do not store suspicious webhooks", Bug(_store_nothing_suspicious)),
    PlantedBug("close the books without checking", _transactions(storage.SchedulesNothing)),
    PlantedBug("close one partition of the books", _transactions(storage.ReadsOnePartition)),
    PlantedBug("drop the previous secret during a rotation", Bug(_drop_previous_secret)),
    PlantedBug("let forged webhooks spend the budget of reads", Bug(_reread_every_half_minute)),
    PlantedBug("call the Gateway with the current secret alone", Bug(_call_with_current_secret_alone)),
    PlantedBug("go back behind what was confirmed", _decide(rules.go_back)),
    PlantedBug("take corrections for late retries", _reconsider(rules.call_late_correction_stale)),
    PlantedBug("overwrite what changed since it was read", _transactions(storage.OverwritesTransitions)),
    PlantedBug("link an account without its owner condition", _users(storage.LinksWithoutCondition)),
    PlantedBug("take any newer version for its own write", _transactions(storage.ClaimsNewerVersions)),
    PlantedBug("retract orders without the reported account", _decide(rules.retract_orders_alone)),
    PlantedBug("take a repeated lease for busy", _transactions(storage.RejectsRepeatedLeases)),
    PlantedBug(
        "book in the ledger without its lock",
        _clients("dynamodb", lambda client: storage.unconditional_puts(client, "Positions")),
    ),
    PlantedBug("create anew whatever the Idempotency-Key", _once(edge.Anew)),
    PlantedBug("keep an Idempotency-Key after the creation alone", _once(edge.KeepsKeysAfterwards)),
    PlantedBug("share Idempotency-Keys among users", _once(edge.OneUsersKeys)),
    PlantedBug("answer another body under the same Idempotency-Key", _once(edge.AnyBody)),
    PlantedBug("show a transaction to any user", Bug(_show_anyone)),
    PlantedBug("skip an entry at the end of a page", _users(edge.SkipsAtPageEnds)),
    PlantedBug("accept a cursor of another user's", Bug(handler=edge.accept_any_cursor)),
    PlantedBug("read what was stored before", _transactions(edge.ReadsStale)),
    PlantedBug("issue a token for any account", Bug(_connect_any_account)),
    PlantedBug("unlink an account for any user", _users(edge.UnlinksForAnyone)),
    PlantedBug("put the newest event first", Bug(_put_backwards)),
    PlantedBug("state the own sequence as the previous one", _read(edge.skip_in_previous_sequence)),
    PlantedBug("book every event, booked before or not", _clients("dynamodb", edge.book_every_event)),
    PlantedBug("acknowledge a notification that failed", Bug(handler=edge.acknowledge_failed_notices)),
    PlantedBug("name a message anew each time", _clients("dynamodb", edge.name_messages_anew)),
    PlantedBug("leave a check where it was", _decide(edge.leave_the_check)),
    PlantedBug("check once a day from the beginning", _decide(edge.check_once_a_day)),
    PlantedBug("let the first outcome wait for the lease", _transactions(edge.DeniesFirstOutcome)),
    PlantedBug("drop unplaced orders", _gateway(lambda application: edge.DropsUnplaced(application.gateway))),
)
