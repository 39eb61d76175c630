"""`python -m operations.export FILE`: every stored item as a line of JSON, for analysis and for copies of your own.

A line has `table`, `item`, which is the item in DynamoDB's own JSON, and for a transaction `decoded`: the same with
plain values, its orders and its request decoded. Lines have no order. An export that was interrupted goes on with the
same FILE. Items that change meanwhile are exported as they are when they are read: it is no state of one moment.
"""

import base64
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import simplejson
from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.show import decoded
from operations.stage import Stage
from securities_transactions.storage.dynamodb import of_attributes

# The outputs of the tables whose items stay; those of the Idempotency table expire within a day.
TABLES: Final = ("TransactionsTable", "UsersTable", "WebhooksTable", "HistoryTable", "BooksTable")
_PAGE: Final = 200


class OtherExport(Exception):
    """The file belongs to a complete export, or to one of another stage; the message has the reason."""


def export(stage: Stage, file: Path) -> int:
    """Write the items to `file`, which only its owner can read. Returns the number of items written by this call.

    `<file>.progress` has the place to go on from, and is deleted at the end. A page that was written in part before an
    interruption is removed and written again, so no line is there twice. Raises `OtherExport` before anything is
    written, `OSError`, and botocore's errors.
    """
    progress = file.with_name(file.name + ".progress")
    done = _progress(stage, file, progress)
    count = 0
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as out:
        out.truncate(done["bytes"])
        out.seek(done["bytes"])
        for table in TABLES:
            if done["tables"].get(table) == "all":
                continue
            for page, last in _pages(stage, stage.outputs[table], done["tables"].get(table)):
                count += _write(out, table, page)
                done["tables"][table] = "all" if last is None else last
                done["bytes"] = out.tell()
                _replace(progress, json.dumps(done))
    progress.unlink()
    return count


def _progress(stage: Stage, file: Path, progress: Path) -> dict[str, Any]:
    begun: dict[str, Any] = {"stack": stage.stack, "region": stage.region, "bytes": 0, "tables": {}}
    if not progress.exists():
        if file.exists():
            raise OtherExport(f"{file} exists, and no export to it was interrupted: name another file")
        return begun
    done: dict[str, Any] = json.loads(progress.read_text())
    if any(done[name] != begun[name] for name in ("stack", "region")):
        raise OtherExport(f"{progress} is of the stack {done['stack']}: name another file")
    return done


def _replace(progress: Path, text: str) -> None:
    """An interruption leaves the former progress or this one, and no half of it."""
    written = progress.with_name(progress.name + ".new")
    written.write_text(text)
    written.replace(progress)


def _write(out: BinaryIO, table: str, page: list[dict[str, Any]]) -> int:
    out.writelines(f"{line(table, attributes)}\n".encode() for attributes in page)
    out.flush()
    return len(page)


def _pages(stage: Stage, table: str, start: Any) -> Iterator[tuple[list[dict[str, Any]], Any]]:
    while True:
        more = {} if start is None else {"ExclusiveStartKey": start}
        answer: Any = stage.dynamodb.scan(TableName=table, Limit=_PAGE, ConsistentRead=True, **more)
        start = answer.get("LastEvaluatedKey")
        yield answer["Items"], start
        if start is None:
            return


def line(table: str, attributes: Mapping[str, Any]) -> str:
    """The line of an item. One that cannot be decoded has `unreadable`, the class of the error, no `decoded`."""
    shown: dict[str, Any] = {"table": table, "item": _wire(attributes)}
    if table == "TransactionsTable":
        try:
            shown["decoded"] = decoded(of_attributes(attributes))
        except Exception as error:  # one item that cannot be decoded must not end the export of all others
            shown["unreadable"] = type(error).__name__
    # In ASCII: a lone surrogate in a name has no UTF-8.
    return simplejson.dumps(shown, use_decimal=True, separators=(",", ":"))


def items(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The table and the attribute values of each line of an export."""
    for each in lines:
        shown = json.loads(each)
        yield shown["table"], _attributes(shown["item"])


def _wire(value: Any) -> Any:
    """Attribute values in JSON: binary is base64 text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _wire(each) for name, each in value.items()}
    return [_wire(each) for each in value] if isinstance(value, list) else value


def _attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _attribute(value) for name, value in item.items()}


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    match kind:
        case "B":
            return {"B": base64.b64decode(content)}
        case "M":
            return {"M": _attributes(content)}
        case "L":
            return {"L": [_attribute(each) for each in content]}
        case _:
            return {kind: content}


def main(arguments: list[str]) -> int:
    """0 where everything was written, 1 where it was not: then run it again with the same file."""
    parser = stages.parser(__doc__)
    parser.add_argument("file", type=Path, help="the file of JSON lines; it holds personal data")
    options = parser.parse_args(arguments)
    try:
        count = export(stages.of(options), options.file)
    except (BotoCoreError, ClientError, OSError, OtherExport) as error:
        print(f"the export is not complete: {error}", file=sys.stderr)
        return 1
    print(f"{count} items were written to {options.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
