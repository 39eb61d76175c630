"""docs/reference/first-deploy.md lists everything that has never run on AWS: each test loops over a deployment."""

import re
from pathlib import Path

import pytest

from tests.simulation.messaging import resources, template
from tools.template_checks.templates import BESIDE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/first-deploy.md").read_text()
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| do |", "| --- |"))
]
TYPES = sorted({each["Type"] for each in resources().values()})


def test_rows_are_found() -> None:
    assert len(ROWS) > 25


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_each_row_has_what_to_do_what_to_look_at_and_what_it_shows(row: list[str]) -> None:
    assert len(row) == 3
    assert all(row)


@pytest.mark.parametrize("name", template()["Parameters"])
def test_each_parameter_is_in_a_row(name: str) -> None:
    """A new parameter needs a row: what to do on AWS, what to look at, and what that shows."""
    assert [row for row in ROWS if re.search(rf"\b{name}\b", " ".join(row))]


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_of_resource_is_in_a_row(kind: str) -> None:
    assert [row for row in ROWS if f"`{kind}`" in " ".join(row)]


@pytest.mark.parametrize("path", BESIDE)
def test_each_template_beside_the_products_is_in_a_row(path: str) -> None:
    assert [row for row in ROWS if Path(path).name in row[0]]


def test_page_sets_only_parameters_that_exist() -> None:
    """`Name=value`, with a name as CloudFormation's: the commands of make have theirs in capitals."""
    named = set(re.findall(r"\b([A-Z][a-z]\w+)=", PAGE))
    assert named
    assert named <= set(template()["Parameters"])
