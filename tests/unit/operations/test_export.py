"""The export of a stage, over moto's DynamoDB: every item once, readable, also after interruptions."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.export import OtherExport, export, items
from tests.dynamodb.second import KEYS, moto
from tests.unit.operations.test_erase import OUTPUTS, populated, pull, stored


class Client:
    """moto's client, whose scans have pages of two items. The scan of the number in `fails` fails."""

    def __init__(self) -> None:
        self.scans = 0
        self.fails: set[int] = set()

    def scan(self, *, Limit: int, **arguments: Any) -> Any:
        self.scans += 1
        if self.scans in self.fails:
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "Scan")
        return moto().client.scan(Limit=min(Limit, 2), **arguments)


@pytest.fixture
def stage() -> Iterator[Any]:
    """A stage with items in each table."""
    rig = populated()
    for _ in range(5):
        pull(rig, rig.transaction())
    with moto().standing_in():
        moto().empty()
        for name, table in rig.tables.items():
            for item in table.items.values() if name in KEYS else ():
                moto().client.put_item(TableName=name, Item=item)
        moto().client.put_item(TableName="Books", Item={"book": {"S": "erasure"}, "day": {"S": "2026-01-15"}})
        yield SimpleNamespace(stack="stack", region="ap-south-1", dynamodb=Client(), outputs=OUTPUTS)


def exported(file: Path) -> dict[str, list[Any]]:
    """The items in a file, by table."""
    found: dict[str, list[Any]] = {name: [] for name in OUTPUTS.values()}
    for output, item in items(iter(file.read_text().splitlines())):
        found[OUTPUTS[output]].append(item)
    return found


def expected() -> dict[str, list[Any]]:
    return {name: list(items.values()) for name, items in stored().items()}


def ordered(tables: dict[str, list[Any]]) -> dict[str, list[str]]:
    return {name: sorted(map(repr, map(plain, found))) for name, found in tables.items()}


def plain(value: Any) -> Any:
    """Attribute values in an order of their own."""
    if isinstance(value, dict):
        return sorted((name, plain(each)) for name, each in value.items())
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_every_item_is_exported_once_and_reads_as_it_is_stored(stage: Any, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    count = export(stage, file)
    assert ordered(exported(file)) == ordered(expected())
    assert count == sum(map(len, expected().values())) == len(file.read_text().splitlines())
    assert all(expected().values())
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_orders_are_readable_without_this_code(stage: Any, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    export(stage, file)
    lines = [json.loads(each) for each in file.read_text().splitlines()]
    orders = [each["decoded"]["snapshot"]["orders"] for each in lines if "snapshot" in each.get("decoded", {})]
    assert orders
    assert all(order["tradingsymbol"] and order["status"] for each in orders for order in each)


def test_file_is_readable_for_its_owner_alone(stage: Any, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    export(stage, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_interrupted_export_goes_on_and_has_no_item_twice(stage: Any, tmp_path: Path) -> None:
    """Each second scan fails, and the process dies each time in the middle of a line."""
    file, runs = tmp_path / "export.jsonl", 0
    stage.dynamodb.fails = set(range(2, 200, 2))
    while True:
        runs += 1
        try:
            export(stage, file)
            break
        except ClientError:
            with file.open("a") as out:
                out.write('{"table":"Transac')
    assert runs > 5
    assert ordered(exported(file)) == ordered(expected())


def test_item_that_cannot_be_decoded_is_exported_and_named(stage: Any, tmp_path: Path) -> None:
    broken = {"transactionId": {"S": "T9"}, "cause": {"L": [{"S": "no such kind"}]}}
    moto().client.put_item(TableName="Transactions", Item=broken)
    file = tmp_path / "export.jsonl"
    export(stage, file)
    [line] = [json.loads(each) for each in file.read_text().splitlines() if "unreadable" in each]
    assert (line["item"]["transactionId"], line["unreadable"]) == ({"S": "T9"}, "ValueError")


def test_complete_export_and_one_of_another_stage_are_not_overwritten(stage: Any, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    stage.dynamodb.fails = {3}
    with pytest.raises(ClientError):
        export(stage, file)
    stage.stack = "another"
    with pytest.raises(OtherExport, match="is of the stack stack"):
        export(stage, file)
    stage.stack = "stack"
    export(stage, file)
    before = file.read_text()
    with pytest.raises(OtherExport, match="exists"):
        export(stage, file)
    assert file.read_text() == before
