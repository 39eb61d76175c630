"""docs/reference/settings.md has every parameter, variable and constant: each test loops over the template and the
code."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.messaging import resources, template

ROOT = Path(__file__).parents[2]
SETTINGS = (ROOT / "docs" / "reference" / "settings.md").read_text()
SOURCES = sorted(
    path
    for folder in ("functions", "layers/runtime/securities_transactions")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != "__init__.py"
)

Constant = float | timedelta | str


def table(title: str) -> list[list[str]]:
    """The rows of the table in a section of the page, the name in each without its backticks."""
    section = SETTINGS.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [[row[0].strip(" `"), row[1].strip(), " | ".join(row[2:]).strip()] for row in rows]


def value_of(node: ast.expr | None) -> Constant | None:
    """A number, a text or a time span that is written out; `None` for every other expression."""
    match node:
        case ast.Constant(value=int() | float() | str() as value) if not isinstance(value, bool):
            return value
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            factors = value_of(left), value_of(right)
            return factors[0] * factors[1] if all(isinstance(each, int | float) for each in factors) else None  # type: ignore[operator]  # mypy does not narrow through `all`
        case ast.Call(func=ast.Name(id="timedelta"), args=[], keywords=[ast.keyword(arg=str(unit), value=amount)]):
            count = value_of(amount)
            return timedelta(**{unit: count}) if isinstance(count, int | float) else None
    return None


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, Constant]]:
    for node in body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        if isinstance(target, ast.Name) and not target.id.startswith("_"):
            value = value_of(node.value)  # type: ignore[attr-defined]  # both kinds of assignment have one
            if value is not None:
                yield target.id, value


def settings_of(source: str) -> dict[str, Constant]:
    """The constants of a module that an operator may want to know.

    They are public: numbers, time spans and paths (NAME_PATH) of the module, and time spans that its classes have as
    defaults.
    """
    tree = ast.parse(source)
    found = {
        name: value
        for name, value in _assigned(tree.body)
        if name.isupper() and (not isinstance(value, str) or name.endswith("_PATH"))
    }
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            spans = {name: value for name, value in _assigned(node.body) if isinstance(value, timedelta)}
            found |= {f"{node.name}.{name}": value for name, value in spans.items()}
    return found


def constants() -> dict[str, Constant]:
    """Every such constant of what is deployed, by its full name."""
    found: dict[str, Constant] = {}
    for path in SOURCES:
        relative = path.relative_to(ROOT)
        parts = relative.parts if relative.parts[0] == "functions" else relative.parts[2:]
        module = ".".join(parts).removesuffix(".py")
        found |= {f"{module}.{name}": value for name, value in settings_of(path.read_text()).items()}
    return found


def shown(value: Constant) -> str:
    """The value of a constant as the page shows it."""
    if not isinstance(value, timedelta):
        return f"`{value}`"
    for unit, one in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if value % one == timedelta():
            return f"{value // one} {unit}"
    return f"{value // timedelta(seconds=1)} s"


def functions() -> dict[str, Any]:
    """The properties of every function in the template, by logical id."""
    return {n: each["Properties"] for n, each in resources().items() if each["Type"] == "AWS::Serverless::Function"}


def variables(properties: dict[str, Any]) -> set[str]:
    """The environment variables that these properties set."""
    return set(properties.get("Environment", {}).get("Variables", {}))


COMMON = variables(template()["Globals"]["Function"])
GIVEN = COMMON.union(*(variables(each) for each in functions().values()))
# Settings alone reads the environment, by `self._text("NAME")`.
READ = re.compile(r'\b_text\("(\w+)"\)')


@pytest.mark.parametrize("name", template()["Parameters"])
def test_each_stack_parameter_is_described_with_its_default(name: str) -> None:
    parameter = template()["Parameters"][name]
    default = parameter.get("Default", "–")
    rows = {row[0]: row for row in table("Stack parameters")}
    assert rows[name][1].strip("`") == (str(default) or "empty")
    assert [value for value in parameter.get("AllowedValues", []) if f"`{value}`" not in "".join(rows[name][1:])] == []


@pytest.mark.parametrize("name", sorted(GIVEN | {name for path in SOURCES for name in READ.findall(path.read_text())}))
def test_each_variable_that_the_product_is_given_or_reads_is_described(name: str) -> None:
    assert [row[0] for row in table("What functions see")].count(name) == 1
    assert name in GIVEN


@pytest.mark.parametrize(("name", "value"), constants().items())
def test_each_constant_is_described_with_its_value(name: str, value: Constant) -> None:
    assert {row[0]: row[1] for row in table("Constants")}.get(name) == shown(value)


def test_each_member_of_the_secret_is_described() -> None:
    source = (ROOT / "layers/runtime/securities_transactions/gateway/secrets.py").read_text()
    read = set(re.findall(r'"(\w*[sS]ecret)"', source))
    section = SETTINGS.split("## The Gateway's secrets\n")[1].split("\n## ")[0]
    assert len(read) == 6
    assert [name for name in sorted(read) if name not in section] == []


def test_page_describes_nothing_that_is_gone() -> None:
    assert {row[0] for row in table("Stack parameters")} <= set(template()["Parameters"])
    assert {row[0] for row in table("What functions see")} <= GIVEN
    assert {row[0] for row in table("Constants")} <= set(constants())


def test_settings_are_found_in_a_module() -> None:
    """The search itself can fail: it would leave the tests above with nothing to do."""
    source = """
A = 1
B: Final = 2 * 3
C: Final = timedelta(minutes=5)
D_PATH: Final = "/d"
E = "a text"
_F = 7
G = frozenset({1})
H = True
class Policy:
    lag: timedelta = timedelta(days=1)
    tries: int = 3
class _Private:
    lag: timedelta = timedelta(days=1)
"""
    assert settings_of(source) == {
        "A": 1,
        "B": 6,
        "C": timedelta(minutes=5),
        "D_PATH": "/d",
        "Policy.lag": timedelta(days=1),
    }
    assert len(constants()) > 20
    assert len(GIVEN) > 15
