"""docs/problems.md and docs/settings.md list what there is: no more, no less."""

import re
from pathlib import Path

from sst.problems import CATALOGUE, TYPE_BASE

DOCS = Path(__file__).parents[2] / "docs"
PROBLEMS = (DOCS / "problems.md").read_text()


def test_the_problems_are_those_of_the_catalogue_in_its_order_each_with_its_status() -> None:
    sections = re.findall(r"^## (\S+)\n\n\*\*(\d+)\*\* · \*Cause:\* \S.*?\*Do:\*", PROBLEMS, re.MULTILINE | re.DOTALL)
    assert sections == [(each.name, str(each.status)) for each in CATALOGUE]


def test_the_table_of_problems_has_each_with_its_status_and_leads_to_its_section() -> None:
    rows = re.findall(r"^\| \[(\S+)\]\(#(\S+)\) \| (\d+) \|", PROBLEMS, re.MULTILINE)
    assert rows == [(each.name, each.name, str(each.status)) for each in CATALOGUE]


def test_the_problems_page_says_what_a_type_begins_with() -> None:
    assert f"after `{TYPE_BASE}`" in PROBLEMS
