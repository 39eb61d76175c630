"""docs/guarantees.md names real tests, a test for each row, and the defaults that the code has."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from sst import pulling, settling, verdict

_ROOT: Final = Path(__file__).parents[2]
_PAGE: Final = (_ROOT / "docs" / "guarantees.md").read_text()
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
    """The verdict, settling, and what is promised to whom."""
    sections = re.split(r"\n(?=##)", _PAGE)
    rows = [
        row
        for section in sections
        if section.startswith(_TABLES)
        for row in section.splitlines()
        if row.startswith("| ") and not row.startswith(("| ---", "| promise", "| the webhook |", "| the Gateway says"))
    ]
    assert len(rows) > 40
    assert [row for row in rows if "::test_" not in row] == []


def test_the_page_says_the_defaults_that_the_code_has() -> None:
    """In minutes, seconds and days."""
    policy = settling.Policy()
    assert f"| {policy.lag.seconds // 60} min | how far the Gateway's API" in _PAGE
    assert f"| {policy.expiry_grace.seconds // 60} min | added to `expireAt`" in _PAGE
    assert f"| {policy.ask_after.days} days | when a person" in _PAGE
    assert f"| {pulling.Puller.interval.seconds} s | least time" in _PAGE
    fresh, ahead = verdict.Policy.fresh_for, verdict.Policy.ahead_by
    assert f"| {fresh.seconds // 60} min, {ahead.seconds // 60} min |" in _PAGE
    assert f"more than {verdict.MOST_BYTES:,} bytes" in _PAGE
