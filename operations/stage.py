"""A running stage: the local one, or one deployed to AWS, with the caller's credentials."""

import argparse
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

LOCAL: Final = "local"
# The region of the local engine.
REGION: Final = "ap-south-1"
SETTINGS: Final = Path(__file__).parents[1] / "samconfig.toml"


@dataclass(frozen=True)
class Stage:
    """The stage `name`: the stack `stack` in `region`. A local stage responds at `url`."""

    name: str
    url: str | None
    stack: str
    region: str | None = None

    @cached_property
    def _session(self) -> boto3.Session:
        return (
            boto3.Session("local", "local", region_name=REGION) if self.url else boto3.Session(region_name=self.region)
        )

    @cached_property
    def _config(self) -> Config:
        # A long poll lasts 20 s.
        proxies: dict[str, Any] = {"proxies": {}} if self.url else {}
        return Config(connect_timeout=5, read_timeout=30, **proxies)

    @cached_property
    def events(self) -> "EventBridgeClient":
        return self._session.client("events", endpoint_url=self.url, config=self._config)

    @cached_property
    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", endpoint_url=self.url, config=self._config)

    @cached_property
    def s3(self) -> "S3Client":
        return self._session.client("s3", endpoint_url=self.url, config=self._config)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self._session.client("dynamodb", endpoint_url=self.url, config=self._config)

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return self._session.client("cloudformation", endpoint_url=self.url, config=self._config)

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        return self._session.client("cloudwatch", endpoint_url=self.url, config=self._config)

    @cached_property
    def secretsmanager(self) -> "SecretsManagerClient":
        return self._session.client("secretsmanager", endpoint_url=self.url, config=self._config)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        return self._session.client("logs", endpoint_url=self.url, config=self._config)

    @cached_property
    def functions(self) -> "LambdaClient":
        return self._session.client("lambda", endpoint_url=self.url, config=self._config)

    @property
    def api_url(self) -> str:
        """The base URL of the API."""
        return f"{self.url}/_aws/execute-api/{self.stack}" if self.url else self.outputs["ApiUrl"]

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stage's stack."""
        [stack] = self.cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters of the stage's stack. AWS masks those with NoEcho."""
        [stack] = self.cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
        return {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}

    def items(self, table: str, **scan: Any) -> Iterator[dict[str, Any]]:
        """Every item of a table, as attribute values."""
        for page in self.dynamodb.get_paginator("scan").paginate(TableName=table, **scan):
            yield from page["Items"]


def parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with the options that select the stage."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--stage", default=LOCAL, help="local, or one of samconfig.toml: dev, staging, prod")
    made.add_argument("--stack", help="the stack, if it is not the one in samconfig.toml for the stage")
    made.add_argument("--port", type=int, default=4566, help="the port of the local stage")
    return made


def of(options: argparse.Namespace, settings: Path = SETTINGS) -> Stage:
    """The stage that the options select. Its stack and region come from `settings`, which `sam deploy` reads too."""
    name = options.stage
    if name == LOCAL:
        return Stage(name, f"http://127.0.0.1:{options.port}", options.stack or f"securities-transactions-{LOCAL}")
    configured = tomllib.loads(settings.read_text()).get(name, {})
    stack = options.stack or configured.get("deploy", {}).get("parameters", {}).get("stack_name")
    if not stack:
        raise SystemExit(f"{settings.name} has no stack for the stage {name}: name one with --stack")
    return Stage(name, None, stack, configured.get("global", {}).get("parameters", {}).get("region"))
