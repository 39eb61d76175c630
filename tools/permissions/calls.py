"""The recorded calls of functions, as stored between a test run and the evaluation."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Call:
    """An action (`dynamodb:PutItem`) of the function in `functions/<function>` on the resource in `setting`.

    `setting` is the environment variable with the name of the table, queue, bus or secret. `index` is the name of the
    index that was read. `leading_key` is the start of the partition key's value, for DynamoDB only.
    """

    function: str
    action: str
    setting: str
    index: str | None = None
    leading_key: str | None = None


def write(path: Path, calls: Iterable[Call]) -> None:
    """Write `calls` to the file `path` and create its directory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = sorted(json.dumps(asdict(call)) for call in calls)
    path.write_text("".join(f"{line}\n" for line in lines))


def read(directory: Path) -> frozenset[Call]:
    """The calls in every file of `directory`."""
    lines = (line for path in sorted(directory.glob("*.jsonl")) for line in path.read_text().splitlines())
    return frozenset(Call(**json.loads(line)) for line in lines)
