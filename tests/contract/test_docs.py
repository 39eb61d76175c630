"""docs/problems.md and docs/settings.md list what there is: no more, no less."""

import pkgutil
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from securities_transactions.http.problems import CATALOGUE, TYPE_BASE
from tests.simulation.messaging import resources, template

ROOT = Path(__file__).parents[2]
PROBLEMS = (ROOT / "docs" / "problems.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()


def test_the_problems_are_those_of_the_catalogue_in_its_order_each_with_its_status() -> None:
    sections = re.findall(r"^## (\S+)\n\n\*\*(\d+)\*\* · \*Cause:\* \S.*?\*Do:\*", PROBLEMS, re.MULTILINE | re.DOTALL)
    assert sections == [(each.name, str(each.status)) for each in CATALOGUE]


def test_the_table_of_problems_has_each_with_its_status_and_leads_to_its_section() -> None:
    rows = re.findall(r"^\| \[(\S+)\]\(#(\S+)\) \| (\d+) \|", PROBLEMS, re.MULTILINE)
    assert rows == [(each.name, each.name, str(each.status)) for each in CATALOGUE]


def test_the_problems_page_says_what_a_type_begins_with() -> None:
    assert f"after `{TYPE_BASE}`" in PROBLEMS


def test_every_stack_parameter_is_described_with_its_default() -> None:
    parameters = template()["Parameters"]
    defaults = {name: str(each.get("Default", "–")) or "empty" for name, each in parameters.items()}

    assert {name: default.strip("`") for name, default, _ in table("Stack parameters")} == defaults


def test_every_variable_that_a_function_has_or_reads_is_described() -> None:
    described = [name for name, *_ in table("What functions see")]
    given = [template()["Globals"]["Function"]["Environment"]["Variables"]]
    given += [
        each["Properties"]["Environment"]["Variables"]
        for each in resources().values()
        if each["Type"] == "AWS::Serverless::Function" and "Environment" in each["Properties"]
    ]
    sources = [
        path.read_text()
        for folder in ("functions", "layers/runtime/securities_transactions")
        for path in (ROOT / folder).rglob("*.py")
    ]
    read = {name for text in sources for name in re.findall(r'env(?:iron)?\["(\w+)"\]', text)}

    assert sorted(described) == sorted({name for variables in given for name in variables})
    assert read <= set(described)


def test_every_function_is_given_what_its_own_module_reads() -> None:
    everywhere = set(template()["Globals"]["Function"]["Environment"]["Variables"])
    for name, each in resources().items():
        if each["Type"] == "AWS::Serverless::Function":
            text = (ROOT / each["Properties"]["CodeUri"] / "app.py").read_text()
            given = everywhere | set(each["Properties"].get("Environment", {}).get("Variables", {}))
            assert set(re.findall(r'environ\["(\w+)"\]', text)) <= given, name


def test_every_constant_is_described_with_its_value() -> None:
    rows = table("Constants")
    assert {name: value.strip("`") for name, value, _ in rows} == {name: shown(name) for name, _, _ in rows}


def shown(name: str) -> str:
    """The value of a constant, or of a field's default, as the page shows it."""
    value: Any = pkgutil.resolve_name(name)
    if not isinstance(value, timedelta):
        return str(value)
    for unit, one in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if value % one == timedelta():
            return f"{value // one} {unit}"
    return f"{value // timedelta(seconds=1)} s"


def table(title: str) -> list[list[str]]:
    """The rows of the table in a section of the settings page, the name in each without its backticks."""
    section = SETTINGS.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [[row[0].strip(" `"), row[1].strip(), " | ".join(row[2:]).strip()] for row in rows]
