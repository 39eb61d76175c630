"""Operator commands: the selected stage, following its events, and the start time of republishing."""

import argparse
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from operations import stage
from operations.redrive import put_again
from operations.republish import moment
from operations.stage import Stage
from operations.tail import pattern, told
from tools.contracts.examples import examples


def test_event_is_printed_in_readable_lines() -> None:
    assert told(examples()["OrdersSettled"]) == [
        "04:30:21.312  user-42 TRX_0123456789abcdef0123456789abcdef  OrdersSettled #4 (PARTIALLYFILLED, confirmed)",
        "              bought for ₹4,494.60, sold for ₹0.00",
    ]


def test_each_order_that_changed_has_a_line_of_its_own() -> None:
    _, first, second = told(examples()["OrdersProgressed"])

    assert " ".join(first.split()) == "BUY INFY 3 of 3 at ₹1,498.20 COMPLETE (was 0 PLACED)"
    assert " ".join(second.split()) == "BUY M&M 0 of 2 REJECTED (was 0 PLACED)"


@pytest.mark.parametrize("event", examples().values(), ids=lambda event: event["detail-type"])
def test_every_kind_of_event_can_be_printed(event: dict[str, Any]) -> None:
    assert event["detail-type"] in told(event)[0]


def test_replay_is_marked_as_one() -> None:
    assert told(examples()["OrdersSettled"] | {"replay-name": "january"})[0].endswith("(replay)")


def test_without_filters_all_public_events_are_followed_and_no_others() -> None:
    assert pattern() == {"source": ["securities-transactions"], "detail": {"schemaVersion": [{"exists": True}]}}


def test_filters_add_up() -> None:
    wanted = pattern("asha", "T1", "OrdersSettled")

    assert wanted["detail-type"] == ["OrdersSettled"]
    assert (wanted["detail"]["notes"], wanted["detail"]["transactionId"]) == (["asha"], ["T1"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-15T00:00:00Z", datetime(2026, 1, 15, tzinfo=UTC)),
        ("2026-01-15T05:30:00+05:30", datetime(2026, 1, 15, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
        ("2026-01-15", datetime(2026, 1, 15, tzinfo=UTC)),
    ],
)
def test_since_is_utc_unless_it_has_an_offset(text: str, expected: datetime) -> None:
    assert moment(text) == expected


def test_since_that_is_no_time_is_refused_with_an_example() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="use the form 2026-01-15T00:00:00Z"):
        moment("yesterday")


def test_an_event_that_the_bus_could_not_encrypt_is_put_again_unchanged() -> None:
    event = {"source": "s", "detail-type": "OrdersSettled", "detail": {"eventId": "T1.2", "buyAmount": Decimal("1.10")}}
    again = put_again(event | {"id": "of EventBridge", "region": "ap-south-1"}, "bus")
    assert json.loads(again.pop("Detail"), parse_float=Decimal) == event["detail"]
    assert again == {"Source": "s", "DetailType": "OrdersSettled", "EventBusName": "bus"}


def test_the_local_stage_is_on_this_machine_and_others_are_where_they_are_deployed(tmp_path: Path) -> None:
    settings = tmp_path / "samconfig.toml"
    settings.write_text('[dev]\nglobal.parameters.region = "ap-south-2"\ndeploy.parameters.stack_name = "orders"')
    parser = stage.parser("")

    def of(*options: str) -> Stage:
        return stage.of(parser.parse_args(options), settings)

    assert of() == Stage("local", "http://127.0.0.1:4566", "securities-transactions-local")
    assert of("--stage", "dev") == Stage("dev", None, "orders", "ap-south-2")
    assert of("--stage", "dev", "--stack", "orders-pr-7") == Stage("dev", None, "orders-pr-7", "ap-south-2")
    assert of("--stage", "other", "--stack", "orders-pr-7") == Stage("other", None, "orders-pr-7")
    with pytest.raises(SystemExit, match="no stack for the stage other"):
        of("--stage", "other")
