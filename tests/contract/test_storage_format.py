"""docs/reference/storage-format.md describes the item that is stored, and its decoder reads it without the product."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.statuses import GatewayStatus
from securities_transactions.domain.transaction import (
    AccountLink,
    Confirmation,
    EscalationReason,
    Failure,
    FailureReason,
    SdkError,
    Source,
    Transaction,
)
from securities_transactions.storage.dynamodb import to_attributes
from securities_transactions.storage.mapper import Attribute, to_item
from securities_transactions.storage.snapshot_codec import encode
from tests.unit.storage.samples import RESOLUTION, WORK
from tools.contracts.storage_format import MARKS, PAGE, section

TEXT: Final = PAGE.read_text()
[BLOCK] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
STAMP: Final = datetime(2026, 1, 15, 4, 30, 12, 345000, tzinfo=UTC)
ORDERS: Final = [
    {
        "tradingsymbol": symbol,
        "transactionType": "BUY",
        "status": "COMPLETE",
        "quantity": 3,
        "averagePrice": Decimal("1498.20"),
    }
    for symbol in ("INFY", "M&M")
]
BATCH: Final = Batch.model_validate(
    {"batchId": "b1", "orders": ORDERS, "buyAmount": Decimal("8989.20"), "new": {"": 1}}
)
REQUESTED: Final = {"orderConfig": {"type": "SECURITIES", "securities": [{"ticker": "INFY", "quantity": 3}]}}
WHOLE: Final = Transaction(
    transaction_id="T1",
    user_id="asha",
    status=BATCH.status_of_orders,
    version=3,
    created_at=STAMP,
    expire_at=STAMP,
    requested=Deferred.of(REQUESTED),
    orders=Deferred.of(BATCH),
    revision=Snapshot(BATCH, STAMP).revision,
    batch_id="b1",
    smallcase_auth_id="a1",
    broker="kite",
    buy_amount=Decimal("8989.20"),
    sell_amount=Decimal(0),
    confirmation=Confirmation.CONFIRMED,
    source=Source.PULL,
    reported_at=STAMP,
    confirmed_at=STAMP,
    settled_at=STAMP,
    booked_at=STAMP,
    gateway_status=GatewayStatus.COMPLETED,
    failure=Failure(FailureReason.ERRORED, SdkError(1012, "user_cancelled")),
    sdk_error=SdkError(1012),
    account=AccountLink.LINKED,
    adopted=True,
    reference="rebalance-2026-01-15",
    escalated_at=STAMP + timedelta(minutes=1),
    escalation=EscalationReason.LOST_ORDER,
    case=WORK,
    resolution=RESOLUTION,
    suspected_at=STAMP,
    pulled_at=STAMP,
    final_pulled_at=STAMP,
    pull_requested_at=STAMP,
    next_check_at=STAMP,
    checks=1,
    cause=Cause(kind=CauseKind.PULL),
)
ITEM: Final = to_item(WHOLE)


def decoder() -> Any:
    """The function that the page's block defines."""
    namespace: dict[str, Any] = {}
    exec(compile(BLOCK, str(PAGE), "exec"), namespace)  # noqa: S102  # the page says that it runs
    return namespace["decode"]


def test_every_attribute_is_described_with_its_type_in_the_order_of_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| \S", TEXT, re.MULTILINE)
    assert ITEM.keys() == set(Attribute), "this test's transaction has every attribute"
    types = {name: next(iter(value)) for name, value in to_attributes(ITEM).items()}
    assert rows == [(name.value, types[name]) for name in Attribute]


def test_words_of_closed_sets_are_all_named() -> None:
    described = dict(re.findall(r"^\| `(\w+)` \| \w+ \| (.*) \|$", TEXT, re.MULTILINE))
    for attribute, words in (
        ("confirmation", Confirmation),
        ("source", Source),
        ("account", AccountLink),
        ("error", FailureReason),
        ("cause", CauseKind),
        ("escalation", EscalationReason),
    ):
        for word in words:
            assert f"`{word.value}`" in described[attribute]


def test_the_decoder_on_the_page_is_the_code_s() -> None:
    """If this fails, `make contracts` regenerates it."""
    begin, end = MARKS
    assert TEXT.split(begin)[1].split(end)[0].strip() == section()


def test_the_decoder_reads_the_stored_orders_and_request() -> None:
    decode = decoder()
    assert decode(ITEM["snapshot"]) == BATCH.as_sent() | {"orders": ORDERS}
    assert str(decode(ITEM["snapshot"])["orders"][0]["averagePrice"]) == "1498.2"
    assert decode(ITEM["request"]) == REQUESTED


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"a": None, "b": True, "c": "₹", "d": 0, "e": Decimal("1575.09"), "f": [], "g": [7]},
        {"orders": [{"a": 1, "b": [1, 2]}, {"a": 1, "b": [3]}]},
        {"orders": [{"a": 1}, {"b": 1}], "unplaced": [{"": 1}, {"": 2}]},
        {"config": {"!": 2, "a": 1}, "": {"": {"": 1}}, "!": [{"!": 1}]},
    ],
)
def test_decoder_reads_every_document_that_the_code_writes(document: dict[str, Any]) -> None:
    assert repr(decoder()(encode(document))) == repr(document)


def test_the_decoder_refuses_another_format() -> None:
    with pytest.raises(ValueError, match="format"):
        decoder()(b"\x02" + ITEM["snapshot"][1:])


def test_the_decoder_needs_nothing_but_python() -> None:
    """Isolated: no package of this project or any other can be imported."""
    script = BLOCK + f"\nprint(decode(bytes.fromhex('{ITEM['snapshot'].hex()}'))['batchId'])"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "b1\n"


def test_the_revision_is_laid_out_as_described() -> None:
    progress, stated_at, digest = ITEM["revision"].split("|")
    assert progress == "1" + "0002" + f"{sum(order.filledQuantity or 0 for order in BATCH.orders):012}" + "0002"
    assert stated_at == "2026-01-15T04:30:12.345Z"
    assert re.fullmatch("[0-9a-f]{16}", digest)
