"""The problems page and the README list everything in the code: each test loops over the code.

docs/reference/settings.md is in test_docs_settings.py, the catalogue in docs/reference/events.md in
test_event_contracts.py.
"""

import re
from pathlib import Path

import pytest

from securities_transactions.bootstrap import build, utc_now
from securities_transactions.events import schemas
from securities_transactions.http import problems
from securities_transactions.http.problems import CATALOGUE, TYPE_BASE, ProblemType
from securities_transactions.settings import Settings
from tests.application import ENVIRONMENT, FakeClients, handler
from tests.simulation.messaging import resources, template

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
PROBLEMS = (ROOT / "docs" / "reference" / "problems.md").read_text()
README = (ROOT / "README.md").read_text()
RUNBOOK = (ROOT / "docs" / "guides" / "operator.md").read_text()
# The kinds of changes at keepachangelog.com, in its order.
CHANGES = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
TARGETS = re.findall(r"^([a-z][a-z-]*):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


def of_type(kind: str) -> list[str]:
    """The logical ids of the template's resources of a type."""
    return [name for name, each in resources().items() if each["Type"] == kind]


def routes() -> list[str]:
    """Every deployed route, as `GET /orders`."""
    events = [
        event["Properties"]
        for name in of_type("AWS::Serverless::Function")
        for event in resources()[name]["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    return [f"{event['Method'].upper()} {event['Path']}" for event in events]


def test_problem_catalogue_has_every_problem_type() -> None:
    defined = [each for each in vars(problems).values() if isinstance(each, ProblemType)]
    assert len(defined) > 10
    assert list(CATALOGUE) == sorted(defined, key=CATALOGUE.index)


def test_event_catalogue_has_every_public_event() -> None:
    """Subclasses without a type of their own are the parts that events share."""
    defined = {
        each
        for each in vars(schemas).values()
        if isinstance(each, type) and issubclass(each, schemas.Event) and "detail_type" in vars(each)
    }
    assert len(defined) > 5
    assert defined == set(schemas.CATALOGUE)


def test_each_problem_has_a_section_with_cause_and_remedy() -> None:
    sections = re.findall(r"^## (\S+)\n\n\*\*(\d+)\*\* · \*Cause:\* \S.*?\*Do:\*", PROBLEMS, re.MULTILINE | re.DOTALL)
    assert sections == [(each.name, str(each.status)) for each in CATALOGUE]


def test_each_problem_has_a_row_that_links_to_its_section() -> None:
    rows = re.findall(r"^\| \[(\S+)\]\(#(\S+)\) \| (\d+) \|", PROBLEMS, re.MULTILINE)
    assert rows == [(each.name, each.name, str(each.status)) for each in CATALOGUE]


def test_problems_page_names_the_common_prefix_of_the_types() -> None:
    assert f"after `{TYPE_BASE}`" in PROBLEMS


@pytest.mark.parametrize("target", TARGETS)
def test_each_make_target_is_in_the_readme(target: str) -> None:
    assert re.search(rf"^make {target}(?= )", README, re.MULTILINE)


def test_nothing_but_the_settings_reads_a_variable() -> None:
    """A function hands its environment on as a whole."""
    sources = {
        path.relative_to(ROOT): path.read_text()
        for folder in ("functions", "layers/runtime/securities_transactions")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert [str(path) for path, text in sources.items() if re.search(r"getenv|environ[\[.]", text)] == []


FUNCTIONS = {name: each for name, each in resources().items() if each["Type"] == "AWS::Serverless::Function"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_given_the_variables_that_it_reads(name: str) -> None:
    """Each part of it is built over what the template gives it; one that lacks a variable fails at its start."""
    properties = FUNCTIONS[name]["Properties"]
    given = set(template()["Globals"]["Function"]["Environment"]["Variables"])
    given |= set(properties.get("Environment", {}).get("Variables", {}))
    environment = {variable: value for variable, value in ENVIRONMENT.items() if variable in given}
    made = build(Settings(environment), FakeClients(dynamodb=object(), http=object()), utc_now, lambda: 0.5)

    handler(Path(properties["CodeUri"]).name, made)

    if "read_orders" in vars(made) and "GATEWAY_URL" in given:
        assert made.read_orders.reconcile is made.refresh


def test_make_targets_are_found() -> None:
    """Without it, a Makefile that is not read would leave the test above with nothing to do."""
    assert {"run", "test", "unit", "integration", "browser", "redrive"} <= set(TARGETS)


def test_pages_name_only_make_targets_that_exist() -> None:
    named = {
        name for page in PAGES for name in re.findall(r"(?:`|^)make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)
    }
    assert len(named) > 10
    assert named - set(TARGETS) == set()


@pytest.mark.parametrize("route", routes())
def test_each_route_is_in_the_readme(route: str) -> None:
    table = [line for line in README.splitlines() if line.startswith("| `")]
    assert [line for line in table if f"`{route}`" in line or f"`{route}?" in line]


@pytest.mark.parametrize("alarm", of_type("AWS::CloudWatch::Alarm"))
def test_each_alarm_has_a_row_in_the_runbook(alarm: str) -> None:
    rows = [line.split(" | ")[0] for line in RUNBOOK.splitlines() if line.startswith("| **")]
    assert [row for row in rows if f"**{alarm}**" in row]


def test_routes_and_alarms_are_found() -> None:
    """Without it, a template that is not read would leave the tests above with nothing to do."""
    assert len(routes()) > 5
    assert len(of_type("AWS::CloudWatch::Alarm")) > 5


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_pages_and_headings_that_exist(page: Path) -> None:
    """A heading that another section links to cannot go unnoticed."""
    links = re.findall(r"\]\(([^)\s]*)\)", page.read_text())
    broken = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" not in link and not (target.exists() and (not anchor or anchor in anchors(target))):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_each_decision_has_context_alternatives_choice_and_consequence(page: Path) -> None:
    text = page.read_text()
    parts = ("**Context.**", "**Alternatives.**", "**Choice.**", "**Consequence.**")
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_each_decision_is_in_the_list(page: Path) -> None:
    assert f"({page.name})" in (ROOT / "docs" / "decisions" / "README.md").read_text()


def test_changelog_has_versions_and_kinds_of_changes_and_no_other_headings() -> None:
    """The form of keepachangelog.com: the newest version first, each change a line of a list."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", version) for version in versions[1:])
    assert re.fullmatch(r"Unreleased|\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", versions[0])

    for version in changelog.split("\n## ")[1:]:
        before, *lists = version.split("\n### ")
        assert before.count("\n- ") == 0, "a change without its kind"
        kinds = [each.split("\n")[0] for each in lists]
        assert kinds == [kind for kind in CHANGES if kind in kinds]
