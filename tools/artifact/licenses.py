"""`make licenses`: list each package of the built layer with its license. Exits with 1 if one is not allowed or
unknown.

Code compiled into a package's libraries counts too. The rules are in pyproject.toml (`tool.artifact.licenses`).
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from license_expression import AND, OR, ExpressionError, get_spdx_licensing  # type: ignore[import-untyped] # it has none

from tools.artifact.layer import BUILT, OWN, Package, Unaccounted, packages
from tools.local_stack.process_supervisor import ROOT

SETTINGS: Final = ROOT / "pyproject.toml"
_SPDX: Final = get_spdx_licensing()


@dataclass(frozen=True)
class Rules:
    """The licenses that the layer may contain (SPDX identifiers).

    `allowed` applies to every package, `exceptions` to the named package only. `stated` has the license of a package
    whose metadata has none that SPDX knows, as a person read it in the package's license files.
    """

    allowed: frozenset[str]
    exceptions: Mapping[str, str] = field(default_factory=dict)
    stated: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, settings: Path = SETTINGS) -> Self:
        """Read the rules. Raises `ValueError` for an entry without a reason."""
        given: dict[str, Any] = tomllib.loads(settings.read_text())["tool"]["artifact"]["licenses"]
        for name, entry in [*given["exceptions"].items(), *given["stated"].items()]:
            if len(entry["reason"].split()) < 4:
                raise ValueError(f"{settings.name}: the license of {name} has no reason in words")
        return cls(
            frozenset(given["allowed"]),
            {name: entry["license"] for name, entry in given["exceptions"].items()},
            {name: entry["license"] for name, entry in given["stated"].items()},
        )


@dataclass(frozen=True)
class Licensed:
    """A package and its license as an SPDX expression, or `None` if unknown.

    `within` is the package that it is compiled into.
    """

    name: str
    version: str
    license: str | None
    within: str | None = None


def licensed(layer: Path, found: Sequence[Package], rules: Rules) -> Iterator[Licensed]:
    """Each package of `layer`, without this repository's own, and each one compiled into another."""
    for package in found:
        if package.name == OWN:
            continue
        yield Licensed(package.name, package.version, spdx(package.licenses) or rules.stated.get(package.name))
        for file in package.compiled_in:
            for crate in parts(json.loads((layer / file).read_text())):
                yield Licensed(crate["name"], crate["version"], spdx(_expressions(crate)), package.name)


def parts(bill: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The components of a CycloneDX document, including nested ones."""
    for component in bill.get("components", []):
        if component.get("scope") != "excluded":
            yield component
            yield from parts(component)


def spdx(stated: Sequence[str]) -> str | None:
    """The first of `stated` that is an SPDX expression."""
    for text in stated:
        try:
            parsed = _SPDX.parse(text, validate=True, strict=True)
        except ExpressionError:
            continue
        if parsed is not None:
            return str(parsed)
    return None


def allows(expression: str, allowed: frozenset[str]) -> bool:
    """True if a choice exists for which every license that applies is allowed."""
    return _allows(_SPDX.parse(expression, validate=True, strict=True), allowed)


def _allows(parsed: Any, allowed: frozenset[str]) -> bool:
    match parsed:
        case OR(args=parts):
            return any(_allows(part, allowed) for part in parts)
        case AND(args=parts):
            return all(_allows(part, allowed) for part in parts)
        case _:
            # With an exception (GPL-2.0-only WITH …) it is a separate license and must be listed as such.
            return str(parsed) in allowed


def faults(found: Sequence[Licensed], rules: Rules, stated: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The faults, one line each: a license that is not allowed, or a rule that is not needed.

    `stated` has the license metadata of each package.
    """
    excepted, read = set(), set()
    for each in found:
        place = f"{each.name} {each.version}" + (f" (compiled into {each.within})" if each.within else "")
        if each.license is None:
            said = " / ".join(stated.get(each.name, ())) or "nothing"
            yield (
                f"{place}: its license is not known (the metadata states {said!r}). Read its license files and add it "
                "to [tool.artifact.licenses.stated] with the reason, or replace the package."
            )
        elif not allows(each.license, rules.allowed):
            if rules.exceptions.get(each.name) == each.license:
                excepted.add(each.name)
            else:
                yield (
                    f"{place}: {each.license} is not allowed. Replace the package; or have it decided, and add it to "
                    "`allowed`, or for this package alone to [tool.artifact.licenses.exceptions] with the reason."
                )
        if each.name in rules.stated and not each.within and spdx(stated.get(each.name, ())) is None:
            read.add(each.name)
    for name in sorted(rules.exceptions.keys() - excepted):
        yield f"[tool.artifact.licenses.exceptions] {name}: excepts nothing: remove it"
    for name in sorted(rules.stated.keys() - read):
        yield f"[tool.artifact.licenses.stated] {name}: is not needed: remove it"


def unknown_symbols(rules: Rules) -> Iterator[str]:
    """The identifiers in the rules that SPDX does not have.

    A misspelled one would allow nothing, or wrongly be trusted.
    """
    for text in [*sorted(rules.allowed), *rules.exceptions.values(), *rules.stated.values()]:
        if spdx([text]) is None:
            yield f"[tool.artifact.licenses]: {text!r} is not an SPDX expression"


def main(arguments: list[str]) -> int:
    """Returns 0 if every license is allowed, else 1 with one line for each that is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layer", type=Path, default=BUILT, help="the built layer's directory `python`")
    layer = parser.parse_args(arguments).layer
    rules = Rules.read()
    try:
        found = packages(layer)
    except Unaccounted as unaccounted:
        sys.exit(str(unaccounted))
    listed = list(licensed(layer, found, rules))
    for each in listed:
        if not each.within:
            print(f"{each.name:24} {each.version:14} {each.license or '?'}")
    within = sum(each.within is not None for each in listed)
    print(f"… and {within} that are compiled into these")
    wrong = [*unknown_symbols(rules), *faults(listed, rules, {each.name: each.licenses for each in found})]
    for line in wrong:
        print(f"✗ {line}", file=sys.stderr)
    return 1 if wrong else 0


def _expressions(component: Mapping[str, Any]) -> list[str]:
    choices = component.get("licenses", [])
    named = [choice.get("license", {}) for choice in choices]
    together = " AND ".join(each["id"] for each in named if "id" in each)
    return [*(choice["expression"] for choice in choices if "expression" in choice), *([together] if together else [])]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
