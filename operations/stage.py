"""A running product to look at or to mend: the local one, or one deployed to AWS with the caller's credentials."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

LOCAL: Final = "local"
# The region of the local engine.
REGION: Final = "ap-south-1"


@dataclass(frozen=True)
class Stage:
    """The stage called `name`; a local one answers at `url`."""

    name: str
    url: str | None

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("local", "local", region_name=REGION) if self.url else boto3.Session()

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
    def dynamodb(self) -> "DynamoDBClient":
        return self._session.client("dynamodb", endpoint_url=self.url, config=self._config)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stage's stack."""
        client = self._session.client("cloudformation", endpoint_url=self.url, config=self._config)
        [stack] = client.describe_stacks(StackName=f"securities-transactions-{self.name}")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def items(self, table: str, **scan: Any) -> Iterator[dict[str, Any]]:
        """Every item of a table, as attribute values."""
        for page in self.dynamodb.get_paginator("scan").paginate(TableName=table, **scan):
            yield from page["Items"]


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that say which stage is meant."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--stage", default=LOCAL, help="local, or one that is deployed: dev, staging, prod")
    made.add_argument("--port", type=int, default=4566, help="where the local one answers")
    return made


def of(options: argparse.Namespace) -> Stage:
    """The stage that the options mean."""
    return Stage(options.stage, f"http://127.0.0.1:{options.port}" if options.stage == LOCAL else None)
