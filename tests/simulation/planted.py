"""Bugs planted in the product's own code, one at a time: each must break a promise, or the simulation has no teeth.

A plant replaces a piece of a function's source, or a name, while it lasts. Names of bugs are what somebody might do in
good faith.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from securities_transactions.domain import checksum, reconciliation, webhook_verification
from securities_transactions.domain.revision import Snapshot
from securities_transactions.events import builder
from securities_transactions.events import publisher as bus
from securities_transactions.events.publisher import entry, publish
from securities_transactions.gateway import tokens
from securities_transactions.gateway.secrets import GatewaySecrets
from securities_transactions.services import create_transaction, publish_updates
from securities_transactions.services.reconcile import Puller
from securities_transactions.storage import dynamodb
from securities_transactions.storage.transactions import Transactions
from securities_transactions.storage.users import Notes
from securities_transactions.storage.webhooks import Webhooks
from tests.simulation.product import handlers

Undo = Callable[[], None]
Change = Callable[[], Undo]


@dataclass(frozen=True)
class Plant:
    """A bug: what it is called, and the changes that make it."""

    name: str
    changes: tuple[Change, ...]


def source(function: Any, *edits: tuple[str, str]) -> Change:
    """`function` with pieces of its source replaced; each must be there once. Every reference to it is changed."""

    def change() -> Undo:
        target = function() if function is _reconcile else function
        before = target.__code__
        text = textwrap.dedent(inspect.getsource(target))
        for old, new in edits:
            if text.count(old) != 1:
                raise ValueError(f"{target.__qualname__} has {text.count(old)} times {old!r}")
            text = text.replace(old, new)
        text = re.sub(r"\A(\s*@.*\n)+", "", text)
        space: dict[str, Any] = {}
        code = compile(text, target.__code__.co_filename, "exec")
        exec(code, dict(target.__globals__), space)  # noqa: S102  # our own source
        target.__code__ = space[target.__name__].__code__

        def undo() -> None:
            target.__code__ = before

        return undo

    return change


def name(holder: Any, attribute: str, value: Callable[[Any], Any]) -> Change:
    """`attribute` of `holder` (or of what it gives) replaced by what `value` makes of it."""

    def change() -> Undo:
        place = holder() if holder in (_ingest, _publisher) else holder
        before = inspect.getattr_static(place, attribute)
        setattr(place, attribute, value(before))
        return lambda: setattr(place, attribute, before)

    return change


@contextmanager
def planted(plant: Plant) -> Iterator[None]:
    """While this lasts, the bug is in; use it inside `simulated()`."""
    undos: list[Undo] = []
    try:
        for change in plant.changes:
            undos.append(change())  # noqa: PERF401  # what is done must be undone, also where the next one fails
        yield
    finally:
        for undo in reversed(undos):
            undo()


def _acknowledge_first(handler: Any) -> Any:
    def acknowledged(event: Any, context: Any) -> Any:
        answer = handler(event, context)
        return {**answer, "statusCode": 200} if answer["statusCode"] >= 500 else answer

    return acknowledged


def _publish_in_handler(handler: Any) -> Any:
    """What was reported is published by the handler that wrote it, and not by the stream."""

    def publishing(event: Any, context: Any) -> Any:
        functions = handlers()
        transactions = functions["ingest_webhook"].transactions
        stream = transactions.client.tables["Transactions"].stream
        before = len(stream)
        answer = handler(event, context)
        publisher = functions["publish_updates"]
        for record in stream[before:]:
            found = [entry(each, "bus") for each in _EVENTS_OF(record)]
            publish(publisher.eventbridge, found, publisher.pause)
        return answer

    return publishing


_EVENTS_OF = publish_updates.events_of


def _not_reported(events_of: Any) -> Any:
    def of_others(record: Any) -> Any:
        image = record["dynamodb"].get("NewImage", {})
        return [] if image.get("confirmation", {}).get("S") == "reported" else events_of(record)

    return of_others


def _remembering(report: Any) -> Any:
    """Drop what has a timestamp and a smallcaseAuthId that were seen within a day."""

    def remembered(self: Any, said: Any, now: Any, **more: Any) -> Any:
        seen = vars(self).setdefault("seen", {})
        key = (said.snapshot.timestamp, said.smallcase_auth_id)
        if key in seen and (now - seen[key]).total_seconds() < 24 * 3600:
            return "duplicate"
        answer = report(self, said, now, **more)
        seen[key] = now
        return answer

    return remembered


def _ingest() -> Any:
    return handlers()["ingest_webhook"]


def _publisher() -> Any:
    return handlers()["publish_updates"]


def _reconcile() -> Any:
    return handlers()["reconcile"].pull


_UNSCHEDULED: Final = "    return Change(change.set, change.remove | _CHECKS - change.set.keys(), change.counts)\n"
_UNKEPT: Final = """if isinstance(verdict, Doubt):
        return True
    packed = zlib.compress(raw, 9)"""
_UNCONDITIONAL: Final = (
    source(
        Transactions.change_arguments,
        ('"#version = :version"', '"#version <> :none"'),
        ("dict[str, Any](version=stored.version)", "dict[str, Any](none=0)"),
        ("if name in change.set or name in change.remove:", "if False:"),
    ),
)
_CONDITION: Final = (
    '"(attribute_not_exists(#revision) OR (#revision < :revision AND NOT contains(#revision, :digest)))"'
)

PLANTS: Final = (
    Plant(
        "trust the body: settle what a webhook reports",
        (
            source(
                Transactions.report,
                ("if needs_confirming(snapshot, confirm):", "if False:"),
                ('confirm == "none" and ', ""),
            ),
        ),
    ),
    Plant(
        "drop the condition on the revision",
        (
            source(
                Transactions.report,
                (_CONDITION, _CONDITION.replace("#revision < :revision AND NOT", "#revision <> :revision OR")),
                ('"attribute_not_exists(settledAt)",', ""),
            ),
        ),
    ),
    Plant(
        "compare by timestamp only",
        (name(Snapshot, "revision", lambda _: property(lambda self: f"{'0' * 21}|{self.timestamp}|{self.digest}")),),
    ),
    Plant(
        "count versions with ADD and no condition",
        (
            source(
                dynamodb.update,
                ('clauses.append("#version = #version + :one")', "pass"),
                ("expression.strip()", '(expression + (" ADD #version :one" if counts else "")).strip()'),
            ),
            *_UNCONDITIONAL,
        ),
    ),
    Plant(
        "refuse what is older than five minutes",
        (
            source(
                webhook_verification.judge,
                ("now - policy.fresh_for", "now - policy.ahead_by"),
                ('return Doubt("timestamp is stale or ahead", transaction_id, auth_id)', 'return Refuse("stale")'),
            ),
        ),
    ),
    Plant("remember checksums for a day and drop what was seen", (name(Transactions, "report", _remembering),)),
    Plant("ignore FailedEntryCount", (source(bus.Putting.call, ('if result.get("ErrorCode")]\n', "if False]\n")),)),
    Plant("acknowledge although the write failed", (name(_ingest, "handler", _acknowledge_first),)),
    Plant(
        "publish from the handler",
        (name(_ingest, "handler", _publish_in_handler), name(_publisher, "events_of", _not_reported)),
    ),
    Plant(
        "decode a token without verifying it",
        (source(tokens.verify, ('"verify_exp": False', '"verify_signature": False, "verify_exp": False')),),
    ),
    Plant(
        "let characters move across the checksum's boundary",
        (
            name(checksum, "_TIMESTAMP", lambda _: re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z[0-9a-f]?")),
            source(checksum.parse_timestamp, ("fromisoformat(text)", "fromisoformat(text[:24])")),
            name(_ingest, "policy", lambda _: webhook_verification.Policy(auth_id=re.compile("[0-9a-f]{23,24}"))),
        ),
    ),
    Plant("do not check the checksum", (source(checksum.is_genuine, ("return any(matches)", "return True")),)),
    Plant(
        "ignore the pull's lease",
        (source(Transactions.lease_pull, (" OR #pulledAt < :latest OR", " OR #pulledAt <> :latest OR")),),
    ),
    Plant(
        "adopt without bound",
        (source(Puller._adopt, ("if not self.adoption_lease(", "if False and not self.adoption_lease(")),),
    ),
    Plant(
        "link an account without asking whose it is",
        (
            source(Notes.link, ('"ConditionExpression": "attribute_not_exists(notes)",', "")),
            source(Notes.standing, ('"conflict"', '"linked"')),
        ),
    ),
    Plant(
        "settle what is not final",
        (source(reconciliation._with_orders, ("    if final:\n        contra", "    if True:\n        contra")),),
    ),
    Plant(
        "let a lagging pull take a correction back",
        (source(reconciliation._behind, ('"later" if _may_lag(stored, truth, policy) else None', "None")),),
    ),
    Plant(
        "forget a doubt once the Gateway says the same",
        (source(reconciliation._doubt_may_lag, ("return doubted is not None and", "return False and")),),
    ),
    Plant(
        "call a correction stale while nothing is settled",
        (source(webhook_verification.reconsider, ("known.is_final and batch.is_final and", "False and")),),
    ),
    Plant(
        "let an order at ERROR look placed again",
        (source(vars(Snapshot)["progress"].fget, ("sum(order.status != statuses.PLACED for order in orders)", "0")),),
    ),
    Plant(
        "believe a pull that lags", (source(reconciliation._may_lag, ("return bool(said) and", "return False and")),)
    ),
    Plant(
        "call expired before the Gateway's lag is over",
        (
            source(reconciliation._failure, ("expire_at + policy.expiry_grace", "expire_at")),
            name(create_transaction, "FIRST_CHECK_AFTER_EXPIRY", lambda _: timedelta(minutes=1)),
        ),
    ),
    Plant(
        "take order_pending for a failure",
        (source(reconciliation._outcome_open, ("return error is not None and", "return False and")),),
    ),
    Plant(
        "schedule no further check",
        (
            source(reconciliation.wait, ("return Change(_next(", "return Change() if soon else Change(_next(")),
            source(reconciliation._ask, ("| _next(stored, now, stored.checks or 0, jitter)", "")),
            source(reconciliation.decide, ("    return change\n", _UNSCHEDULED)),
        ),
    ),
    Plant(
        "settle for good at the first failure of the Gateway",
        (source(reconciliation.wait, ("return Change(_next(", "return Change(remove=_CHECKS) or Change(_next(")),),
    ),
    Plant(
        "acknowledge a pull that failed",
        (source(_reconcile, ("return puller.is_scheduled(transaction_id)", "return True")),),
    ),
    Plant(
        "take a refusal of our secret for an unknown transaction",
        (source(Puller._adopt, ("if error.is_about_us:", "if False:")),),
    ),
    Plant(
        "give an adoption up because the Gateway lags",
        (source(Puller._adopt, ('return "deferred" if truth.batch is None else "unknown"', 'return "unknown"')),),
    ),
    Plant("two versions of a transaction in one PutEvents", (source(bus._chunks, (" or overtaking", "")),)),
    Plant(
        "do not ask for what was doubted",
        (source(builder.of_webhook, ("if kept.transaction_id is None:", "if True:")),),
    ),
    Plant("keep no webhook that is doubted", (source(Webhooks.keep, ("packed = zlib.compress(raw, 9)", _UNKEPT)),)),
    Plant(
        "forget the previous secret while rotating",
        (name(GatewaySecrets, "webhook_keys", lambda _: property(lambda self: (self.api,))),),
    ),
    Plant(
        "go back behind what was confirmed",
        (source(reconciliation._behind, ('== "confirmed" and lasting(', '== "none" and lasting(')),),
    ),
    Plant(
        "hold corrections for late retries",
        (
            source(
                webhook_verification.reconsider,
                ('if report.snapshot.batch.is_final else "stale"', 'if revision > stored.revision else "stale"'),
            ),
        ),
    ),
    Plant("write over what changed since it was read", _UNCONDITIONAL),
)
