"""CloudWatch Logs' filter patterns for JSON log lines, as far as the template uses them and AWS documents them.

A pattern is `{ SELECTOR OPERATOR VALUE }`, combined by `&&`, `||` and parentheses. A selector begins with `$`. A value
is a number, a text (in quotes or not, `*` for any characters), or a regular expression between `%`. `IS NULL`,
`IS TRUE`, `IS FALSE` and `NOT EXISTS` stand for operator and value. See *Filter pattern syntax* in the CloudWatch Logs
User Guide.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

Matches = Callable[[Any], bool]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\")|(?P<regex>%[^%]*%)|(?P<sign>&&|\|\||[(){}]|!=|>=|<=|=|<|>)"
    r"|(?P<word>[^\s(){}=!<>&|\"]+))"
)
_STEP: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")
_ORDER: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_ABSENT: Final = object()


class BadPattern(ValueError):
    """The pattern is not one, or uses what is not known here; the message says where."""


def compile_pattern(text: str) -> Callable[[str], bool]:
    """True if a log line matches the pattern `text`. A line that is not a JSON object matches no JSON pattern."""
    if not text.strip():
        return lambda line: True
    matches = _Parser(_tokens(text)).whole()

    def of_line(line: str) -> bool:
        document = document_of(line)
        return document is not None and matches(document)

    return of_line


def document_of(line: str) -> dict[str, Any] | None:
    """The JSON object in a log line, or nothing."""
    try:
        found = json.loads(line, parse_float=Decimal)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def select(document: Any, selector: str) -> Any:
    """The value at a selector such as `$.a.b[0]`; `KeyError` where there is none."""
    found = document
    for step in _steps(selector):
        if isinstance(step, int):
            if not isinstance(found, list) or step >= len(found):
                raise KeyError(selector)
            found = found[step]
        else:
            if not isinstance(found, dict) or step not in found:
                raise KeyError(selector)
            found = found[step]
    return found


def _steps(selector: str) -> list[str | int]:
    if not selector.startswith("$"):
        raise BadPattern(f"{selector!r} does not begin with $")
    steps, at = list[str | int](), 1
    while at < len(selector):
        step = _STEP.match(selector, at)
        if step is None:
            raise BadPattern(f"{selector!r} is not understood at {selector[at:]!r}")
        name, index, quoted, double = step.groups()
        steps.append(int(index) if index is not None else name or quoted or double)
        at = step.end()
    return steps


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = list[tuple[str, str]](), 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise BadPattern(f"{text!r} is not understood at {text[at:]!r}")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        at = found.end()
    return tokens


@dataclass
class _Parser:
    tokens: list[tuple[str, str]]
    at: int = 0

    def whole(self) -> Matches:
        self._sign("{")
        matches = self._either()
        self._sign("}")
        if self.at < len(self.tokens):
            raise BadPattern(f"more follows the pattern: {self.tokens[self.at :]}")
        return matches

    def _either(self) -> Matches:
        parts = [self._both()]
        while self._is("||"):
            parts.append(self._both())
        return lambda document: any(part(document) for part in parts)

    def _both(self) -> Matches:
        parts = [self._one()]
        while self._is("&&"):
            parts.append(self._one())
        return lambda document: all(part(document) for part in parts)

    def _one(self) -> Matches:
        if self._is("("):
            inner = self._either()
            self._sign(")")
            return inner
        selector = self._next("word")
        _steps(selector)
        kind, operator = self._token()
        if kind == "word":
            return self._worded(selector, operator)
        if operator not in _ORDER:
            raise BadPattern(f"{operator!r} is not an operator")
        return _compared(selector, operator, *self._token())

    def _worded(self, selector: str, word: str) -> Matches:
        second = self._next("word").upper()
        match (word.upper(), second):
            case ("NOT", "EXISTS"):
                return lambda document: _found(document, selector) is _ABSENT
            case ("IS", "NULL"):
                return lambda document: _found(document, selector) is None
            case ("IS", "TRUE"):
                return lambda document: _found(document, selector) is True
            case ("IS", "FALSE"):
                return lambda document: _found(document, selector) is False
        raise BadPattern(f"{word} {second} is not understood")

    def _token(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise BadPattern("the pattern ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def _next(self, kind: str) -> str:
        found, text = self._token()
        if found != kind:
            raise BadPattern(f"{text!r} is not expected")
        return text

    def _is(self, sign: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == ("sign", sign):
            self.at += 1
            return True
        return False

    def _sign(self, sign: str) -> None:
        if not self._is(sign):
            raise BadPattern(f"{sign!r} is expected before {self.tokens[self.at :]}")


def _found(document: Any, selector: str) -> Any:
    try:
        return select(document, selector)
    except KeyError:
        return _ABSENT


def _compared(selector: str, operator: str, kind: str, value: str) -> Matches:
    text = json.loads(value) if kind == "text" else value
    number = _number(value) if kind == "word" else None
    if number is not None:
        compare = _ORDER[operator]
        return lambda document: (
            _is_number(_found(document, selector)) and compare(Decimal(_found(document, selector)), number)
        )
    if operator not in ("=", "!="):
        raise BadPattern(f"{operator} compares numbers, and {value} is none")
    expression = value.strip("%") if kind == "regex" else ".*".join(re.escape(each) for each in str(text).split("*"))
    full = re.compile(expression, re.DOTALL)

    def matches(document: Any) -> bool:
        found = _found(document, selector)
        if found is _ABSENT or found is None or isinstance(found, dict | list):
            return False
        shown = str(found).lower() if isinstance(found, bool) else str(found)
        is_equal = bool(full.search(shown) if kind == "regex" else full.fullmatch(shown))
        return is_equal is (operator == "=")

    return matches


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
