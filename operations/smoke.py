"""`python -m operations.smoke`: whether a deployed stack answers as it should, and a production one is protected.

It changes nothing: it calls the API without an access token, sends a webhook with a wrong checksum, and reads what AWS
knows of the stack. It does not read the secret's value, and it does not call the Gateway.
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
# Every route that asks for an access token (contracts/openapi.yaml).
GUARDED: Final = (
    ("POST", "/transactions"),
    ("GET", "/transactions/TRX_SMOKE"),
    ("GET", "/transactions/TRX_SMOKE/orders"),
    ("GET", "/transactions/TRX_SMOKE/history"),
    ("POST", "/transactions/TRX_SMOKE/sdk-response"),
    ("GET", "/orders"),
    ("POST", "/sdk-tokens"),
    ("GET", "/accounts"),
    ("DELETE", "/accounts/000000000000000000000000"),
)
WEBHOOK: Final = "/webhooks/orders"
# The vendor may have been given the URL with a slash at its end.
WEBHOOKS: Final = (WEBHOOK, f"{WEBHOOK}/")
# Tables whose loss cannot be made up for; the others hold what expires within a day, or what can be derived again.
LASTING: Final = ("TransactionsTable", "NotesTable", "WebhooksTable", "HistoryTable")
# A function's first call after a deployment takes some seconds.
_SECONDS: Final = 30


@dataclass(frozen=True)
class Table:
    """How a table is guarded against loss."""

    protected: bool
    recoverable: bool


@dataclass(frozen=True)
class Alarm:
    """An alarm of the stack: its state, and whether anybody is notified."""

    state: str
    notifies: bool


@dataclass(frozen=True)
class Facts:
    """What AWS and the API say of a deployed stack."""

    purpose: str  # the stack's parameter `Stage`
    status: str
    kept: bool  # the stack itself is protected from deletion
    without_token: Mapping[str, int]
    forged_webhooks: Mapping[str, int]
    needs_segment: bool  # whether the webhook's URL has a segment, which only the vendor and the operators have
    secret_put: bool
    tables: Mapping[str, Table]
    alarms: Mapping[str, Alarm]


def faults(facts: Facts) -> Iterator[str]:
    """What is wrong, a line each with what to do; nothing where all is well."""
    if facts.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        yield f"the stack is in {facts.status}: the last deployment did not succeed"
    for route, status in facts.without_token.items():
        if status != 401:
            yield f"{route} answers {status} without an access token, and 401 is expected"
    if not facts.secret_put:
        yield "the Gateway's secret has no value: put it (docs/reference/settings.md, The Gateway's secrets)"
    for path, status in facts.forged_webhooks.items():
        if status != 401 and not (status == 404 and facts.needs_segment):
            yield f"a webhook with a wrong checksum is answered {status} at {path}, and 401 is expected: see the log"
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
            yield f"{name} notifies nobody"


def gather(stage: Stage) -> Facts:
    """Ask AWS and the API. Raises botocore's errors and `httpx.HTTPError` where they do not answer."""
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
    """A webhook of the right shape that nobody signed: only functions that have the secret can tell."""
    return {"timestamp": timestamp_text(now), "smallcaseAuthId": "0" * 24, "checksum": "0" * 64}


def main(arguments: list[str]) -> int:
    """0 where all is well, 1 where something is wrong or does not answer."""
    stage = stages.of(stages.parser(__doc__).parse_args(arguments))
    try:
        found = list(faults(gather(stage)))
    except (BotoCoreError, ClientError, httpx.HTTPError) as error:
        print(f"{stage.stack} does not answer: {error}", file=sys.stderr)
        return 1
    for line in found:
        print(f"✗ {line}", file=sys.stderr)
    if not found:
        print(f"✓ {stage.stack} answers as it should")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
