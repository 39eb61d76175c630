"""The product deployed to the local engine: the real template, through the real `sam build` and `sam package`.

Only `tools.local_stack.adapt` changes the packaged template before the engine's CloudFormation gets it.
"""

import contextlib
import fcntl
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from tools.local_stack import engine as local_engine
from tools.local_stack import sam
from tools.local_stack.process_supervisor import ROOT, Failed, run, started

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

NAME: Final = "securities-transactions-local"
_BUCKET: Final = "securities-transactions-local-artifacts"


@dataclass(frozen=True)
class Aws:
    """Clients of the AWS services at `url`. `close` closes their connections."""

    url: str

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("local", "local", region_name=local_engine.REGION)

    @cached_property
    def _config(self) -> Config:
        return Config(retries={"total_max_attempts": 2}, connect_timeout=5, read_timeout=120, proxies={})

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return self._session.client("cloudformation", endpoint_url=self.url, config=self._config)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self._session.client("dynamodb", endpoint_url=self.url, config=self._config)

    @cached_property
    def events(self) -> "EventBridgeClient":
        return self._session.client("events", endpoint_url=self.url, config=self._config)

    @cached_property
    def functions(self) -> "LambdaClient":
        return self._session.client("lambda", endpoint_url=self.url, config=self._config)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        # The engine answers with an error where a function makes a log stream while it lists them.
        patient = self._config.merge(Config(retries={"total_max_attempts": 10}))
        return self._session.client("logs", endpoint_url=self.url, config=patient)

    @cached_property
    def s3(self) -> "S3Client":
        return self._session.client("s3", endpoint_url=self.url, config=self._config)

    @cached_property
    def secretsmanager(self) -> "SecretsManagerClient":
        return self._session.client("secretsmanager", endpoint_url=self.url, config=self._config)

    @cached_property
    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", endpoint_url=self.url, config=self._config)

    def logged(self, since: float, term: str = "") -> list[str]:
        """The log lines of the functions since `since` (seconds since 1970) that contain `term`, in order.

        The engine returns ten thousand at most, and ignores filter patterns for JSON.
        """
        logged = [
            (event["timestamp"], event["message"].rstrip())
            for groups in self.logs.get_paginator("describe_log_groups").paginate()
            for group in groups["logGroups"]
            for page in self.logs.get_paginator("filter_log_events").paginate(
                logGroupName=group["logGroupName"],
                startTime=int(since * 1000),
                filterPattern=f'"{term}"' if term else "",
            )
            for event in page["events"]
        ]
        return [message for _, message in sorted(logged) if message.startswith("{")]

    def close(self) -> None:
        for member in vars(self).values():
            if isinstance(member, BaseClient):
                member.close()


@contextlib.contextmanager
def building() -> Iterator[Callable[[], Path]]:
    """Build while the context lasts. The callable waits for the build and returns the template from `sam build`.

    The layer is built for the engine's Python. It is rebuilt only when the sources change. The build does not change
    while the context lasts: other processes wait for their turn.
    """
    place = ROOT / ".local" / "build" / f"python{platform.python_version()}"
    place.mkdir(parents=True, exist_ok=True)
    command = [str(sam.TOOLS / "sam"), "build", "--cached", "--parallel"]
    command += ["--template-file", str(ROOT / "template.yaml")]
    command += ["--build-dir", str(place / "built"), "--cache-dir", str(place / "cache")]
    command += ["--parameter-overrides", *(f"{name}={value}" for name, value in local_parameters().items())]
    seen = sam.environment() | {"LAYER_INTERPRETER": str(local_engine.PYTHON)}
    with _turn(place / "turn"), started("build", command, seen) as process:

        def built() -> Path:
            process.wait()
            return place / "built" / "template.yaml"

        yield built


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Exclusive access to `path` among processes. The operating system releases it when the process ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def package(aws: Aws, built: Path, work: Path) -> str:
    """Package the built template: upload it, adapted, with its code. Returns its URL in the engine's S3.

    `work` is the directory for intermediate files.
    """
    with contextlib.suppress(aws.s3.exceptions.BucketAlreadyOwnedByYou):
        aws.s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": local_engine.REGION})
    # Named for the build, so that another one beside it does not take its place.
    packaged, adapted = work / "packaged.yaml", work / f"{built.parent.name}.json"
    command = [str(sam.TOOLS / "sam"), "package", "--template-file", str(built), "--s3-bucket", _BUCKET]
    command += ["--output-template-file", str(packaged), "--no-progressbar", "--region", local_engine.REGION]
    seen = sam.environment() | local_engine.CREDENTIALS | {"AWS_ENDPOINT_URL": aws.url}
    run("package", command, seen)
    command = [str(local_engine.PYTHON), "-m", "tools.local_stack.adapt", str(packaged), str(adapted)]
    run("adapt", command, local_engine.environment())
    return upload(aws, adapted)


def upload(aws: Aws, template: Path) -> str:
    """Upload a template to the engine's S3 and return its URL. The bucket exists once the product is packaged."""
    aws.s3.put_object(Bucket=_BUCKET, Key=template.name, Body=template.read_bytes())
    return f"{aws.url}/{_BUCKET}/{template.name}"


def api_url(engine_url: str, name: str = NAME) -> str:
    """The base URL of the API of the stack `name`, also before its deployment."""
    return f"{engine_url}/_aws/execute-api/{name}"


def deploy(
    aws: Aws, template_url: str, parameters: Mapping[str, str], name: str = NAME, timeout: float = 300
) -> dict[str, str]:
    """Create or update the stack `name` and return its outputs.

    Raises `process_supervisor.Failed` with the reasons if that fails. `ApiUrl` is an address that any HTTP client can
    reach: the engine's own requires a host name that only some resolve.
    """
    given: list[ParameterTypeDef] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
    ]
    try:
        aws.cloudformation.create_stack(
            StackName=name, TemplateURL=template_url, Parameters=given, Capabilities=["CAPABILITY_IAM"]
        )
    except aws.cloudformation.exceptions.AlreadyExistsException:
        try:
            aws.cloudformation.update_stack(
                StackName=name, TemplateURL=template_url, Parameters=given, Capabilities=["CAPABILITY_IAM"]
            )
        except aws.cloudformation.exceptions.ClientError as error:
            # The engine, like AWS, has no code of its own for it.
            if "No updates are to be performed" not in str(error):
                raise
    deadline = time.monotonic() + timeout
    while True:
        stack = aws.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        status = stack["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
            return outputs | {"ApiUrl": api_url(aws.url, name)}
        if not status.endswith("_IN_PROGRESS") or "ROLLBACK" in status or time.monotonic() > deadline:
            raise Failed(f"deploying ended in {status}:\n{_reasons(aws, name)}")
        time.sleep(0.1)


def delete(aws: Aws, name: str, timeout: float = 60) -> None:
    """Delete the stack `name` and wait until it is gone. Raises `process_supervisor.Failed` if it remains."""
    aws.cloudformation.delete_stack(StackName=name)
    deadline = time.monotonic() + timeout
    while name in (stack["StackName"] for stack in aws.cloudformation.describe_stacks()["Stacks"]):
        if time.monotonic() > deadline:
            raise Failed(f"{name} is still there:\n{_reasons(aws, name)}")
        time.sleep(0.1)


def _reasons(aws: Aws, name: str) -> str:
    events = aws.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return "\n".join(
        f"{e.get('LogicalResourceId')}: {e.get('ResourceStatusReason')}"
        for e in reversed(events)
        if "FAILED" in e.get("ResourceStatus", "")
    )


def local_parameters() -> dict[str, str]:
    """The template's parameters for this machine: its runtime, and the example consumers."""
    major, minor, _ = platform.python_version_tuple()
    arm = platform.machine().lower() in ("arm64", "aarch64")
    return {
        "Stage": "local",
        "PythonRuntime": f"python{major}.{minor}",
        "Architecture": "arm64" if arm else "x86_64",
        "ExampleConsumers": "true",
    }


def put_secret(aws: Aws, arn: str, gateway_secret: str, api_secret: str) -> None:
    """Store the two secrets that the vendor issues, as an operator does after the first deployment."""
    value = json.dumps({"gatewaySecret": gateway_secret, "apiSecret": api_secret})
    aws.secretsmanager.put_secret_value(SecretId=arn, SecretString=value)
