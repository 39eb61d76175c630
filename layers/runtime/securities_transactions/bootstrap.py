"""The composition root: builds the application from real parts or from fakes.

Every part is built on first use and imports its libraries then: a function that never calls the Gateway never loads the
HTTP client.
"""

import gc
import random as chance
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from securities_transactions import COLLECTOR_DEFAULTS, aws
from securities_transactions.deadline import Deadline
from securities_transactions.gateway import secrets
from securities_transactions.parallel import InParallel, in_threads
from securities_transactions.settings import Settings
from securities_transactions.storage.transactions import Transactions
from securities_transactions.storage.users import Users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient

    from securities_transactions.domain.pull_request import PullRequest
    from securities_transactions.gateway.client import Gateway
    from securities_transactions.gateway.credentials import CredentialsInUse
    from securities_transactions.gateway.exchange import SendsRequests
    from securities_transactions.http.idempotency import Once
    from securities_transactions.http.webhook_access import WebhookAccess
    from securities_transactions.services.accept_sdk_response import AcceptSdkResponse
    from securities_transactions.services.check_due import CheckDue
    from securities_transactions.services.close_books import CloseBooks
    from securities_transactions.services.create_transaction import CreateTransaction
    from securities_transactions.services.ingest_webhook import IngestWebhook
    from securities_transactions.services.issue_sdk_token import IssueSdkToken
    from securities_transactions.services.publish_updates import PublishUpdates
    from securities_transactions.services.pull_queue import PullQueue, PullQueues
    from securities_transactions.services.read_cases import ReadCases
    from securities_transactions.services.read_history import ReadHistory
    from securities_transactions.services.read_orders import ReadOrders
    from securities_transactions.services.reconcile import Reconcile, RequestLater
    from securities_transactions.services.reconcile_batch import ReconcileBatch
    from securities_transactions.services.record_history import RecordHistory
    from securities_transactions.services.work_on_cases import WorkOnCases
    from securities_transactions.storage.adoption_leases import AdoptionLeases

Result = TypeVar("Result")

# The maximum number of fresh reads of the secret per second and process, after wrong checksums or rejected calls.
SECRET_REREADS_PER_SECOND: Final = 10


class Clients(Protocol):
    """The clients of AWS services and of the Gateway."""

    @property
    def dynamodb(self) -> "DynamoDBClient":
        """DynamoDB."""

    @property
    def events(self) -> "EventBridgeClient":
        """EventBridge."""

    @property
    def secretsmanager(self) -> "SecretsManagerClient":
        """Secrets Manager."""

    @property
    def sqs(self) -> "SQSClient":
        """SQS."""

    def gateway(self, url: str) -> "SendsRequests":
        """The HTTP client for the Gateway at `url`."""


def utc_now() -> datetime:
    """The clock of the functions: aware UTC."""
    return datetime.now(UTC)


def build(
    settings: Settings,
    clients: Clients | None = None,
    clock: Callable[[], datetime] = utc_now,
    random: Callable[[], float] = chance.random,
    sleep: Callable[[float], None] = time.sleep,
    deadline: Deadline | None = None,
    in_parallel: InParallel = in_threads,
) -> "Application":
    """Build the application for `settings`. `clock` returns aware UTC, `random` a number in [0, 1); `sleep` takes
    seconds.

    `deadline` is the one that `clients` keep to, `in_parallel` how things are done at once.
    """
    deadline = deadline or Deadline()
    return Application(settings, clients or aws.Clients(deadline), clock, random, sleep, deadline, in_parallel)


class Started(Generic[Result]):
    """A function's handler over an application. `make` builds both."""

    def __init__(self, make: Callable[[], Callable[[Any, Any], Result]]) -> None:
        self._make = make
        self._handler = make()

    def __call__(self, event: Any, context: Any) -> Result:
        """The handler's result for `event`."""
        return self._handler(event, context)

    def restore(self) -> None:
        """Rebuild both: every environment shares the clients, credentials, secrets and random state of a snapshot."""
        chance.seed()
        self._handler = self._make()


def start(
    make_handler: "Callable[[Application], Callable[[Any, Any], Result]]", environment: Mapping[str, str]
) -> Started[Result]:
    """The function that Lambda calls: the handler over the application of `environment`, rebuilt after each restore.

    With SnapStart (docs/reference/settings.md, Fast starts) Lambda takes a snapshot of the process once this is done.
    """
    started = Started(lambda: make_handler(build(Settings(environment))))
    if environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        # Part of Lambda's own Python, from 3.12 on.
        from snapshot_restore_py import register_after_restore  # type: ignore[import-untyped]  # it has no stubs

        register_after_restore(started.restore)
    # What is loaded now stays loaded, and later collections need not visit it. The package raised the threshold.
    gc.freeze()
    gc.set_threshold(*COLLECTOR_DEFAULTS)
    return started


@dataclass
class Application:
    """Every use case of the product, each built on first use."""

    settings: Settings
    clients: Clients
    clock: Callable[[], datetime]
    random: Callable[[], float]
    sleep: Callable[[float], None]
    deadline: Deadline
    in_parallel: InParallel

    # --- storage

    @cached_property
    def transactions(self) -> Transactions:
        """The Transactions table."""
        return Transactions(self.clients.dynamodb, self.settings.transactions_table, self.pause)

    @cached_property
    def users(self) -> Users:
        """The Users table, together with the Transactions table."""
        return Users(self.clients.dynamodb, self.settings.users_table, self.transactions)

    # --- the Gateway

    @cached_property
    def read_secrets(self) -> secrets.ReadSecrets:
        """The Gateway's secrets, read from Secrets Manager."""
        return secrets.SecretReader(
            self.clients.secretsmanager,
            self.settings.gateway_secret_arn,
            self.clock,
            self.settings.secret_age,
            SECRET_REREADS_PER_SECOND,
        )

    @cached_property
    def credentials(self) -> "CredentialsInUse":
        """The secrets that the Gateway currently accepts."""
        from securities_transactions.gateway.credentials import CredentialsInUse

        return CredentialsInUse(self.read_secrets)

    @cached_property
    def gateway(self) -> "Gateway":
        """The Gateway's API. Raises `GatewayMisconfigured` if GatewayOrdersPath is not valid."""
        from securities_transactions.gateway.client import Gateway

        http = self.clients.gateway(self.settings.gateway_url)
        return Gateway(
            http,
            self.settings.gateway_name,
            self.credentials,
            self.settings.gateway_orders_path,
            # What the Gateway's state changes is still to be saved, or the next check to be scheduled.
            refuses_credentials=self.settings.credentials_refused,
            seconds_left=self.gateway_seconds_left,
            ids_parameter=self.settings.gateway_ids_parameter,
            clock=self.clock,
        )

    def gateway_seconds_left(self) -> float:
        """The seconds that the invocation has for the Gateway."""
        return self.deadline.seconds_left - aws.ATTEMPT_SECONDS

    # --- use cases

    @cached_property
    def create_transaction(self) -> "CreateTransaction":
        """Creates transactions."""
        from uuid import uuid4

        from securities_transactions.services.create_transaction import CreateTransaction
        from securities_transactions.storage.brakes import Brakes
        from securities_transactions.storage.counters import CreationCounts
        from securities_transactions.storage.reference_leases import ReferenceLeases

        counts = CreationCounts(self.clients.dynamodb, self.settings.idempotency_table)
        return CreateTransaction(
            gateway=self.gateway,
            users=self.users,
            counts=counts,
            references=ReferenceLeases(self.clients.dynamodb, self.settings.idempotency_table),
            brakes=Brakes(self.clients.dynamodb, self.settings.idempotency_table),
            per_minute=self.settings.creations_per_minute,
            clock=self.clock,
            new_holder=lambda: uuid4().hex,
        )

    @cached_property
    def once(self) -> "Once":
        """Executes a request once per Idempotency-Key."""
        from securities_transactions.http.idempotency import Once

        return Once(self.clients.dynamodb, self.settings.idempotency_table)

    @cached_property
    def issue_sdk_token(self) -> "IssueSdkToken":
        """Issues tokens for the Gateway SDK."""
        from securities_transactions.services.issue_sdk_token import IssueSdkToken

        return IssueSdkToken(self.users, self.credentials, self.clock)

    @cached_property
    def accept_sdk_response(self) -> "AcceptSdkResponse":
        """Accepts SDK responses."""
        from securities_transactions.services.accept_sdk_response import AcceptSdkResponse

        return AcceptSdkResponse(self.users, self.read_secrets, self.settings.confirm, self.clock)

    @cached_property
    def ingest_webhook(self) -> "IngestWebhook":
        """Ingests the Gateway's webhooks."""
        from securities_transactions.domain.webhook_verification import Policy
        from securities_transactions.services.ingest_webhook import IngestWebhook
        from securities_transactions.storage.counters import WebhookCounts
        from securities_transactions.storage.webhooks import Webhooks

        return IngestWebhook(
            transactions=self.transactions,
            webhook_counts=WebhookCounts(self.clients.dynamodb, self.settings.idempotency_table),
            owner_of=lambda smallcase_auth_id: self.users.owner_of(smallcase_auth_id),
            webhooks=Webhooks(self.clients.dynamodb, self.settings.webhooks_table, self.settings.webhook_retention),
            read_secrets=self.read_secrets,
            policy=Policy(self.settings.auth_id_pattern),
            confirm=self.settings.confirm,
            clock=self.clock,
        )

    @cached_property
    def webhook_access(self) -> "WebhookAccess":
        """The admission rules for webhook requests."""
        from securities_transactions.http.webhook_access import WebhookAccess

        return WebhookAccess(self.settings.webhook_segments, self.settings.webhook_sources)

    @cached_property
    def read_orders(self) -> "ReadOrders":
        """Reads transactions and orders."""
        from securities_transactions.services.read_orders import ReadOrders

        return ReadOrders(self.transactions, lambda: self.users, lambda: self.refresh)

    @cached_property
    def reconcile(self) -> "Reconcile":
        """Pulls transactions from the Gateway, saves the transitions, and adopts transactions that are not stored."""
        from securities_transactions.storage.adoption_leases import AdoptionLeases

        leases = AdoptionLeases(self.clients.dynamodb, self.settings.idempotency_table)
        return self._reconcile(leases, self._request_later)

    @cached_property
    def reconcile_batch(self) -> "ReconcileBatch":
        """Pulls the transactions of a message batch at once."""
        from securities_transactions.services.reconcile_batch import ReconcileBatch
        from securities_transactions.storage.paces import Paces

        return ReconcileBatch(
            reconcile=self.reconcile,
            paces=Paces(self.clients.dynamodb, self.settings.idempotency_table),
            queues=self.pull_queues,
            ids_per_call=self.settings.gateway_ids_per_call,
            clock=self.clock,
            sleep=self.sleep,
            in_parallel=self.in_parallel,
            seconds_left=self.gateway_seconds_left,
        )

    @cached_property
    def refresh(self) -> "Reconcile":
        """The same for a user who reads. A read adopts nothing: it may refresh what is stored and seen."""
        from securities_transactions.services.reconcile import request_nothing

        return self._reconcile(leases=None, request_later=request_nothing)

    def _reconcile(self, leases: "AdoptionLeases | None", request_later: "RequestLater") -> "Reconcile":
        from securities_transactions.domain.reconciliation import Policy
        from securities_transactions.services.reconcile import Reconcile

        return Reconcile(
            gateway=self.gateway,
            transactions=self.transactions,
            users=self.users,
            leases=leases,
            policy=Policy(confirm=self.settings.confirm),
            clock=self.clock,
            jitter=self.random,
            request_later=request_later,
        )

    def _request_later(self, request: "PullRequest", delay: timedelta) -> None:
        self.pull_queues.send([request], delay)

    @cached_property
    def pull_queue(self) -> "PullQueue":
        """The queue of requests to pull what is suspicious, due or seen for the first time."""
        from securities_transactions.services.pull_queue import PullQueue

        return PullQueue(self.clients.sqs, self.settings.pull_queue_url)

    @cached_property
    def pull_queues(self) -> "PullQueues":
        """That queue, and the queue of requests to pull final reports."""
        from securities_transactions.services.pull_queue import PullQueue, PullQueues

        return PullQueues(PullQueue(self.clients.sqs, self.settings.final_reports_queue_url), self.pull_queue)

    @cached_property
    def check_due(self) -> "CheckDue":
        """Requests a pull of every transaction whose check is due."""
        from securities_transactions.services.check_due import CheckDue

        return CheckDue(self.transactions, self.pull_queue, self.clock, self.in_parallel)

    @cached_property
    def record_history(self) -> "RecordHistory":
        """Records what the Transactions table's stream records."""
        from securities_transactions.services.record_history import RecordHistory
        from securities_transactions.storage.history import History

        history = History(
            self.clients.dynamodb, self.settings.history_table, self.settings.history_retention, self.pause
        )
        return RecordHistory(history)

    @cached_property
    def read_history(self) -> "ReadHistory":
        """Reads what happened to a transaction."""
        from securities_transactions.services.read_history import ReadHistory
        from securities_transactions.storage.history import History

        client, settings = self.clients.dynamodb, self.settings
        history = History(client, settings.history_table, retention=None, pause=self.pause)
        return ReadHistory(client, self.transactions, history, settings.webhooks_table)

    @cached_property
    def close_books(self) -> "CloseBooks":
        """Closes the books of a day."""
        from securities_transactions.events.publisher import entry, publish_all
        from securities_transactions.services.close_books import CloseBooks
        from securities_transactions.storage.books import Books

        return CloseBooks(
            transactions=self.transactions,
            books=Books(self.clients.dynamodb, self.settings.books_table),
            publish=lambda event: publish_all(
                self.clients.events,
                [entry(event, self.settings.event_bus)],
                lambda attempt: self.pause(attempt, first=0.1),
            ),
            close_at=self.settings.books_close_at,
            days=self.settings.books_window_days,
            clock=self.clock,
            seconds_left=lambda: self.deadline.seconds_left,
        )

    @cached_property
    def read_cases(self) -> "ReadCases":
        """Reads what needs a person."""
        from securities_transactions.services.read_cases import ReadCases

        return ReadCases(self.transactions)

    @cached_property
    def work_on_cases(self) -> "WorkOnCases":
        """Claims, comments on, resolves and approves open cases."""
        from securities_transactions.services.work_on_cases import WorkOnCases

        return WorkOnCases(self.transactions, self.settings.two_person_resolution, self.clock)

    @cached_property
    def publish_updates(self) -> "PublishUpdates":
        """Publishes the records of the tables' streams."""
        from securities_transactions.services.publish_updates import PublishUpdates

        return PublishUpdates(
            events=self.clients.events,
            sqs=self.clients.sqs,
            bus=self.settings.event_bus,
            dead_letter_queue_url=self.settings.dead_letter_queue_url,
            pull_queues=self.pull_queues,
            pause=lambda attempt: self.pause(attempt, first=0.1),
            clock=self.clock,
        )

    def pause(self, attempt: int, first: float = 0.02) -> None:
        """Wait before a retry: about `first` seconds, doubled with each attempt."""
        self.sleep(first * 2**attempt * (0.5 + self.random()))
