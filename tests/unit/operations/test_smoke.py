"""The smoke test of a deployed stack, and the step that protects a production one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from operations.protect import protect
from operations.smoke import GUARDED, LASTING, WEBHOOKS, Alarm, Facts, Table, faults
from operations.stage import Stage

ROOT = Path(__file__).parents[3]
WELL = Facts(
    purpose="prod",
    status="UPDATE_COMPLETE",
    kept=True,
    without_token={f"{method} {path}": 401 for method, path in GUARDED},
    forged_webhooks=dict.fromkeys(WEBHOOKS, 401),
    needs_segment=False,
    secret_put=True,
    tables={name: Table(protected=True, recoverable=True) for name in LASTING},
    alarms={"ErrorsAlarm": Alarm("OK", notifies=True), "PublisherLagAlarm": Alarm("INSUFFICIENT_DATA", notifies=True)},
)


def test_a_protected_production_stack_that_answers_has_no_faults() -> None:
    assert list(faults(WELL)) == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (replace(WELL, status="UPDATE_ROLLBACK_COMPLETE"), "UPDATE_ROLLBACK_COMPLETE"),
        (replace(WELL, status="ROLLBACK_COMPLETE"), "did not succeed"),
        (replace(WELL, without_token={**WELL.without_token, "GET /orders": 200}), "GET /orders returns 200"),
        (replace(WELL, without_token={**WELL.without_token, "GET /orders": 403}), "GET /orders returns 403"),
        (replace(WELL, forged_webhooks={"/webhooks/orders": 401, "/webhooks/orders/": 404}), "returns 404"),
        (replace(WELL, forged_webhooks={"/webhooks/orders": 500}), "returns 500"),
        (replace(WELL, forged_webhooks={"/webhooks/orders": 200}), "returns 200"),
        (replace(WELL, forged_webhooks={"/webhooks/orders": 200}, needs_segment=True), "returns 200"),
        (replace(WELL, secret_put=False), "secret has no value"),
        (replace(WELL, tables={**WELL.tables, "UsersTable": Table(True, False)}), "UsersTable has no point-in-time"),
        (replace(WELL, tables={**WELL.tables, "UsersTable": Table(False, True)}), "UsersTable of a production stack"),
        (replace(WELL, kept=False), "the production stack can be deleted"),
        (replace(WELL, alarms={}), "no alarms"),
        (replace(WELL, alarms={"ErrorsAlarm": Alarm("OK", notifies=False)}), "ErrorsAlarm has no notification target"),
        (replace(WELL, alarms={"ErrorsAlarm": Alarm("ALARM", notifies=True)}), "ErrorsAlarm is in alarm"),
    ],
)
def test_each_fault_is_reported_alone(broken: Facts, said: str) -> None:
    [line] = faults(broken)
    assert said in line


def test_webhook_without_its_segment_is_not_found() -> None:
    assert list(faults(replace(WELL, forged_webhooks=dict.fromkeys(WEBHOOKS, 404), needs_segment=True))) == []


def test_other_stages_need_neither_protection_nor_alarms() -> None:
    unprotected = {name: Table(protected=False, recoverable=True) for name in LASTING}
    dev = replace(WELL, purpose="dev", kept=False, tables=unprotected, alarms={})
    assert list(faults(dev)) == []
    assert list(faults(replace(dev, purpose="prod")))


def test_every_route_of_the_api_is_called() -> None:
    paths = yaml.safe_load((ROOT / "contracts/openapi.yaml").read_text())["paths"]
    routes = {(method.upper(), path.count("/")) for path, methods in paths.items() for method in methods}
    called = {*GUARDED, *(("POST", path) for path in WEBHOOKS)}
    assert {(method, path.count("/")) for method, path in called} == routes
    assert len(called) == sum(len(methods) for methods in paths.values())


class Account:
    """A CloudFormation with one stack, which it updates as it is asked to."""

    def __init__(self, protected: bool) -> None:
        value = "true" if protected else "false"
        self.parameters = {"Stage": "prod", "DeletionProtection": value, "GatewayName": "demo"}
        self.kept = False
        self.updates: list[dict[str, Any]] = []

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
        return {"Stacks": [{"Parameters": listed}]}

    def update_stack(self, **asked: Any) -> None:
        self.updates.append(asked)
        self.parameters = {
            each["ParameterKey"]: self.parameters[each["ParameterKey"]]
            if each.get("UsePreviousValue")
            else each["ParameterValue"]
            for each in asked["Parameters"]
        }

    def get_waiter(self, name: str) -> "Account":
        assert name == "stack_update_complete"
        return self

    def wait(self, **_: str) -> None:
        pass

    def update_termination_protection(self, **asked: Any) -> None:
        self.kept = asked["EnableTerminationProtection"]


def in_account(account: Any) -> Stage:
    stage = Stage("prod", None, "securities-transactions-prod")
    vars(stage)["cloudformation"] = account  # where the cached client would be
    return stage


def test_protecting_changes_one_parameter_and_keeps_the_others_and_the_template() -> None:
    account = Account(protected=False)
    assert protect(in_account(account))
    assert account.parameters == {"Stage": "prod", "DeletionProtection": "true", "GatewayName": "demo"}
    [update] = account.updates
    assert update["UsePreviousTemplate"] is True
    assert account.kept


def test_protecting_twice_updates_nothing_and_keeps_the_stack() -> None:
    account = Account(protected=True)
    assert not protect(in_account(account))
    assert account.updates == []
    assert account.kept
