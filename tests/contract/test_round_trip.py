"""A batch that is read, stored and read again has lost neither a field nor a paisa."""

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.money import price, rupees
from securities_transactions.domain.order_reading import IDENTITY, batch_of
from securities_transactions.domain.orders import Batch, Order
from securities_transactions.domain.statuses import OpenEnum, OrderStatus, Side
from securities_transactions.storage.snapshot_codec import decode, encode

PAYLOADS: Final = Path(__file__).parent / "payloads"
AMOUNTS: Final = frozenset({"buyAmount", "sellAmount"})
PRICES: Final = frozenset({"averagePrice", "price", "triggerPrice"})
TEXTS: Final = frozenset({"exchangeOrderId", "batchId"})


def plain(value: Any) -> Any:
    """A JSON value to compare: numbers by their value, apart from texts and booleans."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    return "number", Decimal(value).normalize()


def as_read(holder: dict[str, Any]) -> dict[str, Any]:
    """A batch or an order as it is read, all of it.

    Amounts have a hundredth of a paisa, prices fifteen digits; ids are text, known words have one spelling.
    """
    fields: dict[str, Any] = {}
    for key, value in holder.items():
        if key in AMOUNTS and value is not None:
            fields[key] = rupees(Decimal(value))
        elif key in PRICES and value is not None:
            fields[key] = price(Decimal(value))
        elif key in WORDS and "tradingsymbol" in holder:
            fields[key] = WORDS[key](value).value
        elif key in TEXTS and value is not None:
            fields[key] = str(value)
        else:
            fields[key] = [as_read(each) for each in value] if key in ("orders", "unplaced") else value
    return fields


def without_derived(read: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """An order as it was read, with what was sent in the place of each field that is named in `derived`.

    Only a field that was not sent is derived, and of a filled order a price of 0, which is the Gateway's for none.
    """
    fields = {name: value for name, value in read.items() if name != "derived"}
    no_price = "averagePrice" in wanted and wanted["averagePrice"] == 0 and (read.get("filledQuantity") or 0) > 0
    absent = {"averagePrice"} if no_price else set()
    for name in read.get("derived", []):
        assert name in absent or wanted.get(name) is None
    for name in {*read.get("derived", []), *absent}:
        del fields[name]
        fields |= {name: wanted[name]} if name in wanted else {}
    return fields


def undone(document: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """A batch as it was read, without what was derived."""
    orders = document.get("orders")
    if orders is None:
        return document
    return document | {"orders": [without_derived(*pair) for pair in zip(orders, wanted["orders"], strict=True)]}


def assert_nothing_is_lost(sent: dict[str, Any]) -> None:
    """Read, store and read again a batch as it was sent."""
    batch = batch_of(loads(dumps(sent)))
    wanted = as_read({key: value for key, value in sent.items() if key not in IDENTITY})
    assert plain(undone(batch.as_sent(), wanted)) == plain(wanted)
    stored = decode(encode(batch.as_sent()))
    assert plain(undone(stored, wanted)) == plain(wanted)
    assert Batch.model_validate(stored) == batch


def batches_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every batch anywhere in a payload, also in JSON that stands in it as text."""
    if isinstance(value, str) and value.startswith("{"):
        value = loads(value)
    if isinstance(value, dict):
        if "batchId" in value:
            yield value
        for each in value.values():
            yield from batches_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from batches_in(each)


def test_no_batch_of_any_payload_loses_a_field_or_a_paisa() -> None:
    found = [batch for path in PAYLOADS.glob("*.json") for batch in batches_in(loads(path.read_bytes()))]
    assert len(found) > 40
    for batch in found:
        assert_nothing_is_lost(batch)


# What strict readers take as it is; anything else is read as U+FFFD (tests/unit/domain/test_decimal_json.py).
TEXT: Final = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(TEXT, max_size=12)
    | st.decimals(-99, 99, places=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(TEXT, max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS: Final = st.sampled_from(["", "!", "legs", "status ", "näher", "😀"]) | st.text(TEXT, min_size=1, max_size=8)
POOLS: Final = st.fixed_dictionaries(
    {
        "texts": st.lists(st.text(TEXT, min_size=1, max_size=20), min_size=2, max_size=6),
        "extras": st.lists(st.tuples(KEYS, JSON), max_size=6),
        "money": st.lists(st.decimals(-(10**9), 10**14, places=2), min_size=2, max_size=6),
        # As binary noise is: some digits behind the ones that are meant, not three hundred.
        "noise": st.floats(-0.4, 0.4).map(lambda noise: round(noise, 16)),
        "seed": st.integers(0, 2**32),
    }
)
WORDS: Final[dict[str, type[OpenEnum]]] = {"status": OrderStatus, "transactionType": Side}
FIELDS: Final = {*Order.model_fields, *Batch.model_fields, *IDENTITY}


class Made:
    """Makes batches of what hypothesis gave: any statuses, fields missing or unknown, money with binary noise."""

    def __init__(self, pools: dict[str, Any]) -> None:
        self.pools = pools
        self.chance = random.Random(pools["seed"])
        self.extras = [(key, value) for key, value in pools["extras"] if key not in FIELDS]

    def some(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Some of these fields and of the unknown ones, in any order."""
        items = [item for item in [*fields.items(), *self.extras] if self.chance.random() < 0.7]
        self.chance.shuffle(items)
        return dict(items)

    def money(self) -> Decimal | int | None:
        """An amount in rupees, in one of the ways it may come."""
        amount: Decimal = self.chance.choice(self.pools["money"])
        noisy = amount + Decimal(self.pools["noise"]) / 10**4
        return self.chance.choice([amount, noisy, int(amount), None])

    def order(self) -> dict[str, Any]:
        """An order with what it cannot be without."""
        text = self.chance.choice(self.pools["texts"])
        shares = self.chance.randrange(10**6)
        return self.some(
            {
                "averagePrice": self.money(),
                "price": self.money(),
                "filledQuantity": self.chance.choice([0, shares, None]),
                "exchangeOrderId": self.chance.choice([text, shares, None]),
                "errorCode": self.chance.choice([text, None]),
                "statusMessage": text,
                "product": None,
            }
        ) | {
            "tradingsymbol": text,
            "transactionType": self.chance.choice(["BUY", "SELL", text]),
            "status": self.chance.choice([*sorted(status.value for status in OrderStatus), "CANCELLED_AMO", text]),
            "quantity": shares,
        }

    def batch(self) -> dict[str, Any]:
        """A batch, as a webhook carries it."""
        return self.some(
            {
                "buyAmount": self.money(),
                "sellAmount": self.money(),
                "status": self.chance.choice(self.pools["texts"]),
                "completedDate": None,
                "quantity": self.chance.randrange(9),
                "orders": [self.order() for _ in range(self.chance.randrange(4))],
                "unplaced": [self.order() for _ in range(self.chance.randrange(3))],
                "notes": "user=42",
            }
        ) | {"batchId": self.chance.choice(self.pools["texts"])}


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(POOLS)
def test_no_batch_of_ten_thousand_loses_a_field_or_a_paisa(pools: dict[str, Any]) -> None:
    """Two hundred times fifty, each time of other texts, amounts and unknown fields."""
    made = Made(pools)
    for _ in range(50):
        assert_nothing_is_lost(made.batch())
