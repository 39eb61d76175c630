"""Public linters accept the contracts, and notice what is wrong in them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.contracts.linters import ASYNCAPI, OPENAPI, redocly, spectral


@pytest.mark.parametrize(
    ("linter", "document"),
    [(spectral, OPENAPI), (spectral, ASYNCAPI), (redocly, OPENAPI)],
    ids=["spectral-openapi", "spectral-asyncapi", "redocly-openapi"],
)
def test_linter_finds_nothing_in_the_contract(linter: Callable[[Path], str], document: Path) -> None:
    assert linter(document) == ""


def _without_contact(document: dict[str, Any]) -> None:
    del document["info"]["contact"]


def _without_license(document: dict[str, Any]) -> None:
    del document["info"]["license"]


def _unknown_tag(document: dict[str, Any]) -> None:
    document["paths"]["/orders"]["get"]["tags"] = ["nowhere"]


def _example_of_another_type(document: dict[str, Any]) -> None:
    content = document["paths"]["/accounts"]["get"]["responses"]["200"]["content"]["application/json"]
    content["example"] = {"items": "none"}


def _without_description(document: dict[str, Any]) -> None:
    del document["operations"]["publish"]["description"]


@pytest.mark.parametrize(
    ("linter", "document", "change", "rule"),
    [
        (spectral, OPENAPI, _without_contact, "info-contact"),
        (spectral, OPENAPI, _unknown_tag, "operation-tag-defined"),
        (spectral, OPENAPI, _example_of_another_type, "oas3-valid-media-example"),
        (spectral, ASYNCAPI, _without_description, "asyncapi-3-operation-description"),
        (redocly, OPENAPI, _without_license, "info-license"),
    ],
    ids=lambda each: each if isinstance(each, str) else getattr(each, "__name__", ""),
)
def test_linter_notices_a_fault(
    linter: Callable[[Path], str], document: Path, change: Callable[[dict[str, Any]], None], rule: str, tmp_path: Path
) -> None:
    faulty = yaml.safe_load(document.read_text())
    change(faulty)
    changed = tmp_path / document.name
    changed.write_text(yaml.safe_dump(faulty, sort_keys=False))
    if document == ASYNCAPI:
        (tmp_path / "events").symlink_to(document.parent / "events")
    assert rule in linter(changed)
