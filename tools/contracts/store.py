"""The storage of the contracts."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

from securities_transactions.events.schemas import SCHEMA_VERSION

API_VERSION: Final = "1.0"
ROOT: Final = Path(__file__).resolve().parents[2]
CONTRACTS: Final = ROOT / "contracts"
RELEASED: Final = CONTRACTS / "released"
DOCS: Final = ROOT / "docs" / "reference" / "events.md"
# For both documents: the team that deploys the product is responsible for it.
CONTACT_AND_LICENSE: Final = {
    "contact": {"name": "The team that runs this deployment"},
    "license": {"name": "Proprietary", "identifier": "LicenseRef-Proprietary"},
}
# The text between them is generated from the models.
MARKS: Final = ("<!-- catalogue: made by `make contracts` -->", "<!-- end of the catalogue -->")


def released(kept: Path = RELEASED) -> dict[str, dict[str, Any]]:
    """The schemas of each released version with this major version: by version, then by detail-type."""
    major = SCHEMA_VERSION.partition(".")[0]
    return {
        folder.name: {
            path.name.removesuffix(".schema.json"): json.loads(path.read_text())
            for path in sorted(folder.glob("*.schema.json"))
        }
        for folder in sorted(kept.glob(f"{major}.*"))
    }


def released_apis(kept: Path = RELEASED) -> dict[str, dict[str, Any]]:
    """The OpenAPI document of each released version with the API's major version, by version."""
    return {
        path.parent.name.removeprefix("api-"): yaml.safe_load(path.read_text())
        for path in sorted(kept.glob(f"api-{API_VERSION.partition('.')[0]}.*/openapi.yaml"))
    }


def schema(detail_type: str) -> dict[str, Any]:
    """The schema of an event in `contracts/`. Raises `FileNotFoundError` if there is no such event."""
    loaded: dict[str, Any] = json.loads((CONTRACTS / "events" / f"{detail_type}.schema.json").read_text())
    return loaded
