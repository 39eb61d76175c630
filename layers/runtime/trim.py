"""Removes the files that no function loads from the built layer: `python trim.py DIRECTORY`.

A function loads botocore's data of every service that it calls, and the endpoints of all of AWS at its first client.
Both are most of the layer and a large part of a cold start.
"""

import base64
import csv
import gzip
import hashlib
import io
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_DATA = "botocore/data/"
_ENDPOINTS = "botocore/data/endpoints.json"
# The operations of AWS services that the functions call. Add a new one here and to the policies of the functions.
OPERATIONS = {
    "dynamodb": {
        "BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "TransactWriteItems",
        "UpdateItem",
    },
    "events": {"PutEvents"},
    "secretsmanager": {"GetSecretValue"},
    "sqs": {"GetQueueAttributes", "SendMessage", "SendMessageBatch"},
}  # fmt: skip
SERVICES = frozenset(OPERATIONS)
# Texts for the authors of clients. No client reads them.
_DESCRIPTIONS = ("documentation", "documentationUrl")
# Parts of packages that no function loads, a third of the layer. httpx needs anyio for its asynchronous client only.
UNUSED = (
    "anyio",
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/auth_alpha",
    "aws_lambda_powertools/utilities/batch",
    "aws_lambda_powertools/utilities/circuit_breaker",
    "aws_lambda_powertools/utilities/data_classes",
    "aws_lambda_powertools/utilities/data_masking",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser",
    "aws_lambda_powertools/utilities/streaming",
    "aws_lambda_powertools/utilities/validation",
    "boto3/ec2",
    "boto3/examples",
    "dateutil/zoneinfo",
    "httpx/_main.py",
    "pydantic/mypy.py",
    "pydantic/v1",
    "urllib3/contrib/emscripten",
)


def trim(layer: Path) -> None:
    """Trim the packages installed in `layer` to what SERVICES and the code need."""
    for package in ("botocore", "boto3"):
        for service in (layer / package / "data").iterdir():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)
    for example in layer.glob("botocore/data/*/*/examples-1.json*"):
        example.unlink()
    endpoints = layer / _ENDPOINTS
    endpoints.write_text(json.dumps(cut_endpoints(json.loads(endpoints.read_text())), separators=(",", ":")))
    # Compressed data would be decompressed at every start.
    for packed in layer.glob("botocore/data/*/*/*.json.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    for called, operations in OPERATIONS.items():
        # botocore loads the newest version.
        for version in sorted(layer.glob(f"botocore/data/{called}/*"))[:-1]:
            shutil.rmtree(version)
        for model in layer.glob(f"botocore/data/{called}/*/service-2.json"):
            model.write_text(json.dumps(cut_model(json.loads(model.read_text()), operations), separators=(",", ":")))
    for part in (layer / name for name in UNUSED):
        if part.is_file():
            part.unlink()
        shutil.rmtree(part, ignore_errors=True)
    for unused in [layer / "bin", *layer.glob("**/tests"), *layer.glob("**/__pycache__")]:
        shutil.rmtree(unused, ignore_errors=True)
    # The programs are removed. Without this file, pydantic opens no file when it looks for its plugins at every start.
    for unused in [*layer.glob("*.dist-info/entry_points.txt"), layer / ".lock"]:
        unused.unlink(missing_ok=True)
    for record in layer.glob("*.dist-info/RECORD"):
        record.write_text(cut_record(layer, record.read_text()))


def cut_record(layer: Path, record: str) -> str:
    """A package's `record` without the removed files, and with the new names and digests of the trimmed ones.

    Scanners and the bill of materials use it to find the package of each file, and to verify the file.
    """
    rows = []
    for name, digest, size in csv.reader(record.splitlines()):
        unpacked = name.removesuffix(".gz") if name.startswith(_DATA) else name
        file = layer / unpacked
        if file.is_file():
            is_cut = name == _ENDPOINTS or unpacked != name
            rows.append((unpacked, _digest(file), file.stat().st_size) if is_cut else (name, digest, size))
    cut = io.StringIO()
    csv.writer(cut, lineterminator="\n").writerows(sorted(rows))
    return cut.getvalue()


def changed_files(layer: Path) -> list[str]:
    """The files of `layer` that differ from their package's record."""
    return sorted(
        name
        for record in layer.glob("*.dist-info/RECORD")
        for name, digest, _ in csv.reader(record.read_text().splitlines())
        if digest and (layer / name).is_file() and _digest(layer / name) != digest
    )


def _digest(file: Path) -> str:
    """The digest in the form of a record:
    https://packaging.python.org/en/latest/specifications/recording-installed-packages/."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).decode().rstrip("=")


def cut_endpoints(endpoints: dict[str, Any]) -> dict[str, Any]:
    """`endpoints` for SERVICES only.

    Every partition stays: otherwise China's and GovCloud's names would be wrong.
    """
    partitions = [
        {**partition, "services": {name: v for name, v in partition["services"].items() if name in SERVICES}}
        for partition in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def cut_model(model: dict[str, Any], operations: set[str]) -> dict[str, Any]:
    """A service's `model` with only `operations` and the shapes that they need."""
    kept = {name: operation for name, operation in model["operations"].items() if name in operations}
    shapes: dict[str, Any] = {}
    wanted = [kept]
    while wanted:
        for name in _shapes_in(wanted.pop()):
            if name not in shapes:
                shapes[name] = model["shapes"][name]
                wanted.append(shapes[name])
    cut: dict[str, Any] = _undescribed({**model, "operations": kept, "shapes": shapes})
    return cut


def _shapes_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _shapes_in(each)
    elif isinstance(value, dict):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        for each in value.values():
            yield from _shapes_in(each)


def _undescribed(value: Any) -> Any:
    if isinstance(value, list):
        return [_undescribed(each) for each in value]
    if isinstance(value, dict):
        # A member of this name is a shape, not a text.
        return {
            name: _undescribed(each)
            for name, each in value.items()
            if not (name in _DESCRIPTIONS and isinstance(each, str))
        }
    return value


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
