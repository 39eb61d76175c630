"""The licenses that the layer may contain."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tools.artifact.licenses import Licensed, Rules, allows, faults, parts, spdx, unknown_symbols

ALLOWED = frozenset({"MIT", "Apache-2.0", "BSD-3-Clause", "Apache-2.0 WITH LLVM-exception"})
RULES = Rules(ALLOWED, {"certifi": "MPL-2.0"}, {"dateutil": "Apache-2.0"})
# With these, both entries of RULES are needed.
NEEDED = [Licensed("certifi", "1", "MPL-2.0"), Licensed("dateutil", "1", "Apache-2.0")]


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (GPL-3.0-only OR Apache-2.0)", True),
        ("(MIT OR Apache-2.0) AND LGPL-2.1-or-later", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("MIT WITH LLVM-exception", False),
    ],
)
def test_expression_is_allowed_where_a_choice_of_it_is(expression: str, allowed: bool) -> None:
    assert allows(expression, ALLOWED) is allowed


@pytest.mark.parametrize(
    ("stated", "license"),
    [
        (["MIT"], "MIT"),
        (["MIT OR AFL-2.1"], "MIT OR AFL-2.1"),
        (["Dual License"], None),
        (["BSD"], None),
        (["Apache License 2.0"], None),
        ([""], None),
        ([], None),
        (["Dual License", "MIT"], "MIT"),
        (["MIT License\n\nCopyright (c) 2026\n\nPermission is hereby granted"], None),
    ],
)
def test_license_is_known_only_where_it_is_spdx(stated: list[str], license: str | None) -> None:
    assert spdx(stated) == license


def lines(*found: Licensed, stated: dict[str, Sequence[str]] | None = None) -> list[str]:
    return list(faults([*found, *NEEDED], RULES, {"dateutil": ["Dual License"]} | (stated or {})))


def test_allowed_and_excepted_packages_pass() -> None:
    assert lines(Licensed("httpx", "1", "BSD-3-Clause")) == []


@pytest.mark.parametrize("within", [None, "pydantic-core"])
def test_copyleft_fails_and_the_line_has_the_action(within: str | None) -> None:
    [line] = lines(Licensed("readline", "8.0", "GPL-3.0-or-later", within))
    assert line.startswith("readline 8.0")
    assert "GPL-3.0-or-later is not allowed" in line
    assert "[tool.artifact.licenses.exceptions]" in line
    assert (within or "readline") in line


def test_unknown_license_fails_and_the_line_has_what_is_stated() -> None:
    [line] = lines(Licensed("odd", "1.0", None), stated={"odd": ["Custom"]})
    assert line.startswith("odd 1.0: its license is not known (the metadata states 'Custom')")
    assert "[tool.artifact.licenses.stated]" in line


def test_exception_is_for_one_package_and_one_license() -> None:
    assert lines(Licensed("other", "1", "MPL-2.0"))
    changed = [Licensed("certifi", "2", "GPL-3.0-only"), NEEDED[1]]
    found = list(faults(changed, RULES, {"dateutil": ["Dual License"]}))
    assert [line.split(":")[0] for line in found] == ["certifi 2", "[tool.artifact.licenses.exceptions] certifi"]


def test_entries_that_are_not_needed_fail() -> None:
    """A package that is gone, or that states its license by now: the entry would hide what it changes to."""
    assert len(list(faults([], RULES, {}))) == 2
    [line] = list(faults(NEEDED, RULES, {"dateutil": ["MIT"]}))
    assert line.startswith("[tool.artifact.licenses.stated] dateutil")


def test_misspelled_identifier_fails() -> None:
    assert list(unknown_symbols(Rules(frozenset({"MIT", "Apache 2"})))) == [
        "[tool.artifact.licenses]: 'Apache 2' is not an SPDX expression"
    ]


def test_rules_of_this_repository_have_reasons() -> None:
    assert "MIT" in Rules.read().allowed


def test_entry_without_a_reason_is_an_error(tmp_path: Path) -> None:
    settings = tmp_path / "pyproject.toml"
    settings.write_text(
        '[tool.artifact.licenses]\nallowed = ["MIT"]\n[tool.artifact.licenses.stated]\n'
        '[tool.artifact.licenses.exceptions]\ncertifi = { license = "MPL-2.0", reason = "fine" }\n'
    )
    with pytest.raises(ValueError, match="certifi"):
        Rules.read(settings)


def test_parts_of_parts_count_and_what_only_builds_does_not() -> None:
    crate: dict[str, Any] = {"name": "memchr", "components": [{"name": "inner"}]}
    bill = {"components": [crate, {"name": "autocfg", "scope": "excluded"}]}
    assert [each["name"] for each in parts(bill)] == ["memchr", "inner"]
