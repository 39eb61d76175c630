"""Each way of failing that reaches an operator: what happens, and which alarm rings.

*provoked*: the product's own handlers ran into it, and the alarm rests on what they logged. *fed*: the alarm rests on a
metric of AWS's own, and is fed with data points as AWS documents them (Lambda, SQS, DynamoDB and API Gateway metrics).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import httpx
from botocore.exceptions import ClientError

from tests.failure_drill.scene import Play, Scene
from tests.unit.functions.harness import OTHER, refused
from tests.unit.functions.scenarios import ASHA


@dataclass(frozen=True)
class Mode:
    """A way of failing, the alarm that rings, and how it is brought about."""

    name: str
    alarm: str
    how: Literal["provoked", "fed"]
    play: Play


def _creates_fail(answer: Any, scene: Scene) -> None:
    scene.answer(answer)
    for _ in range(3):
        scene.create()
        scene.wait(1)
    scene.wait(3)


def _pulls_fail(answer: Any, scene: Scene) -> None:
    ids = [scene.trade() for _ in range(3)]
    scene.wait(10)
    scene.answer(answer)
    for each in ids:
        scene.pull(each)
        scene.wait(1)
    scene.wait(5)


def _secret_not_put(scene: Scene) -> None:
    error: Any = {"Error": {"Code": "ResourceNotFoundException", "Message": "can't find AWSCURRENT"}}

    def nothing(*, SecretId: str) -> dict[str, Any]:
        raise ClientError(error, "GetSecretValue")

    secretsmanager: Any = type("NoValue", (), {"get_secret_value": staticmethod(nothing)})()
    scene.rig.clients.secretsmanager = secretsmanager
    scene.create()
    scene.wait(2)


def _secret_cannot_be_read(scene: Scene) -> None:
    scene.rig.secret = "no JSON"
    scene.create()
    scene.wait(2)


def _forged_flood(scene: Scene) -> None:
    transaction_id = scene.trade()
    for _ in range(12):
        scene.webhook(transaction_id, "a_key_that_nobody_issued")
    scene.wait(6)


def _three_a_day_refused(scene: Scene) -> None:
    transaction_id = scene.trade()
    for hours in (2, 3, 1):
        scene.webhook(transaction_id, "the_secret_after_the_vendors_switch")
        scene.wait(60 * hours)


def _webhooks_stay_away(scene: Scene) -> None:
    transaction_id = scene.trade(status="PLACED", filledQuantity=0, averagePrice=None)
    scene.know(transaction_id, status="PROCESSING")
    scene.wait(1)
    scene.pull(transaction_id)
    scene.publish()
    scene.wait(61)


def _publisher_stopped(scene: Scene) -> None:
    for _ in range(2):
        scene.webhook(scene.create())
        scene.wait(5)
    scene.wait(1)


def _sweep_silent(scene: Scene) -> None:
    scene.wait(2)
    scene.sweeps = False
    scene.wait(8)


def _books_not_closed(scene: Scene) -> None:
    scene.wait(2)
    scene.closes = False
    scene.wait(20)


def _closing_fails(scene: Scene) -> None:
    refusal: Any = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    scene.rig.dynamodb.failing = {"PutItem": ClientError(refusal, "PutItem")}
    scene.wait(20)


def _books_with_drift(scene: Scene) -> None:
    transaction_id = scene.trade()
    scene.pull(transaction_id)
    scene.publish()
    scene.rig.pass_time(9 * 60 * 60)  # 18:30 in India
    scene.wait(5)
    scene.rig.pass_time(4 * 60 * 60)  # no pull is made: the closing does not wait for ever
    scene.wait(5)


def _bug(scene: Scene) -> None:
    scene.rig.dynamodb.failing = {"Query": RuntimeError("a bug")}
    scene.rig.call("GET /orders")
    scene.rig.dynamodb.failing = {}
    scene.wait(6)


def _orders_unknown(scene: Scene) -> None:
    transaction_id = scene.trade(status="COMPLETED")
    known = scene.rig.gateway.details[transaction_id]
    known["success"]["data"]["batches"][0]["orders"][0] |= {"status": "ERROR", "filledQuantity": 0}
    scene.pull(transaction_id)
    scene.publish()
    scene.wait(2)


def _account_conflict(scene: Scene) -> None:
    for user in (ASHA, OTHER):
        scene.rig.resolve(scene.create(user), user=user)
    scene.publish()
    scene.wait(2)


def _settled_late(scene: Scene) -> None:
    transaction_id = scene.trade(completedDate="2026-01-15T03:50:00.000Z")
    scene.pull(transaction_id)
    scene.publish()
    scene.wait(61)


def _published_late(scene: Scene) -> None:
    for _ in range(4):
        scene.create()
        scene.rig.pass_time(3)
        scene.publish()
        scene.wait(5)


def _fed(alarm: str, *values: float, minutes: int, each: int = 1) -> Play:
    def play(scene: Scene) -> None:
        scene.wait(minutes + 1)
        scene.feed(alarm, *values, minutes=minutes, each=each)
        scene.wait(1)

    return play


def _counted(name: str, alarm: str, *values: float, minutes: int = 1, each: int = 1) -> Mode:
    return Mode(name, alarm, "fed", _fed(alarm, *values, minutes=minutes, each=each))


def _provoked(name: str, alarm: str, play: Callable[[Scene], None]) -> Mode:
    return Mode(name, alarm, "provoked", play)


_DEAD: Final = {
    "PublishDeadLettersAlarm": "the publisher sets a record or an event aside",
    "PullDeadLettersAlarm": "a pull fails five times",
    "FinalReportsDeadLettersAlarm": "a final report's pull fails five times",
    "BusDeadLettersAlarm": "the bus cannot encrypt an event",
    "UpdatesDeadLettersAlarm": "a consumer's queue refuses an event",
    "PositionsDeadLettersAlarm": "the example ledger fails five times",
    "NotifierDeadLettersAlarm": "the example notifier fails five times",
}

MODES: Final = (
    _provoked("the Gateway is down, creates", "GatewayDownAlarm", partial(_creates_fail, httpx.ConnectError("no"))),
    _provoked("the Gateway is slow, creates", "GatewayDownAlarm", partial(_creates_fail, httpx.ReadTimeout("no"))),
    _provoked("the Gateway is down, pulls", "GatewayDownAlarm", partial(_pulls_fail, httpx.Response(503))),
    _provoked("the Gateway limits us", "GatewayDownAlarm", partial(_pulls_fail, httpx.Response(429))),
    _provoked(
        "credentials are refused, creates", "CredentialsRefusedAlarm", partial(_creates_fail, refused(401, "no"))
    ),
    _provoked("credentials are refused, pulls", "CredentialsRefusedAlarm", partial(_pulls_fail, refused(403, "no"))),
    _provoked("the secret has no value", "SecretMissingAlarm", _secret_not_put),
    _provoked("the secret cannot be read", "SecretMissingAlarm", _secret_cannot_be_read),
    _provoked("webhooks are refused, many", "RefusedAlarm", _forged_flood),
    _provoked("webhooks are refused, a small team's", "MostRefusedAlarm", _three_a_day_refused),
    _provoked("no webhook comes in market hours", "NoWebhooksAlarm", _webhooks_stay_away),
    _provoked("the publisher or its mapping is stopped", "PublisherStoppedAlarm", _publisher_stopped),
    _provoked("the sweep is silent", "CheckDueSilentAlarm", _sweep_silent),
    _provoked("the closing of the books does not run", "BooksStoppedAlarm", _books_not_closed),
    _provoked("the closing of the books fails", "BooksStoppedAlarm", _closing_fails),
    _provoked("the books are closed with drift", "ErrorsAlarm", _books_with_drift),
    _provoked("a bug: an error that no code handles", "ErrorsAlarm", _bug),
    _provoked("the Gateway cannot say (OrdersUnknown)", "NeedsOperatorAlarm", _orders_unknown),
    _provoked("two users of one account", "NeedsOperatorAlarm", _account_conflict),
    _provoked("settled later than five minutes", "SettledLateAlarm", _settled_late),
    _provoked("published later than two seconds", "EventsLateAlarm", _published_late),
    _counted("the publisher lags", "PublisherLagAlarm", 400_000, minutes=6),
    _counted("pulls stop, and final reports wait", "BacklogAlarm", 601),
    _counted("a final report is not settled by pulls", "UnsettledAlarm", 1_801, minutes=5),
    _counted("the recorder of histories lags", "HistoryLagAlarm", 400_000, minutes=6),
    _counted("Lambda discards records of the stream", "DiscardedRecordsAlarm", 1),
    _counted("Lambda cannot store what it discards", "LostRecordsAlarm", 1),
    _counted("a function times out, or has too little memory", "FunctionErrorsAlarm", 1, minutes=3),
    _counted("a read times out, or has too little memory", "ReadErrorsAlarm", 1, minutes=3),
    _counted("Lambda throttles", "ThrottledFunctionsAlarm", 2, minutes=3),
    _counted("Lambda throttles reads", "ThrottledReadsAlarm", 2, minutes=3),
    _counted("a table throttles", "TableThrottlesAlarm", 5, minutes=3),
    _counted("the API answers 5xx", "ServerErrorsAlarm", 1, 0, 0, 0, minutes=3),
    _counted("the API is slow", "SlowApiAlarm", 6_000, 7_000, minutes=16),
    *(_counted(name, alarm, 1) for alarm, name in _DEAD.items()),
)
