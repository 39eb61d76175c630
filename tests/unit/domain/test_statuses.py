"""Open sets of statuses, and the batch status that is derived from the stock-level statuses.

Sources: docs/reference/gateway.md §4.5.
"""

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaMode

from securities_transactions.domain.orders import Batch, Open, Order
from securities_transactions.domain.statuses import GatewayStatus, OpenEnum, OrderStatus, Side, Status, derive

FILLED, NONE = 10, 0
SETS: list[type[OpenEnum]] = [OrderStatus, Side, Status, GatewayStatus]
MEMBERS = [member for each in SETS for member in each]
MODES: tuple[JsonSchemaMode, ...] = ("validation", "serialization")
ORDER = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "PLACED", "quantity": 10}


@pytest.mark.parametrize(
    ("orders", "unplaced", "expected"),
    [
        ([], 0, "UNPLACED"),
        ([], 2, "UNPLACED"),
        ([("PLACED", NONE)], 0, "PLACED"),
        ([("PLACED", NONE), ("COMPLETE", FILLED)], 0, "PLACED"),
        ([("PLACED", NONE), ("ERROR", NONE)], 0, "PLACED"),
        ([("something new", NONE)], 0, "PLACED"),
        ([("PLACED", NONE)], 1, "PARTIALLYPLACED"),
        ([("ERROR", NONE)], 0, "ERROR"),
        ([("ERROR", NONE), ("COMPLETE", FILLED)], 1, "ERROR"),
        ([("COMPLETE", FILLED)], 0, "COMPLETED"),
        ([("COMPLETE", FILLED)] * 2, 0, "COMPLETED"),
        ([("COMPLETE", FILLED)], 1, "PARTIALLYFILLED"),
        ([("COMPLETE", NONE), ("REJECTED", NONE)], 0, "PARTIALLYFILLED"),
        ([("PARTIAL", NONE)], 0, "PARTIALLYFILLED"),
        ([("CANCELLED", 4)], 0, "PARTIALLYFILLED"),
        ([("REJECTED", NONE), ("CANCELLED", NONE)], 0, "UNFILLED"),
        ([("CANCELLED", NONE)], 0, "UNFILLED"),
        ([("CANCELLED AMO", NONE)], 0, "CANCELLED"),
        ([("CANCELLED_AMO", NONE), ("CANCELLED AMO", NONE)], 0, "CANCELLED"),
        ([("CANCELLED AMO", NONE)], 1, "UNFILLED"),
        ([("CANCELLED AMO", NONE), ("REJECTED", NONE)], 0, "UNFILLED"),
    ],
)
def test_batch_status_is_derived_from_its_orders(orders: list[tuple[str, int]], unplaced: int, expected: str) -> None:
    """ERROR stays open, unplaced is final."""
    found = derive([(OrderStatus(status), filled) for status, filled in orders], unplaced)
    assert found is Status(expected)
    assert found.is_known


@pytest.mark.parametrize("status", ["COMPLETE", "PARTIAL", "REJECTED", "CANCELLED", "CANCELLED AMO", "CANCELLED_AMO"])
def test_final_order_statuses_are_final_in_either_spelling(status: str) -> None:
    """CANCELLED AMO has two documented spellings."""
    assert OrderStatus(status).is_final


@pytest.mark.parametrize("status", ["PLACED", "ERROR", "", "COMPLETED", "CANCELED", "CANCELLEDAMO"])
def test_any_other_order_status_is_open(status: str) -> None:
    """The set is open: a status that is not listed is not final."""
    assert not OrderStatus(status).is_final
    assert OrderStatus(status) == status
    assert OrderStatus(status).value == status


def test_final_batch_statuses_are_the_documented_ones() -> None:
    """MARKEDCOMPLETE too: the Gateway closed it."""
    documented = {"COMPLETED", "PARTIALLYFILLED", "UNFILLED", "UNPLACED", "CANCELLED", "MARKEDCOMPLETE"}
    ours = {"CREATED", "FAILED"}
    assert {status.value for status in Status if status.is_final} == documented
    assert {status.value for status in Status} - ours == documented | {"PLACED", "PARTIALLYPLACED", "ERROR"}
    assert {status.value for status in OrderStatus if not status.is_final} == {"PLACED", "ERROR"}
    assert {status.value for status in OrderStatus} == {
        *("PLACED", "ERROR", "COMPLETE", "PARTIAL", "REJECTED", "CANCELLED", "CANCELLED_AMO")
    }
    assert (Status.CREATED.value, Status.FAILED.value) == ("CREATED", "FAILED")


def test_gateway_statuses_that_rule_out_orders_are_the_documented_ones() -> None:
    """Any other word leaves it possible that orders exist."""
    ruling_out = {status.value for status in GatewayStatus if status.rules_out_orders}
    assert ruling_out == {"INITIALIZED", "USED", "ERRORED", "CANCELLED", "EXPIRED"}
    assert {status.value for status in GatewayStatus} == ruling_out | {"PROCESSING", "ACTION_REQUIRED", "COMPLETED"}
    assert not GatewayStatus("QUEUED").rules_out_orders


# --- an open set of words


def respelled(word: str) -> list[str]:
    """Other spellings of a word: case, blanks around it, and blanks, hyphens or underscores between its parts."""
    parts = word.replace("_", " ").split()
    joined = [separator.join(parts) for separator in (" ", "_", "-", "  ", " _ ", "\t")]
    return [each for one in joined for each in (one, one.lower(), one.title(), one.swapcase(), f" {one}\n", f"-{one}_")]


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: f"{type(member).__name__}.{member.name}")
def test_every_spelling_of_a_listed_word_is_the_listed_member(member: OpenEnum) -> None:
    for spelling in respelled(member.value):
        found = type(member)(spelling)
        assert found is member
        assert found.is_known


@pytest.mark.parametrize("open_set", SETS)
@pytest.mark.parametrize("word", ["FROZEN", "frozen", "", " ", "CANCELED", "mixed Case-Word", "näher", "😀"])
def test_unknown_word_is_a_member_of_its_own(open_set: type[OpenEnum], word: str) -> None:
    """It has the text that was sent, equals the same text and no listed member, and is not listed afterwards."""
    unknown = open_set(word)
    assert isinstance(unknown, open_set)
    assert (unknown.value, str(unknown), f"{unknown}") == (word, word, word)
    assert not unknown.is_known
    assert unknown == open_set(word) == word
    assert hash(unknown) == hash(open_set(word)) == hash(word)
    assert unknown not in set(open_set)
    assert word not in open_set.__members__
    assert {unknown: 1}[open_set(word)] == 1


def test_unknown_words_are_equal_only_where_their_text_is() -> None:
    """A word that this version does not know may differ by its case, as far as this version can know."""
    assert OrderStatus("FROZEN") != OrderStatus("frozen")
    assert OrderStatus("FROZEN") != OrderStatus("THAWED")


@pytest.mark.parametrize("open_set", SETS)
@pytest.mark.parametrize("value", [None, 7, 1.5, True, [], {}, b"PLACED"])
def test_value_that_is_no_text_is_not_a_word(open_set: type[OpenEnum], value: Any) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        open_set(value)


@pytest.mark.parametrize("word", ["PLACED", "placed", "FROZEN", ""])
def test_word_survives_copying_and_pickling(word: str) -> None:
    status = OrderStatus(word)
    for again in (copy.copy(status), copy.deepcopy(status), pickle.loads(pickle.dumps(status))):  # noqa: S301  # our own
        assert again == status
        assert isinstance(again, OrderStatus)
        assert again.is_known is status.is_known


class Holder(BaseModel):
    """A model with an open set, as `Order` has them."""

    word: Open[OrderStatus]


@given(st.sampled_from(list(OrderStatus)).map(str) | st.text())
def test_word_survives_a_pydantic_round_trip(word: str) -> None:
    """As Python values and as JSON, listed or not."""
    holder = Holder.model_validate({"word": word})
    assert holder.word == OrderStatus(word)
    assert isinstance(holder.word, OrderStatus)
    assert Holder.model_validate(holder.model_dump()) == holder
    assert holder.model_dump(mode="json") == {"word": OrderStatus(word).value}
    assert Holder.model_validate_json(holder.model_dump_json()) == holder
    assert Holder.model_validate_json(holder.model_dump_json()).word.is_known is holder.word.is_known


@pytest.mark.parametrize("value", [None, True, [], {}, 1.5])
def test_value_that_is_no_text_is_a_validation_error(value: object) -> None:
    with pytest.raises(ValidationError, match="word"):
        Holder.model_validate({"word": value})


@pytest.mark.parametrize("mode", MODES)
def test_json_schema_of_an_open_set_is_any_text(mode: JsonSchemaMode) -> None:
    """A consumer that generates code from the contracts must accept a word of tomorrow."""
    schema = TypeAdapter(Order).json_schema(mode=mode)
    assert schema["properties"]["status"] == {"type": "string"}
    assert schema["properties"]["transactionType"] == {"type": "string"}
    assert "OrderStatus" not in str(TypeAdapter(Batch).json_schema(mode=mode))


def test_respelled_status_and_side_of_an_order_are_the_listed_members() -> None:
    """An order in another case is final, and a purchase, like any other."""
    order = Order.model_validate({**ORDER, "status": "Complete", "transactionType": "Buy"})
    assert (order.status, order.transactionType) == (OrderStatus.COMPLETE, Side.BUY)
