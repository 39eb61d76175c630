"""`python -m tools.permissions CALLS`: whether the roles allow what functions do and nothing else; 0 where they do.

CALLS is the directory in which the tests wrote the calls that functions make (`pytest --calls CALLS`). With `--write`
the page of the docs is brought up to date.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tools.local_stack.process_supervisor import ROOT
from tools.permissions import page
from tools.permissions.calls import Call, read
from tools.permissions.check import check, checked_roles
from tools.permissions.roles import NotDerived
from tools.permissions.values import Unknown, Values
from tools.template_checks.conditions import decided
from tools.template_checks.templates import EVERY_OPTION, KEY, PRODUCT, translated

# Everything with the customer's key, everything without, and what is deployed by default.
PARAMETERS: Final[Sequence[Mapping[str, str]]] = (EVERY_OPTION, {**EVERY_OPTION, "KeyArn": ""}, {})


def findings(
    template: Mapping[str, Any], key_policy: Mapping[str, Any], calls: frozenset[Call], write: bool
) -> Iterator[str]:
    """A line for whatever is found under any of the `PARAMETERS`."""
    for parameters in PARAMETERS:
        values = Values(decided(template, parameters))
        try:
            checked = checked_roles(values, calls)
            yield from check(values, parameters, key_policy, checked)
        except (NotDerived, Unknown) as error:
            yield f"cannot be checked: {error}"
            continue
        if parameters is EVERY_OPTION:
            now = page.with_section(page.PAGE.read_text(), checked)
            if write:
                page.PAGE.write_text(now)
            if page.PAGE.read_text() != now:
                yield f"{page.PAGE.relative_to(ROOT)} says otherwise: make iam WRITE=1"


def main(directory: Path, write: bool) -> int:
    """0 where nothing is found."""
    key = Values(translated(KEY).template)
    key_policy = key.of(key.resources["Key"]["Properties"]["KeyPolicy"])
    found = sorted(set(findings(translated(PRODUCT).template, key_policy, read(directory), write)))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), write="--write" in sys.argv[2:]))
