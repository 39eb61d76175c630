"""Publishes the records of the tables' streams: events to the bus, in order, and requests to pull to their queue."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from securities_transactions import logging
from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.pull_request import PullRequest
from securities_transactions.domain.stored_webhook import StoredWebhook
from securities_transactions.domain.transaction import Confirmation, Transaction
from securities_transactions.events import builder, dead_letters
from securities_transactions.events.publisher import Entry, Outcome, Refusal, entry, publish
from securities_transactions.events.schemas import Event
from securities_transactions.services.pull_queue import PullQueues
from securities_transactions.services.service_levels import ServiceLevels, service_levels
from securities_transactions.storage import mapper
from securities_transactions.storage.dynamodb import of_attributes
from securities_transactions.storage.webhooks import webhook_of

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_sqs.client import SQSClient

Record = Mapping[str, Any]
Put = Callable[["EventBridgeClient", Iterable[Entry], Callable[[int], None]], Outcome]

_logger = logging.logger()


@dataclass(frozen=True)
class Update:
    """The result of a stream record: events for the bus, and a request to pull, if any."""

    events: Sequence[Event] = ()
    pull: PullRequest | None = None


@dataclass
class Published:
    """The numbers of events and requests to pull that were sent, and of events that the bus rejected permanently.

    `levels` are the service levels of a record batch; what an operator publishes again counts for none.
    """

    events: int = 0
    pulls: int = 0
    refused: int = 0
    levels: ServiceLevels | None = field(default=None, compare=False)


@dataclass
class _Batch:
    """A record batch as read."""

    events: list[Event] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    pulls: list[PullRequest] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    origins: dict[str, Record] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishUpdates:
    """Publishes record batches to the bus named `bus`. `pause(attempt)` waits before an entry is put again.

    `clock` gives aware UTC.
    """

    events: "EventBridgeClient"
    sqs: "SQSClient"
    bus: str
    dead_letter_queue_url: str
    pull_queues: PullQueues
    pause: Callable[[int], None]
    clock: Callable[[], datetime]
    read: Callable[[Record], Update] = lambda record: update_of(record)
    put: Put = publish

    def publish(self, records: Sequence[Record]) -> Published:
        """Publish the record batch. Raises if the bus or a queue rejects it, so that the stream delivers it again.

        Records that cannot be read and permanently rejected entries are set aside. This happens last, so that
        redelivery of the record batch does not set them aside twice.
        """
        batch = self._read(records)
        pulls = self.pull_queues.send(batch.pulls)
        outcome = self.put(self.events, batch.entries, self.pause)
        for message in batch.unreadable:
            self._set_aside(message)
        for refusal in outcome.refused:
            self._set_aside_refused(refusal, batch.origins[refusal.entry["Detail"]])
        levels = service_levels(batch.events, self.clock())
        return Published(outcome.accepted, pulls, len(outcome.refused), levels)

    def _read(self, records: Sequence[Record]) -> _Batch:
        batch = _Batch()
        for record in records:
            try:
                update = self.read(record)
                entries = [entry(each, self.bus) for each in update.events]
            except Exception as error:  # one poison record must not block every other transaction until it expires
                _logger.exception("a record cannot be read")
                batch.unreadable.append(dead_letters.of_record(record, error))
                continue
            batch.events += update.events
            batch.entries += entries
            batch.origins |= {each["Detail"]: record for each in entries}
            batch.pulls += [] if update.pull is None else [update.pull]
        return batch

    def _set_aside_refused(self, refusal: Refusal, record: Record) -> None:
        self._set_aside(dead_letters.of_entry(refusal, record))
        _logger.error("an event was rejected permanently", extra=dead_letters.named_by(refusal))

    def _set_aside(self, message: str) -> None:
        """Send the message. Raises if SQS rejects it: the stream delivers the records again."""
        self.sqs.send_message(QueueUrl=self.dead_letter_queue_url, MessageBody=message)


def update_of(record: Record) -> Update:
    """The update of one stream record. A deletion has none: it is TTL's or an operator's, not a trading fact."""
    images = record["dynamodb"]
    if "NewImage" not in images:
        return Update()
    new = of_attributes(images["NewImage"])
    if "webhookId" in new:
        webhook = webhook_of(new)
        return of_webhook(webhook) if record["eventName"] == "INSERT" or webhook.suspicion is not None else Update()
    old = of_attributes(images["OldImage"]) if "OldImage" in images else None
    return of_transaction(None if old is None else mapper.of_item(old), mapper.of_item(new))


def of_transaction(old: Transaction | None, new: Transaction) -> Update:
    """The update of a changed transaction."""
    requested = new.pull_requested_at is not None and (old is None or old.pull_requested_at != new.pull_requested_at)
    return Update(builder.of_transaction(old, new), _request_of(new) if requested else None)


def _request_of(new: Transaction) -> PullRequest:
    final = new.confirmation is Confirmation.REPORTED and new.status.is_final
    return PullRequest(new.transaction_id, final=final, reported_at=new.reported_at if final else None)


def of_webhook(webhook: StoredWebhook) -> Update:
    """The update of a stored webhook: a suspicious one requests a pull, an unrelated one is an event.

    The event leaves out the checksum: it does not cover the body, so a reader could send another body with it
    (docs/reference/gateway.md §4.2).
    """
    if webhook.suspicion is not None:
        if webhook.transaction_id is None:
            return Update()
        return Update(pull=PullRequest(webhook.transaction_id, webhook.smallcase_auth_id, suspicious=True))
    body = None
    if webhook.whole:
        body = {name: value for name, value in loads(webhook.body).items() if name != "checksum"}
    return Update([builder.of_webhook(webhook, body)])


def latest_of(item: Mapping[str, Any]) -> Update:
    """The update of the current state of a stored transaction or webhook, for republishing."""
    if "webhookId" in item:
        return of_webhook(webhook_of(item))
    return Update(builder.latest(mapper.of_item(item)))
