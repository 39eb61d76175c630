"""The consumer's entry point: accepted and ignored events, repeats and gaps."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.orders import Order
from securities_transactions.events.consumer import NotAnEvent, Received, each_message, parse, parse_message, standing
from securities_transactions.events.schemas import CATALOGUE, OrdersSettled
from tools.contracts.examples import examples

ORDER = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "COMPLETE", "quantity": 1, "filledQuantity": 1}


def example(**detail: Any) -> dict[str, Any]:
    event = examples()["OrdersSettled"]
    event["detail"] |= detail
    return event


def settled(sequence: int) -> OrdersSettled:
    event = parse(example(sequence=sequence, previousSequence=sequence - 1)).event
    assert isinstance(event, OrdersSettled)
    return event


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.detail_type)
def test_every_event_parses_into_its_model(model: Any) -> None:
    received = parse(examples()[model.detail_type])

    assert type(received.event) is model
    assert received.replay is None


def test_an_event_in_an_sqs_record_is_exact() -> None:
    """The price is the decimal that was sent, not the nearest binary fraction."""
    for record in ({"body": dumps(example())}, {"Body": dumps(example())}):
        event = parse_message(record).event
        assert isinstance(event, OrdersSettled)
        assert event.orders is not None
        assert str(event.orders[0].averagePrice) == "1498.2"


def test_consumer_reads_events_as_deeply_nested_as_the_product_accepts() -> None:
    """The event and its envelope are levels of their own around what arrived."""
    deep: Any = loads("[" * 62 + "]" * 62)
    received = parse_message({"body": dumps(example(orders=[{**ORDER, "unknown": deep}]))})

    assert isinstance(received.event, OrdersSettled)
    assert received.event.orders is not None
    assert received.event.orders[0].as_sent()["unknown"] == deep


def test_a_newer_minor_version_is_read_and_what_it_added_is_kept() -> None:
    order = examples()["OrdersSettled"]["detail"]["orders"][0] | {"venue": "X"}
    change = {"tradingsymbol": "A", "transactionType": "BUY", "quantity": 1, "status": "PLACED", "filledQuantity": 0}
    added = {"schemaVersion": "1.7", "new": 1, "orders": [order], "changes": [change | {"why": "because"}]}

    event = parse(example(**added)).event

    assert isinstance(event, OrdersSettled)
    assert event.model_extra == {"new": 1}
    assert event.orders is not None
    assert isinstance(event.orders[0], Order)
    assert event.orders[0].model_extra == {"venue": "X"}


def test_an_event_of_a_type_that_is_not_known_is_no_error() -> None:
    received = parse(example() | {"detail-type": "OrdersForeseen"})

    assert received.event is None
    assert received.detail["transactionId"]


@pytest.mark.parametrize(
    "envelope",
    [
        example() | {"source": "aws.ec2"},
        example() | {"detail": "text"},
        example(schemaVersion="2.0"),
        example(schemaVersion=1),
        {
            "source": "securities-transactions",
            "detail-type": "Internal",
            "detail": {"transactionId": "T1"},
        },
        {},
    ],
)
def test_what_is_not_ours_not_public_or_of_another_major_version_is_refused(envelope: dict[str, Any]) -> None:
    with pytest.raises(NotAnEvent):
        parse(envelope)


def test_an_event_that_breaks_its_own_schema_is_an_error_that_repeats_nothing_of_it() -> None:
    """Errors are logged, and what an event says of a user is not for a log."""
    with pytest.raises(ValidationError) as error:
        parse(example(sequence="many", notes=["user-42"], orders=[{"tradingsymbol": "INFY"}]))

    assert "sequence" in str(error.value)
    assert not [said for said in ("many", "user-42", "INFY") if said in str(error.value)]


def test_replay_is_recognized() -> None:
    assert parse(example() | {"replay-name": "january"}).replay == "january"


@pytest.mark.parametrize(
    ("sequence", "last", "expected"),
    [(1, 0, "next"), (3, 2, "next"), (4, 2, "gap"), (2, 2, "repeat"), (1, 2, "repeat")],
)
def test_repeats_and_gaps_are_distinguished(sequence: int, last: int, expected: str) -> None:
    assert standing(settled(sequence), last) == expected


@given(st.lists(st.integers(1, 8), max_size=30))
@pytest.mark.long
def test_in_any_order_each_event_is_handled_once_and_the_newest_last(arriving: list[int]) -> None:
    events = {number: settled(number) for number in range(1, 9)}
    last, handled = 0, []
    for number in arriving:
        if standing(events[number], last) != "repeat":
            handled.append(number)
            last = number

    assert handled == sorted(set(handled))
    assert not arriving or last == max(arriving)


def test_a_message_that_fails_comes_again_alone() -> None:
    seen: list[Received] = []
    errors: list[tuple[str, Exception]] = []
    records = [{"messageId": "1", "body": "{"}, {"messageId": "2", "body": dumps(example())}]

    answer = each_message({"Records": records}, seen.append, lambda *each: errors.append(each))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert len(seen) == 1
    assert [message_id for message_id, _ in errors] == ["1"]


@pytest.mark.parametrize("name", ["positions", "notifier"])
def test_the_samples_of_the_example_consumers_are_batches_of_settled_orders(name: str) -> None:
    seen: list[Received] = []
    sample = json.loads((Path(__file__).parents[3] / "events" / f"{name}.json").read_text())

    assert each_message(sample, seen.append, lambda *_: None) == {"batchItemFailures": []}
    assert [type(received.event) for received in seen] == [OrdersSettled]
