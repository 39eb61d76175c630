"""Texts that people read, by kind: docstrings, comments, messages, problems, descriptions, pages and others."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

_LEVELS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_CODE: Final = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_HELP: Final = re.compile(r"^[a-z][a-z-]*:.*?## (.+)$", re.MULTILINE)
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))(?:#|//) (.+)$", re.MULTILINE)
_COMMENTED: Final = (".yaml", ".yml", ".toml", ".js", ".mjs", ".cjs", ".ts", "Makefile")
_SHOWN: Final = re.compile(r'"[^"\n]* [^"\n]*"|`[^`\n]* [^`\n]*`')
_TAG: Final = re.compile(r"<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>", re.DOTALL)
_DESCRIBED: Final = re.compile(r"(?i)description|summary|title")


@dataclass(frozen=True)
class Text:
    """A text of one `kind`, which begins at `line` of `file`, a path from the repository's root."""

    kind: str
    file: str
    line: int
    content: str


def texts(root: Path) -> Iterator[Text]:
    """All texts of the files that git has in `root`."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        file = root / name
        if file.is_file():
            yield from of_file(name, file)


def of_file(name: str, file: Path) -> Iterator[Text]:
    """The texts of one file; `name` is its path from the repository's root."""
    if name.endswith(".py"):
        yield from _of_python(name, file.read_text())
    elif name.endswith(".md"):
        yield from _of_page(name, file.read_text())
    elif name.endswith(".html"):
        yield from _lines("page", name, _without(_TAG, file.read_text()))
    elif name.endswith(_COMMENTED) and not name.startswith("contracts/released/"):
        yield from _of_source(name, file.read_text())


def _of_source(name: str, content: str) -> Iterator[Text]:
    patterns = [("comment", _COMMENT)]
    if name == "Makefile":
        patterns.append(("help", _HELP))
    elif name.endswith("js"):
        patterns.append(("page", _SHOWN))
    for kind, pattern in patterns:
        for match in pattern.finditer(content):
            yield Text(kind, name, content.count("\n", 0, match.start()) + 1, match[pattern.groups])
    if name in {"template.yaml", "contracts/openapi.yaml", "contracts/asyncapi.yaml"}:
        yield from _of_document(name, content)


def _of_python(name: str, source: str) -> Iterator[Text]:
    is_test = name.startswith("tests/")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring is not None:
                yield Text("docstring", name, node.body[0].lineno, docstring)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_test and node.name.startswith("test_"):
            yield Text("test name", name, node.lineno, node.name.replace("_", " "))
        if isinstance(node, ast.Call) and not is_test:
            yield from _of_call(name, node)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and not is_test:
            yield from _constants("error message", name, node.exc)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Text("comment", name, token.start[0], token.string.lstrip("# "))


def _of_call(name: str, call: ast.Call) -> Iterator[Text]:
    match call.func:
        case ast.Attribute(attr=attribute) if attribute in _LEVELS:
            kind = "log message"
        case ast.Name(id="print"):
            kind = "output"
        case ast.Name(id="ProblemType" | "Problem") | ast.Attribute(attr="ProblemType" | "Problem"):
            kind = "problem"
        case _:
            return
    yield from _constants(kind, name, call)


def _constants(kind: str, name: str, call: ast.Call) -> Iterator[Text]:
    for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
        for part in ast.walk(argument):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield Text(kind, name, part.lineno, part.value)


def _of_page(name: str, content: str) -> Iterator[Text]:
    yield from _lines("problem" if name.endswith("/problems.md") else "page", name, _without(_CODE, content))


def _without(pattern: re.Pattern[str], content: str) -> str:
    return pattern.sub(lambda left_out: "\n" * left_out[0].count("\n"), content)


def _lines(kind: str, name: str, content: str) -> Iterator[Text]:
    for number, line in enumerate(content.splitlines(), 1):
        yield Text(kind, name, number, line)


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as what they wrap."""


def _wrapped(loader: _Loader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Loader.add_multi_constructor("!", _wrapped)


def _of_document(name: str, content: str) -> Iterator[Text]:
    for path, text in _descriptions(yaml.load(content, _Loader), ()):  # noqa: S506  # a SafeLoader
        line = next((n for n, each in enumerate(content.splitlines(), 1) if text.split("\n")[0][:40] in each), 1)
        yield Text("description", name, line, f"{'.'.join(path[-3:-1])}: {text}")


def _descriptions(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, str) and _DESCRIBED.search(str(key)):
                yield (*path, str(key)), each
            else:
                yield from _descriptions(each, (*path, str(key)))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _descriptions(each, (*path, str(index)))
