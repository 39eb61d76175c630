"""Data at rest: every store has the customer's key, the key admits every service, and records outlive the stack."""

from functools import cache
from typing import Any

import pytest

from tools.template_checks.conditions import decided
from tools.template_checks.templates import EVERY_OPTION, KEY, PRODUCT, translated

pytestmark = pytest.mark.integration  # the SAM translator and cfn-lint are installed in .venv-engine only

# The property that takes the key, and the service that uses it.
TAKES_KEY = {
    "AWS::AppConfig::ConfigurationProfile": ("KmsKeyIdentifier", "appconfig"),
    "AWS::DynamoDB::Table": ("SSESpecification", "dynamodb"),
    "AWS::Events::Archive": ("KmsKeyIdentifier", "events"),
    "AWS::Events::EventBus": ("KmsKeyIdentifier", "events"),
    "AWS::Lambda::Function": ("KmsKeyArn", "lambda"),
    "AWS::Logs::LogGroup": ("KmsKeyId", "logs"),
    "AWS::S3::Bucket": ("BucketEncryption", "s3"),
    "AWS::SQS::Queue": ("KmsMasterKeyId", "sqs"),
    "AWS::SecretsManager::Secret": ("KmsKeyId", "secretsmanager"),
}
GIVEN = {"Ref": "KeyArn"}


@cache
def resources() -> dict[str, Any]:
    """The resources of a stack with every option."""
    found: dict[str, Any] = decided(translated(PRODUCT).template, EVERY_OPTION)["Resources"]
    return found


def of_type(kind: str) -> dict[str, Any]:
    return {name: each for name, each in resources().items() if each["Type"] == kind}


@cache
def statements() -> dict[str, Any]:
    """The statements of the key's policy, by their id."""
    key = translated(KEY).template["Resources"]["Key"]["Properties"]["KeyPolicy"]
    return {each["Sid"]: each for each in key["Statement"]}


@pytest.mark.parametrize("kind", TAKES_KEY)
def test_every_resource_that_takes_a_key_gets_the_customers(kind: str) -> None:
    name, _ = TAKES_KEY[kind]
    found = {logical: each["Properties"].get(name) for logical, each in of_type(kind).items()}
    assert found
    assert all(value == GIVEN or GIVEN in _keys(value) for value in found.values()), found


def _keys(value: Any) -> list[Any]:
    """The keys in the encryption of a table or a bucket."""
    match value:
        case {"KMSMasterKeyId": key}:
            return [key]
        case {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": rule}]}:
            return [rule["KMSMasterKeyID"]] if rule["SSEAlgorithm"] == "aws:kms" else []
    return []


def test_every_resource_that_gets_the_key_is_of_a_type_listed_here() -> None:
    given = {each["Type"] for each in resources().values() if "KeyArn" in str(each.get("Properties"))}
    # Its content names the key, to change with it.
    assert given - {"AWS::AppConfig::HostedConfigurationVersion"} == set(TAKES_KEY)


def test_the_key_admits_every_service_that_uses_it() -> None:
    via = statements()["UsedThroughServicesByTheAccount"]["Condition"]["StringEquals"]["kms:ViaService"]
    called = {service["Fn::Sub"].split(".")[0] for service in via}
    principals = {str(each["Principal"].get("Service")) for each in statements().values()}
    assert {service for _, service in TAKES_KEY.values()} == called | {"logs"}
    assert any("events.amazonaws.com" in principal for principal in principals)
    assert any("logs." in principal for principal in principals)


def test_eventbridge_may_check_encrypt_decrypt_and_archive() -> None:
    """It describes the key without an encryption context, and re-encrypts for the archive."""
    assert statements()["DescribedByEventBridge"]["Action"] == "kms:DescribeKey"
    assert set(statements()["UsedByEventBridge"]["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncrypt*"}


def test_no_statement_admits_another_account() -> None:
    for sid, statement in statements().items():
        if sid == "AdministeredByTheAccount":
            assert statement["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
        else:
            assert "AWS::AccountId" in str(statement["Condition"]), sid


def test_the_template_has_no_value_for_the_secret() -> None:
    [secret] = of_type("AWS::SecretsManager::Secret").values()
    assert {"SecretString", "GenerateSecretString"} & set(secret["Properties"]) == set()
    assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


@pytest.mark.parametrize("kind", ["AWS::Logs::LogGroup", "AWS::Events::Archive", "AWS::S3::Bucket"])
def test_records_outlive_the_stack_and_not_a_failed_creation(kind: str) -> None:
    policies = {(each["DeletionPolicy"], each["UpdateReplacePolicy"]) for each in of_type(kind).values()}
    assert policies == {("RetainExceptOnCreate", "Retain")}


def test_logs_are_kept_for_half_a_year_by_default_and_for_ten_years_at_most() -> None:
    days = translated(PRODUCT).template["Parameters"]["LogRetentionDays"]
    assert (days["Default"], max(days["AllowedValues"])) == (180, 3653)


def test_what_the_bus_cannot_encrypt_waits_in_a_queue_with_an_alarm() -> None:
    bus = resources()["Bus"]["Properties"]["DeadLetterConfig"]["Arn"]
    assert bus == {"Fn::GetAtt": ["BusDeadLetters", "Arn"]}
    queue = resources()["BusDeadLetters"]["Properties"]
    assert queue["MessageRetentionPeriod"] == 14 * 86400
    [dimension] = resources()["BusDeadLettersAlarm"]["Properties"]["Dimensions"]
    assert dimension["Value"] == {"Fn::GetAtt": ["BusDeadLetters", "QueueName"]}
    [statement] = resources()["BusDeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}}}


def test_every_dead_letter_queue_of_a_production_stack_has_an_alarm() -> None:
    queues = {name for name in of_type("AWS::SQS::Queue") if name.endswith("DeadLetters")}
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Properties"].get("Dimensions", [])
        if dimension["Name"] == "QueueName"
    }
    assert queues == watched - {"FinalReportsQueue"}, "whose age has an alarm"


def test_discarded_records_are_not_public_and_travel_encrypted() -> None:
    bucket = resources()["DiscardedRecords"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    [statement] = resources()["DiscardedRecordsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(statement["Resource"]) == 2


def test_discarded_records_are_kept_for_a_year_and_for_a_month_after_they_were_redriven() -> None:
    [rule] = resources()["DiscardedRecords"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 365)
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert resources()["DiscardedRecords"]["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
