"""Removes the files that no function loads from the built layer: `python trim.py DIRECTORY`.

A function loads botocore's data of every service that it calls, and the endpoints of all of AWS at its first client.
Both are most of the layer and a large part of a cold start.
"""

import base64
import csv
import hashlib
import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

_ENDPOINTS = "botocore/data/endpoints.json"
# The AWS services that the functions call. Add a new one here and to the policies of the functions.
SERVICES = frozenset({"dynamodb", "events", "secretsmanager", "sqs"})


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
    shutil.rmtree(layer / "boto3/examples", ignore_errors=True)
    shutil.rmtree(layer / "bin", ignore_errors=True)
    for unused in [*layer.glob("**/tests"), *layer.glob("**/__pycache__")]:
        shutil.rmtree(unused, ignore_errors=True)
    # The programs are removed. Without this file, pydantic opens no file when it looks for its plugins at every start.
    for unused in [*layer.glob("*.dist-info/entry_points.txt"), layer / ".lock"]:
        unused.unlink(missing_ok=True)
    for record in layer.glob("*.dist-info/RECORD"):
        record.write_text(cut_record(layer, record.read_text()))


def cut_record(layer: Path, record: str) -> str:
    """A package's `record` without the removed files, and with the new digest of the trimmed one.

    Scanners and the bill of materials use it to find the package of each file, and to verify the file.
    """
    rows = []
    for name, digest, size in csv.reader(record.splitlines()):
        file = layer / name
        if file.is_file():
            rows.append((name, _digest(file), file.stat().st_size) if name == _ENDPOINTS else (name, digest, size))
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


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
