"""`python -m tools.permissions CALLS`: check that the roles allow exactly what the functions do. Exits with 0 if so.

CALLS is the directory in which the tests wrote the functions' calls (`pytest --calls CALLS`). `--write` updates the
page in the docs.
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

# All resources with the customer's key, all without it, and the default deployment.
PARAMETERS: Final[Sequence[Mapping[str, str]]] = (EVERY_OPTION, {**EVERY_OPTION, "KeyArn": ""}, {})


def findings(
    template: Mapping[str, Any], key_policy: Mapping[str, Any], calls: frozenset[Call], write: bool
) -> Iterator[str]:
    """The findings under each of the `PARAMETERS`, one line each."""
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
                yield f"{page.PAGE.relative_to(ROOT)} is out of date: make iam WRITE=1"


def main(directory: Path, write: bool) -> int:
    """Returns 0 if there are no findings."""
    key = Values(translated(KEY).template)
    key_policy = key.of(key.resources["Key"]["Properties"]["KeyPolicy"])
    found = sorted(set(findings(translated(PRODUCT).template, key_policy, read(directory), write)))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), write="--write" in sys.argv[2:]))
