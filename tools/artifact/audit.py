"""`make audit`: list known vulnerabilities of the layer's locked requirements with pip-audit. Exits with 1 on a
finding.

It needs network access to the advisories. A package that pip-audit could not look up is a finding too: pip-audit itself
only mentions it. pyproject.toml (`tool.artifact.audit`) accepts a finding with a reason and a last day, after which the
command fails again.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from tools.artifact.layer import normalized
from tools.local_stack.process_supervisor import ROOT

REQUIREMENTS: Final = ROOT / "layers" / "runtime" / "requirements.txt"
SETTINGS: Final = ROOT / "pyproject.toml"


@dataclass(frozen=True)
class Acceptance:
    """An accepted finding, valid through the day `until`. `id` is the advisory's id or one of its aliases."""

    id: str
    package: str
    reason: str
    until: date


def acceptances(settings: Path = SETTINGS) -> list[Acceptance]:
    """The acceptances in `settings`. Raises `ValueError` for an incomplete one."""
    entries = tomllib.loads(settings.read_text())["tool"]["artifact"]["audit"]["accepted"]
    return [_acceptance(entry) for entry in entries]


def _acceptance(entry: Mapping[str, Any]) -> Acceptance:
    match entry:
        case {"id": str(found), "package": str(package), "reason": str(reason), "until": date() as until, **rest}:
            if not rest and len(reason.split()) >= 4 and not isinstance(until, datetime):
                return Acceptance(found, normalized(package), reason, until)
    raise ValueError(
        f"[[tool.artifact.audit.accepted]] {entry.get('id', '')}: an acceptance has id, package, a reason in words and "
        "until = YYYY-MM-DD, and nothing else"
    )


def faults(report: Mapping[str, Any], accepted: Sequence[Acceptance], today: date) -> Iterator[str]:
    """The findings of pip-audit's JSON `report`, one line each.

    A finding is a vulnerability that is not accepted, a package that pip-audit did not look up, or an acceptance that
    has ended or matches nothing.
    """
    packages = report["dependencies"]
    if not packages:
        yield "pip-audit looked up no package"
    used: set[Acceptance] = set()
    for package in packages:
        if "skip_reason" in package:
            yield f"{package['name']}: not looked up: {package['skip_reason']}"
            continue
        for found in package["vulns"]:
            names = {found["id"], *found.get("aliases", [])}
            covering = [a for a in accepted if a.id in names and a.package == normalized(package["name"])]
            used.update(covering)
            if not any(each.until >= today for each in covering):
                yield from _finding(package, found, covering)
    for each in accepted:
        if each not in used:
            yield f"{each.id} of {each.package}: is accepted in pyproject.toml but no longer found: remove it"


def _finding(package: Mapping[str, Any], found: Mapping[str, Any], ended: Sequence[Acceptance]) -> Iterator[str]:
    place = f"{package['name']} {package['version']}: {found['id']}"
    if ended:
        yield f"{place}: was accepted until {max(each.until for each in ended)}: update the package, or decide again"
        return
    fixed = ", ".join(found.get("fix_versions", []))
    remedy = f"fixed in {fixed}: `make lock`" if fixed else "no version has a fix yet"
    yield f"{place}: {remedy}. To accept it for a time: [[tool.artifact.audit.accepted]] in pyproject.toml"


def report(arguments: Sequence[str] = (), requirements: Path = REQUIREMENTS) -> dict[str, Any]:
    """The report of pip-audit. `arguments` are its own options. Raises `RuntimeError` if it fails."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        str(requirements),
        "--require-hashes",
        "--disable-pip",
    ]
    command += ["--format", "json", "--progress-spinner", "off", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    try:
        found: dict[str, Any] = json.loads(result.stdout)
    except json.JSONDecodeError as error:
        raise RuntimeError(f"pip-audit ended with {result.returncode}: {result.stderr.strip()}") from error
    return found


def main(arguments: Sequence[str]) -> int:
    """Returns 0 if every finding is accepted."""
    try:
        found = report(arguments)
    except RuntimeError as failed:
        sys.exit(str(failed))
    wrong = list(faults(found, acceptances(), datetime.now(UTC).date()))
    for line in wrong:
        print(f"✗ {line}", file=sys.stderr)
    if not wrong:
        print(f"✓ no known vulnerabilities in the {len(found['dependencies'])} packages of the layer")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
