"""Every promise of the vendor's page has code and a test, and docs/reference/source-map.md names them.

The map also lists the parts of that page that the code uses (fields of a batch, statuses): those tests loop over the
code.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from securities_transactions.domain.order_reading import OURS as NAMES_OF_OURS
from securities_transactions.domain.orders import Batch, Order
from securities_transactions.domain.statuses import OrderStatus, Status

ROOT = Path(__file__).resolve().parents[2]
_ROW = re.compile(r"\|\s*S(?P<number>\d+)\s*\|(?P<promise>[^|]+)\|(?P<code>[^|]+)\|(?P<test>[^|]+)\|")
_PLACE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Row:
    """One promise. `code` and `test` are the cells as written, with places in backticks."""

    number: int
    promise: str
    code: str
    test: str


def rows_of(page: str) -> list[Row]:
    """The promises in `page`; `ValueError` for a line that begins like a row and is none."""
    rows = []
    for line in page.splitlines():
        if not re.match(r"\|\s*S\d", line):
            continue
        match = _ROW.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"not a row of four cells: {line}")
        rows.append(Row(int(match["number"]), match["promise"].strip(), match["code"].strip(), match["test"].strip()))
    return rows


@cache
def defined_in(source: str) -> frozenset[str]:
    """The names that Python `source` defines at module level and, as Class.name, in its classes."""
    names: set[str] = set()

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(prefix + node.name)
            elif isinstance(node, ast.ClassDef):
                names.add(prefix + node.name)
                collect(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(prefix + node.target.id)
            elif isinstance(node, ast.Assign):
                names.update(prefix + target.id for target in node.targets if isinstance(target, ast.Name))

    collect(ast.parse(source).body, "")
    return frozenset(names)


def fault_of(place: str, root: Path, *, is_test: bool) -> str | None:
    """Return the fault of `place` (path or path::name) under `root`; `None` where it exists."""
    path, _, name = place.partition("::")
    file = root / path
    if not file.is_file():
        return f"{path} does not exist"
    if is_test and (not path.startswith("tests/") or not file.name.startswith("test_")):
        return f"{place} is not collected as a test"
    if is_test and not name.rpartition(".")[2].startswith("test_"):
        return f"{place} names no test function"
    if name and name.replace("::", ".") not in defined_in(file.read_text(encoding="utf-8")):
        return f"{path} does not define {name}"
    return None


def faults(row: Row, root: Path) -> list[str]:
    """The faults of `row`. Empty if each place that it names exists."""
    found = [f"the {name} cell says TODO" for name, cell in (("code", row.code), ("test", row.test)) if "TODO" in cell]
    for name, cell, is_test in (("code", row.code, False), ("test", row.test, True)):
        places = _PLACE.findall(cell)
        if not places:
            found.append(f"no {name} is named")
        found += [fault for place in places if (fault := fault_of(place, root, is_test=is_test))]
    return found


ROWS = rows_of((ROOT / "docs" / "reference" / "source-map.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"S{row.number}")
def test_a_promise_has_code_and_a_test_that_exist(row: Row) -> None:
    """A promise whose code or test is renamed or deleted is no longer known to be kept."""
    assert faults(row, ROOT) == [], row.promise


def test_every_promise_has_its_row() -> None:
    """A row that is dropped, and a table that is not read at all, are seen: the vendor's page has 87 promises."""
    assert [row.number for row in ROWS] == list(range(1, 88))


# The Gateway sends these beside what its page promises.
UNPROMISED = {"Order.price", "Order.triggerPrice", "Order.orderTimestamp"}
# We name in these what we read: the Gateway never sends them.
OURS = {f"{model.__name__}.{name}" for model in (Batch, Order) for name in model.model_fields if name in NAMES_OF_OURS}
# The code that keeps this promise is what leaves the field out for everyone but the service scope.
KEPT_ELSEWHERE = {"Order.statusMessage"}


@pytest.mark.parametrize(
    "field",
    [
        field
        for model in (Batch, Order)
        for name in model.model_fields
        if (field := f"{model.__name__}.{name}") not in UNPROMISED | OURS | KEPT_ELSEWHERE
    ],
)
def test_each_field_of_batch_and_order_is_the_code_of_a_promise(field: str) -> None:
    assert [row.number for row in ROWS if f"::{field}`" in row.code]


@pytest.mark.parametrize("status", sorted({each.value for each in (*OrderStatus, *Status)} - {"CREATED", "FAILED"}))
def test_each_status_is_in_a_promise(status: str) -> None:
    assert [row.number for row in ROWS if re.search(rf"\b{status}\b(?! [A-Z])", row.promise)]


@pytest.mark.parametrize(
    ("code", "test", "fault"),
    [
        ("`app.py::Order.status`", "`tests/test_app.py::test_kept`", None),
        ("`app.py`", "`tests/test_app.py::TestGroup.test_grouped`", None),
        ("`gone.py`", "`tests/test_app.py::test_kept`", "gone.py does not exist"),
        ("`app.py::Order.colour`", "`tests/test_app.py::test_kept`", "app.py does not define Order.colour"),
        ("`app.py`", "`tests/test_app.py::test_gone`", "tests/test_app.py does not define test_gone"),
        ("`app.py`", "`tests/test_app.py`", "tests/test_app.py names no test function"),
        ("`app.py`", "`app.py::helper`", "app.py::helper is not collected as a test"),
        ("`app.py`", "TODO `tests/test_app.py::test_kept`", "the test cell says TODO"),
        ("`app.py`", "to be written", "no test is named"),
    ],
)
def test_a_row_that_does_not_hold_is_found(tmp_path: Path, code: str, test: str, fault: str | None) -> None:
    """The check itself can fail: each way in which a row may rot is reported."""
    (tmp_path / "app.py").write_text("class Order:\n    status: str\n\ndef helper(): ...\n", encoding="utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_app.py").write_text(
        "async def test_kept(): ...\n\nclass TestGroup:\n    def test_grouped(self): ...\n", encoding="utf-8"
    )
    row = rows_of(f"| S1 | a promise | {code} | {test} |")[0]
    assert faults(row, tmp_path) == ([fault] if fault else [])


def test_a_broken_row_is_an_error_not_a_row_less() -> None:
    """A row with a missing cell must not vanish from the check."""
    with pytest.raises(ValueError, match="four cells"):
        rows_of("| S1 | a promise | `app.py` |")
