"""The delivery properties of the template: nothing dropped, nothing unencrypted, no excess permission."""

from pathlib import Path
from typing import Any

import pytest

from tests.simulation.messaging import resources
from tools.template_checks.conditions import decided
from tools.template_checks.templates import PRODUCT, translated

RULES = {name: each for name, each in resources().items() if each["Type"] == "AWS::Events::Rule"}
TARGETS = [(name, target) for name, rule in RULES.items() for target in rule["Properties"]["Targets"]]
ROOT = Path(__file__).parents[2]


def of_type(kind: str) -> dict[str, Any]:
    return {name: each for name, each in resources().items() if each["Type"] == kind}


def dead_letters(target: dict[str, Any]) -> str:
    """The logical name of the queue that takes what cannot be delivered to a target."""
    return str(target["DeadLetterConfig"]["Arn"]["GetAtt"]).removesuffix(".Arn")


@pytest.mark.parametrize(
    ("rule", "target"), TARGETS, ids=lambda value: value if isinstance(value, str) else value["Id"]
)
def test_every_target_is_tried_for_a_day_and_then_kept(rule: str, target: dict[str, Any]) -> None:
    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 86400
    assert resources()[dead_letters(target)]["Properties"]["MessageRetentionPeriod"] == 14 * 86400


def test_no_two_targets_share_a_dead_letter_queue() -> None:
    """So that one knows what to do with what lies in it."""
    queues = [dead_letters(target) for _, target in TARGETS]
    assert len(queues) == len(set(queues))


@pytest.mark.integration  # the SAM translator and cfn-lint are installed in .venv-engine only
def test_every_queue_is_encrypted_with_the_customer_key_or_that_of_aws() -> None:
    template = translated(PRODUCT).template
    examples = {"ExampleConsumers": "true"}
    for options, expected in (
        (examples, {"SqsManagedSseEnabled": True}),
        (examples | {"KeyArn": "arn:aws:kms:…"}, {"KmsMasterKeyId": {"Ref": "KeyArn"}}),
    ):
        resources = decided(template, options)["Resources"]
        queues = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::SQS::Queue"]
        assert len(queues) == len(of_type("AWS::SQS::Queue"))
        assert all(expected.items() <= queue.items() for queue in queues)


def test_what_the_publisher_sets_aside_rings_an_alarm() -> None:
    alarms = [
        each["Properties"]
        for each in of_type("AWS::CloudWatch::Alarm").values()
        if {"Name": "QueueName", "Value": {"GetAtt": "PublishDeadLetters.QueueName"}}
        in each["Properties"].get("Dimensions", [])
    ]

    [alarm] = alarms
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
    assert (alarm["ComparisonOperator"], alarm["EvaluationPeriods"]) == ("GreaterThanThreshold", 1)
    assert alarm["AlarmActions"]


@pytest.mark.parametrize("name", ["TransactionsStream", "WebhooksStream"])
def test_no_stream_record_is_given_up_without_a_place_to_go(name: str) -> None:
    """Lambda drops a record after its most attempts or its most age, unless the mapping has a destination."""
    mapping = resources()["PublishUpdates"]["Properties"]["Events"][name]["Properties"]

    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": {"GetAtt": "DiscardedRecords.Arn"}}}
    assert mapping["MetricsConfig"] == {"Metrics": ["EventCount"]}
    assert "MaximumRetryAttempts" not in mapping
    assert mapping["BisectBatchOnFunctionError"] is True
    assert resources()["DiscardedRecords"]["Type"] == "AWS::S3::Bucket"


def test_an_alarm_watches_what_each_stream_s_records_come_to_that_lambda_gives_up_on() -> None:
    streams = [f"PublishUpdates{name}" for name in resources()["PublishUpdates"]["Properties"]["Events"]]
    stored, lost = (resources()[name]["Properties"] for name in ("DiscardedRecordsAlarm", "LostRecordsAlarm"))

    watched = [each["MetricStat"]["Metric"] for each in stored["Metrics"] if "MetricStat" in each]
    assert {each["MetricName"] for each in watched} == {"OnFailureDestinationDeliveredEventCount"}
    dimensions = [each["Dimensions"] for each in watched]
    assert dimensions == [[{"Name": "EventSourceMappingUUID", "Value": {"Ref": name}}] for name in streams]
    assert (lost["Namespace"], lost["MetricName"]) == ("AWS/Lambda", "DestinationDeliveryFailures")
    assert lost["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "PublishUpdates"}}]
    for alarm in (stored, lost):
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
        # Raised by one minute, and for a day.
        assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (1, 24 * 60)
        assert alarm["AlarmActions"]


def test_only_public_events_are_archived_and_all_of_them() -> None:
    [archive] = of_type("AWS::Events::Archive").values()
    assert archive["Properties"]["EventPattern"] == RULES["UpdatesRule"]["Properties"]["EventPattern"]


def test_nothing_on_the_bus_requests_a_pull() -> None:
    """So a replay from the archive asks the Gateway nothing: requests go to the pull queue alone."""
    assert TARGETS
    assert not [name for name, target in TARGETS if "PullQueue" in str(target["Arn"])]
    policies = of_type("AWS::SQS::QueuePolicy").values()
    assert policies
    assert "PullQueue" not in str([policy["Properties"] for policy in policies])


def test_other_accounts_only_get_at_rules_of_their_own() -> None:
    """Not at others' rules, not at the bus: no putting of events."""
    [policy] = of_type("AWS::Events::EventBusPolicy").values()
    statement = policy["Properties"]["Statement"]

    assert policy["Condition"] == "HasConsumerAccounts"
    assert "events:PutEvents" not in statement["Action"]
    assert not any("*" in action for action in statement["Action"])
    assert statement["Condition"]["StringEqualsIfExists"] == {"events:creatorAccount": "${aws:PrincipalAccount}"}


def test_example_consumers_are_deployed_only_if_enabled() -> None:
    examples = {
        name
        for name in resources()
        if name.startswith(("Positions", "Notifier", "Messages", "SettledRule", "SettledQueue"))
        and not name.endswith("Alarm")
    }
    assert len(examples) == 12
    assert {resources()[name]["Condition"] for name in examples} == {"HasExamples"}
