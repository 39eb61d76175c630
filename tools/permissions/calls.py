"""Calls that functions were seen to make, as they are kept between a test run and the evaluation."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Call:
    """An action (`dynamodb:PutItem`) of the function in `functions/<function>` on what `setting` names.

    `setting` is the environment variable that has the name of the table, queue, bus or secret. `index` is the name of
    the table's index that was read. `leading_key` is the beginning of the partition key's value, for DynamoDB alone.
    """

    function: str
    action: str
    setting: str
    index: str | None = None
    leading_key: str | None = None


def write(path: Path, calls: Iterable[Call]) -> None:
    """Write `calls` to the file `path`; its directory is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = sorted(json.dumps(asdict(call)) for call in calls)
    path.write_text("".join(f"{line}\n" for line in lines))


def read(directory: Path) -> frozenset[Call]:
    """The calls in every file of `directory`."""
    lines = (line for path in sorted(directory.glob("*.jsonl")) for line in path.read_text().splitlines())
    return frozenset(Call(**json.loads(line)) for line in lines)
