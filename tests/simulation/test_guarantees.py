"""docs/reference/guarantees.md names real tests, a test for each row, and the defaults that the code has."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from securities_transactions.domain import reconciliation, webhook_verification
from securities_transactions.services import reconcile

_ROOT: Final = Path(__file__).parents[2]
_PAGE: Final = (_ROOT / "docs" / "reference" / "guarantees.md").read_text()
_NAMED: Final = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", _PAGE)))
_TABLES: Final = ("## The verdict on a webhook", "## Settling: what a pull changes", "### To ")


@cache
def _tests(path: str) -> frozenset[str]:
    tree = ast.parse((_ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("path", "name"), _NAMED)
def test_a_test_that_the_page_names_exists(path: str, name: str) -> None:
    """A promise without its test is none."""
    assert name in _tests(path)


def test_every_row_of_a_promise_names_a_test() -> None:
    """The tables of verification, of reconciliation, and of the promises."""
    sections = re.split(r"\n(?=##)", _PAGE)
    rows = [
        row
        for section in sections
        if section.startswith(_TABLES)
        for row in section.splitlines()
        if row.startswith("| ")
        and not row.startswith(("| ---", "| promise", "| the webhook |", "| the Gateway returns"))
    ]
    assert len(rows) > 40
    assert [row for row in rows if "::test_" not in row] == []


def test_the_page_speaks_of_the_times_and_sizes_that_the_code_has() -> None:
    """docs/reference/settings.md lists them all; here they stand in sentences."""
    policy, fresh, ahead = (
        reconciliation.Policy(),
        webhook_verification.Policy.fresh_for,
        webhook_verification.Policy.ahead_by,
    )
    assert f"less than {policy.lag.seconds // 60} minutes ago" in _PAGE
    assert f"abandoned for {policy.expiry_grace.seconds // 60} minutes" in _PAGE
    assert (policy.escalate_after.days, "nothing new for three days" in _PAGE) == (3, True)
    assert f"at most once in {reconcile.Reconcile.interval.seconds} s" in _PAGE
    assert f"older than {fresh.seconds // 60} minutes or more than {ahead.seconds // 60} ahead" in _PAGE
    assert f"more than {webhook_verification.MOST_BYTES:,} bytes" in _PAGE
