"""`python -m operations.smoke`: check that a deployed stack responds correctly, and that a production stack is
protected.

It changes nothing. It calls the API without an access token, sends a webhook with a wrong checksum, and reads the
stack's configuration from AWS. It does not read the secret's value, and it does not call the Gateway.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from securities_transactions.domain.times import timestamp_text

PRODUCTION: Final = "prod"
# Every route that requires an access token (contracts/openapi.yaml).
GUARDED: Final = (
    ("POST", "/transactions"),
    ("GET", "/transactions/TRX_SMOKE"),
    ("GET", "/transactions/TRX_SMOKE/orders"),
    ("GET", "/transactions/TRX_SMOKE/history"),
    ("POST", "/transactions/TRX_SMOKE/sdk-response"),
    ("GET", "/orders"),
    ("POST", "/sdk-tokens"),
    ("GET", "/accounts"),
    ("GET", "/cases"),
    ("POST", "/cases/TRX_SMOKE"),
    ("POST", "/cases/TRX_SMOKE/claim"),
    ("POST", "/cases/TRX_SMOKE/comments"),
    ("POST", "/cases/TRX_SMOKE/resolution"),
    ("POST", "/cases/TRX_SMOKE/approval"),
    ("DELETE", "/accounts/000000000000000000000000"),
)
WEBHOOK: Final = "/webhooks/orders"
# The URL registered with the vendor may end in a slash.
WEBHOOKS: Final = (WEBHOOK, f"{WEBHOOK}/")
# Tables with data that cannot be restored from elsewhere. The others hold data that expires within a day or is derived.
LASTING: Final = ("TransactionsTable", "UsersTable", "WebhooksTable", "HistoryTable")
# The first call of a function after a deployment takes some seconds.
_SECONDS: Final = 30


@dataclass(frozen=True)
class Table:
    """The protection of a table against data loss."""

    protected: bool
    recoverable: bool


@dataclass(frozen=True)
class Alarm:
    """An alarm of the stack: its state, and whether it notifies a topic."""

    state: str
    notifies: bool


@dataclass(frozen=True)
class Facts:
    """The facts about a deployed stack, from AWS and the API."""

    purpose: str  # the stack's parameter `Stage`
    status: str
    kept: bool  # deletion protection of the stack itself
    without_token: Mapping[str, int]
    forged_webhooks: Mapping[str, int]
    needs_segment: bool  # the webhook's URL has a segment, which only the vendor and the operators know
    secret_put: bool
    tables: Mapping[str, Table]
    alarms: Mapping[str, Alarm]


def faults(facts: Facts) -> Iterator[str]:
    """The faults of a stack, one line each with the action. Empty if there are none."""
    if facts.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        yield f"the stack is in {facts.status}: the last deployment did not succeed"
    for route, status in facts.without_token.items():
        if status != 401:
            yield f"{route} returns {status} without an access token, and 401 is expected"
    if not facts.secret_put:
        yield "the Gateway's secret has no value: put it (docs/reference/settings.md, The Gateway's secrets)"
    for path, status in facts.forged_webhooks.items():
        if status != 401 and not (status == 404 and facts.needs_segment):
            yield f"a webhook with a wrong checksum returns {status} at {path}, and 401 is expected: see the log"
    for name, table in facts.tables.items():
        if not table.recoverable:
            yield f"{name} has no point-in-time recovery"
    for name, alarm in facts.alarms.items():
        if alarm.state == "ALARM":
            yield f"{name} is in alarm (docs/guides/operator.md)"
    if facts.purpose == PRODUCTION:
        yield from _unprotected(facts)


def _unprotected(facts: Facts) -> Iterator[str]:
    for name, table in facts.tables.items():
        if not table.protected:
            yield f"{name} of a production stack can be deleted: make protect"
    if not facts.kept:
        yield "the production stack can be deleted: make protect"
    if not facts.alarms:
        yield "a production stack has no alarms: set AlarmTopicArn"
    for name, alarm in facts.alarms.items():
        if not alarm.notifies:
            yield f"{name} has no notification target"


def gather(stage: Stage) -> Facts:
    """Collect the facts from AWS and the API. Raises botocore's errors and `httpx.HTTPError` if they do not respond."""
    [stack] = stage.cloudformation.describe_stacks(StackName=stage.stack)["Stacks"]
    outputs = stage.outputs
    with httpx.Client(base_url=stage.api_url, timeout=_SECONDS, trust_env=stage.url is None) as api:
        without_token = {f"{method} {path}": api.request(method, path).status_code for method, path in GUARDED}
        forged = {path: api.post(path, json=_forged(datetime.now(UTC))).status_code for path in WEBHOOKS}
    versions = stage.secretsmanager.describe_secret(SecretId=outputs["GatewaySecretArn"]).get("VersionIdsToStages", {})
    return Facts(
        purpose=next((p["ParameterValue"] for p in stack.get("Parameters", []) if p["ParameterKey"] == "Stage"), ""),
        status=stack["StackStatus"],
        kept=stack.get("EnableTerminationProtection", False),
        without_token=without_token,
        forged_webhooks=forged,
        needs_segment=outputs["WebhookNeedsSegment"] == "true",
        secret_put=any("AWSCURRENT" in labels for labels in versions.values()),
        tables={name: _table(stage, outputs[name]) for name in LASTING},
        alarms=_alarms(stage),
    )


def _table(stage: Stage, name: str) -> Table:
    table = stage.dynamodb.describe_table(TableName=name)["Table"]
    backups = stage.dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    return Table(table.get("DeletionProtectionEnabled", False), recovery == "ENABLED")


def _alarms(stage: Stage) -> dict[str, Alarm]:
    pages = stage.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stage.stack)
    named = {
        resource["PhysicalResourceId"]: resource["LogicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
    }
    if not named:
        return {}
    found = stage.cloudwatch.describe_alarms(AlarmNames=list(named), AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    return {
        named[each["AlarmName"]]: Alarm(
            each["StateValue"], each.get("ActionsEnabled", True) and bool(each.get("AlarmActions"))
        )
        for each in found
    }


def _forged(now: datetime) -> dict[str, str]:
    """A well-formed webhook without a valid signature: only functions that have the secret can detect that."""
    return {"timestamp": timestamp_text(now), "smallcaseAuthId": "0" * 24, "checksum": "0" * 64}


def main(arguments: list[str]) -> int:
    """Returns 0 if there are no faults, 1 if there are some or the stack does not respond."""
    stage = stages.of(stages.parser(__doc__).parse_args(arguments))
    try:
        found = list(faults(gather(stage)))
    except (BotoCoreError, ClientError, httpx.HTTPError) as error:
        print(f"{stage.stack} does not respond: {error}", file=sys.stderr)
        return 1
    for line in found:
        print(f"✗ {line}", file=sys.stderr)
    if not found:
        print(f"✓ {stage.stack} responds as expected")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
