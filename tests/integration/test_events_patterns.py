"""The patterns in docs/reference/events.md, as rules on the deployed bus, against the actual events."""

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from operations.tail import pattern
from operations.updates import Event, Updates
from securities_transactions.events.schemas import CATALOGUE
from tests.integration.conftest import check_now
from tests.polling import eventually
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "events.md").read_text()
ASHA_AT_KITE = uuid.uuid4().hex[:24]
# The users of the page are those of this run alone.
RUN = uuid.uuid4().hex[:8]


@dataclass(frozen=True)
class Row:
    """A row of the table: a need, the pattern for it, and which events of the scenario it matches."""

    need: str
    pattern: str
    matches: frozenset[str]


def rows() -> list[Row]:
    """The table of patterns in docs/reference/events.md."""
    table = PAGE.split("| need | pattern | matches |")[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in table]
    return [Row(need, text.strip("`"), frozenset(matches.split(", "))) for need, text, matches in cells]


ROWS = rows()


class Listening:
    """A rule with each pattern, and the ids of the events that each let through."""

    def __init__(self, product: Product, patterns: dict[str, str]) -> None:
        self.product = product
        self.queues: dict[str, str] = {}
        self.heard: dict[str, set[str]] = {name: set() for name in patterns}
        bus, sqs, events = product.outputs["EventBusName"], product.aws.sqs, product.aws.events
        for number, (name, text) in enumerate(patterns.items()):
            rule = f"pattern-{number}-{uuid.uuid4().hex[:8]}"
            url = sqs.create_queue(QueueName=rule)["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            events.put_rule(Name=rule, EventBusName=bus, EventPattern=text)
            events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "all", "Arn": arn}])
            self.queues[name] = url

    def listen(self) -> None:
        """Take in what has arrived."""
        for name, url in self.queues.items():
            while messages := self.product.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
                "Messages"
            ):
                for message in messages:
                    self.heard[name].add(json.loads(message["Body"])["id"])
                    self.product.aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


class Scenario:
    """The scenario of docs/reference/events.md about asha, ravi, meera, kiran and dev: its events by their names."""

    def __init__(self, product: Product, gateway: GatewayDriver, updates: Updates) -> None:
        self.product, self.gateway, self.updates = product, gateway, updates
        self.events: dict[str, Event] = {}

    def play(self) -> None:
        asha = self.create("asha", {"INFY": 100})
        self.name("created", asha, "TransactionCreated")
        self.trade(asha, "kite", ASHA_AT_KITE, scenario="complete", paused=True)
        self.gateway.advance(asha)
        self.name("placed", asha, "OrdersPlaced")
        self.gateway.finish(asha)
        self.name("settled", asha, "OrdersSettled")
        self.name("linked", asha, "BrokerAccountLinked")
        ravi = self.create("ravi", {"INFY": 1, "M&M": 2})
        rejected = {"INFY": "COMPLETE", "M&M": "REJECTED:marginsExceeded"}
        self.trade(ravi, "groww", uuid.uuid4().hex[:24], scenario=rejected)
        self.gateway.finish(ravi)
        self.name("rejected", ravi, "OrdersSettled")
        meera = self.create("meera", {"TCS": 1})
        self.gateway.login(meera, "kite")
        self.gateway.close(meera)
        check_now(self.product, meera)
        self.name("failed", meera, "TransactionFailed")
        kiran = self.create("kiran", {"TCS": 1})
        self.trade(kiran, "kite", uuid.uuid4().hex[:24], scenario="unknown")
        self.gateway.finish(kiran)
        self.name("unknown", kiran, "OrdersUnknown")
        dev = self.create("dev", {"TCS": 1})
        self.trade(dev, "kite", ASHA_AT_KITE, scenario="complete")
        self.gateway.finish(dev)
        self.name("conflict", dev, "BrokerAccountConflict")
        self.gateway.ask("POST", "/webhooks/other", {"kind": "holdings_import", "smallcaseAuthId": ASHA_AT_KITE})
        self.name_webhook("holdings")

    def create(self, who: str, quantities: dict[str, int]) -> str:
        securities = [{"ticker": each, "type": "BUY", "quantity": shares} for each, shares in quantities.items()]
        with self.product.api(f"{who}-{RUN}") as api:
            answer = api.post("/transactions", json={"securities": securities})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["transactionId"])

    def trade(self, transaction_id: str, broker: str, auth_id: str, **how: Any) -> None:
        self.gateway.login(transaction_id, broker, smallcaseAuthId=auth_id)
        self.gateway.confirm(transaction_id, **how)

    def name(self, name: str, transaction_id: str, detail_type: str) -> None:
        self.events[name] = self.updates.wait_for(
            transaction_id, lambda event: bool(event["detail-type"] == detail_type)
        )

    def name_webhook(self, name: str) -> None:
        def arrived() -> list[Event]:
            self.updates.poll(1)
            received = [event for event in self.updates.received if event["detail-type"] == "WebhookReceived"]
            return [event for event in received if event["detail"]["smallcaseAuthId"] == ASHA_AT_KITE]

        self.events[name] = eventually(arrived)[0]


OTHERS = {
    "tail of a rejected order": json.dumps(pattern(state="REJECTED")),
    "tail of a type": json.dumps(pattern(state="OrdersUnknown")),
    "two conditions that no single order meets": json.dumps(
        {
            "source": ["securities-transactions"],
            "detail": {"orders": {"tradingsymbol": ["INFY"], "status": ["REJECTED"]}},
        }
    ),
}


@pytest.fixture(scope="module")
def heard(product: Product, updates: Updates) -> Iterator[tuple[dict[str, Event], dict[str, set[str]]]]:
    """The events of the scenario by name, and the ids of what each pattern's rule let through."""
    patterns = {row.need: row.pattern.replace('"asha"', f'"asha-{RUN}"') for row in ROWS}
    listening = Listening(product, patterns | OTHERS)
    with GatewayDriver(product.gateway_url) as gateway:
        scenario = Scenario(product, gateway, updates)
        scenario.play()

    def missing() -> list[str]:
        listening.listen()
        due = {row.need: {scenario.events[name]["id"] for name in row.matches} for row in ROWS}
        return [need for need, ids in due.items() if not ids <= listening.heard[need]]

    # Where one stays missing, the test of its row says so.
    with contextlib.suppress(TimeoutError):
        eventually(missing, lambda needs: not needs)
    yield scenario.events, listening.heard


def test_there_are_patterns_for_the_common_needs() -> None:
    """A dozen at least, and every event of the scenario is matched by one beside the first."""
    assert len(ROWS) >= 12
    assert frozenset[str]().union(*(row.matches for row in ROWS[1:])) == ROWS[0].matches


def test_the_scenario_has_every_type_of_event_but_three(heard: tuple[dict[str, Event], dict[str, set[str]]]) -> None:
    """Those happen in test_events_delivery.py and test_books.py: a test on the engine publishes each type."""
    events, _ = heard

    elsewhere = {"BooksClosed", "OrdersProgressed", "OrdersRetracted"}
    assert {event["detail-type"] for event in events.values()} == {each.detail_type for each in CATALOGUE} - elsewhere


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.need)
def test_pattern_of_the_docs_matches_exactly_the_documented_events(
    row: Row, heard: tuple[dict[str, Event], dict[str, set[str]]]
) -> None:
    events, ids = heard

    assert {name for name, event in events.items() if event["id"] in ids[row.need]} == row.matches


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tail of a rejected order", {"rejected"}),
        ("tail of a type", {"unknown"}),
        ("two conditions that no single order meets", set()),
    ],
)
def test_other_patterns_match_as_they_should(
    name: str, expected: set[str], heard: tuple[dict[str, Event], dict[str, set[str]]]
) -> None:
    events, ids = heard

    assert {each for each, event in events.items() if event["id"] in ids[name]} == expected
