"""The check for banned words reads every kind of text that people read, and names where a banned word is."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from tools.words.__main__ import BANNED, bans, main, violations
from tools.words.texts import of_file

BANS = bans(tomllib.loads(BANNED.read_text()))

PYTHON = '''"""A module that somebody wrote."""
# somebody has to look
log.warning("somebody failed %s", 1)
TYPE = ProblemType("somebody", 400, "Somebody is missing")
print(f"{count} by somebody")


class Reader:
    """Somebody reads."""
    raise ValueError("somebody is late")
'''
TEMPLATE = """
Parameters:
  Stage:
    Description: !Sub What somebody chose in ${AWS::Region}
Resources:
  LateAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: page - somebody has to look at it
"""


def found(tmp_path: Path, name: str, content: str) -> list[str]:
    file = tmp_path / "file"
    file.write_text(content)
    return [line.partition(": “")[0] + line.partition("” in a ")[2].partition(":")[0] for line in lines(name, file)]


def lines(name: str, file: Path) -> list[str]:
    return list(violations(of_file(name, file), BANS))


def test_banned_word_is_found_in_each_kind_of_text_in_python(tmp_path: Path) -> None:
    assert sorted(found(tmp_path, "tools/a.py", PYTHON)) == [
        "tools/a.py:10error message",
        "tools/a.py:1docstring",
        "tools/a.py:2comment",
        "tools/a.py:3log message",
        "tools/a.py:4problem",
        "tools/a.py:4problem",
        "tools/a.py:5output",
        "tools/a.py:9docstring",
    ]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("README.md", "Text.\n\nNobody reads this.\n", "README.md:3page"),
        ("docs/reference/problems.md", "Nobody reads this.\n", "docs/reference/problems.md:1problem"),
        ("Makefile", "all: env ## Nobody needs this\n", "Makefile:1help"),
        ("Makefile", "all: env  # nobody\n", "Makefile:1comment"),
        ("pyproject.toml", "# nobody\n", "pyproject.toml:1comment"),
        ("samconfig.yaml", "a: b  # nobody\n", "samconfig.yaml:1comment"),
        ("tools/page/a.js", "f(); // nobody\n", "tools/page/a.js:1comment"),
        ("tools/page/a.js", "f(`nobody reads ${x}`);\n", "tools/page/a.js:1page"),
        ("tools/page/a.html", "<p\nid='nobody'>\nNobody</p>\n", "tools/page/a.html:3page"),
        ("tests/unit/test_a.py", "def test_a_user_is_told() -> None: ...\n", "tests/unit/test_a.py:1test name"),
        ("tests/unit/test_a.py", "async def test_it_is_told() -> None: ...\n", "tests/unit/test_a.py:1test name"),
    ],
)
def test_banned_word_is_found_in_other_files(tmp_path: Path, name: str, content: str, kind: str) -> None:
    assert found(tmp_path, name, content) == [kind]


def test_banned_word_is_found_in_descriptions_of_parameters_and_alarms(tmp_path: Path) -> None:
    assert found(tmp_path, "template.yaml", TEMPLATE) == ["template.yaml:4description", "template.yaml:9description"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("layers/runtime/a.py", 'TYPE = ProblemType("not-found", 404, "%s was not found")\n'),
        ("layers/runtime/a.py", '"""Returned to %s."""\n'),
        ("docs/start.md", "It is %s's.\n"),
        ("template.yaml", "Resources:\n  A:\n    Properties:\n      AlarmDescription: page - call %s\n"),
    ],
    ids=["problem title", "docstring", "page", "alarm description"],
)
def test_command_fails_on_a_banned_word_in_a_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content % "the caller")
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert main(tmp_path) == 0
    assert capsys.readouterr().err == ""

    file.write_text(content % "somebody")
    assert main(tmp_path) == 1
    assert capsys.readouterr().err.startswith(f"{name}:")


def test_code_on_a_page_and_names_in_python_are_not_prose(tmp_path: Path) -> None:
    assert found(tmp_path, "README.md", "`nobody` and\n\n```\nnobody\n```\n") == []
    assert found(tmp_path, "tools/a.py", "nobody = 'nobody'\n") == []
    assert found(tmp_path, "tools/a.js", 'const nobody = f("nobody", "https://nobody");\n') == []


def test_docstring_may_have_a_word_that_it_may_not_begin_with(tmp_path: Path) -> None:
    assert found(tmp_path, "tools/a.py", '"""Return what was read."""\n') == []
    assert found(tmp_path, "tools/a.py", '"""What was read."""\n') == ["tools/a.py:1docstring"]


def test_violation_names_the_word_and_its_replacement(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("Signed anew.\n")
    assert lines("README.md", file) == ["README.md:1: “anew” in a page: write `again`, `permanently`, `as expected`"]


def test_kind_that_is_not_listed_is_an_error() -> None:
    with pytest.raises(ValueError, match="titles"):
        bans({"kinds": ["page"], "ban": [{"words": ["a"], "kinds": ["titles"], "instead": "b"}]})
