"""checkov over the template as CloudFormation receives it.

checkov exits with 0 if it parses nothing, so this check counts its results. It uses a stack with every option set: with
the defaults, checkov would skip everything behind a condition, and require the customer's key although its parameter is
empty on purpose. A check that does not apply is skipped at the resource, with its reason (`Metadata: checkov: skip:`).
A skip that skips nothing is itself a finding.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tools.local_stack.process_supervisor import ROOT
from tools.template_checks.conditions import decided
from tools.template_checks.templates import EVERY_OPTION, under

CHECKOV: Final = ROOT / ".venv-checkov" / "bin" / "checkov"
# Far fewer means that checkov could not parse the template.
LEAST_CHECKS: Final = 100


def findings(name: str, template: Mapping[str, Any], least: int = LEAST_CHECKS) -> Iterator[str]:
    """The findings, one line each: failed checks of `template` (named `name`), and invalid skips."""
    template = decided(template, {**EVERY_OPTION, "RegisterSchemas": "true"})
    report = _report(name, template)
    summary, results = report["summary"], report["results"]
    ran = summary["passed"] + summary["failed"] + summary["skipped"]
    if ran < least or summary["parsing_errors"]:
        unread = summary["parsing_errors"]
        yield f"{name}: checkov ran {ran} checks (at least {least} expected) with {unread} files unread"
    for failed in results["failed_checks"]:
        yield f"{name}: {failed['resource']}: {failed['check_id']} {failed['check_name']}"
    skipped = {(check["resource"].split(".")[-1], check["check_id"]) for check in results["skipped_checks"]}
    yield from (f"{name}: {line}" for line in skips_out_of_order(template, skipped))


def skips_out_of_order(template: Mapping[str, Any], skipped: set[tuple[str, str]]) -> Iterator[str]:
    """The invalid skips, one line each: without a reason, or unused.

    `skipped` has pairs of logical name and check. SAM copies a function's skips to the resources that it generates from
    the function (its role, its permissions), where they need not apply.
    """
    for logical, resource in template["Resources"].items():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            if len(str(skip.get("comment", "")).split()) < 4:
                yield f"{logical}: the skip of {skip['id']} has no reason in words"
            family = (name for name, check in skipped if check == skip["id"])
            if not any(logical.startswith(name) or name.startswith(logical) for name in family):
                yield f"{logical}: the skip of {skip['id']} skips nothing: remove it"


def _report(name: str, template: Mapping[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        path = under(Path(directory), name, template)
        command = [str(CHECKOV), "--file", str(path), "--framework", "cloudformation"]
        command += ["--skip-download", "--compact", "--output", "json", "--soft-fail"]
        kept = {variable: os.environ[variable] for variable in ("HOME", "LANG", "PATH") if variable in os.environ}
        result = subprocess.run(
            command, cwd=directory, env=kept, capture_output=True, text=True, timeout=300, check=False
        )
    if result.returncode:
        raise ValueError(f"{name}: checkov ended with {result.returncode}: {result.stderr.strip()}")
    report: dict[str, Any] = json.loads(result.stdout)
    # If checkov can parse nothing, it returns a summary only.
    nothing = {"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 1}
    empty: dict[str, list[Any]] = {"failed_checks": [], "skipped_checks": []}
    return {"summary": nothing | report.get("summary", {}), "results": empty | report.get("results", {})}
