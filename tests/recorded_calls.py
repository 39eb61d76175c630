"""The AWS calls of each function, recorded at the clients that tests give to the application.

A call counts for the function whose handler makes it. Calls that a test makes on a part of the application count for no
function. `make iam` compares the recorded calls with the permissions of each function's role.
"""

import re
import runpy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import botocore.session
from botocore import xform_name

from tests.simulation.messaging import resources, template
from tools.permissions.calls import Call, write

_SERVICES: Final = ("dynamodb", "events", "secretsmanager", "sqs")
# IAM has other names for what these operations do, and none for DynamoDB transactions: each write in one is its own.
_ACTIONS: Final = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}
_WRITES: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
# Which argument names what a call is about.
_NAMING: Final = ("TableName", "QueueUrl", "SecretId", "EventBusName")

# The operations that the built layer has.
_IN_LAYER: Final = runpy.run_path(str(Path(__file__).parents[1] / "layers/runtime/trim.py"))["OPERATIONS"]

_function: ContextVar[str | None] = ContextVar("function", default=None)
_recorded: Final[set[Call]] = set()


@contextmanager
def made_by(function: str) -> Iterator[None]:
    """While this lasts, calls are those of `function`."""
    token = _function.set(function)
    try:
        yield
    finally:
        _function.reset(token)


def save(path: Path) -> None:
    """Write every call that was recorded in this process to the file `path`."""
    write(path, _recorded)


class RecordedClients:
    """`clients`, recorded; `environment` has the settings that name tables, queues, bus and secret."""

    def __init__(self, clients: Any, environment: Mapping[str, str]) -> None:
        vars(self).update(_clients=clients, _settings={value: name for name, value in environment.items()})

    def __getattr__(self, name: str) -> Any:
        client = getattr(self._clients, name)
        return _RecordedClient(name, client, self._settings) if name in _SERVICES and client is not None else client

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._clients, name, value)


@dataclass(frozen=True)
class _RecordedClient:
    service: str
    client: Any
    settings: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        if name == "get_paginator":
            return lambda method: _RecordedPaginator(self, method, found(method))
        return found if name not in _operations(self.service) else self.recording(name, found)

    def recording(self, method: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, which is the client's `method`, recorded."""

        def recorded(**arguments: Any) -> Any:
            function = _function.get()
            if function is not None:
                self.require_in_layer(_operations(self.service)[method])
                _recorded.update(self.calls(function, _operations(self.service)[method], arguments))
            return call(**arguments)

        return recorded

    def require_in_layer(self, operation: str) -> None:
        """Raises `AssertionError` if the layer's data lacks `operation`: the call would fail on AWS."""
        assert operation in _IN_LAYER[self.service], f"{operation} is not in OPERATIONS of layers/runtime/trim.py"

    def calls(self, function: str, operation: str, arguments: Mapping[str, Any]) -> Iterator[Call]:
        """The IAM requests of `operation`."""
        match operation:
            case "TransactWriteItems":
                for item in arguments["TransactItems"]:
                    ((verb, write_),) = item.items()
                    yield self.call(function, _WRITES[verb], write_)
            case "BatchGetItem":
                for table, asked in arguments["RequestItems"].items():
                    for key in asked["Keys"]:
                        yield self.call(function, operation, {"TableName": table, "Key": key})
            case "BatchWriteItem":
                for table, writes in arguments["RequestItems"].items():
                    for write_ in writes:
                        yield self.call(function, operation, {"TableName": table, "Item": write_["PutRequest"]["Item"]})
            case "PutEvents":
                for entry in arguments["Entries"]:
                    yield self.call(function, operation, entry)
            case _:
                yield self.call(function, _ACTIONS.get(operation, operation), arguments)

    def call(self, function: str, action: str, arguments: Mapping[str, Any]) -> Call:
        """The IAM request of one write, read, message or event. Raises `KeyError` if no setting names its resource."""
        (named,) = (arguments[name] for name in _NAMING if name in arguments)
        setting = self.settings[named]
        key = _leading_key(setting, arguments) if self.service == "dynamodb" else None
        return Call(function, f"{self.service}:{action}", setting, arguments.get("IndexName"), key)


@dataclass(frozen=True)
class _RecordedPaginator:
    client: _RecordedClient
    method: str
    paginator: Any

    def paginate(self, **arguments: Any) -> Any:
        return self.client.recording(self.method, self.paginator.paginate)(**arguments)


def _leading_key(setting: str, arguments: Mapping[str, Any]) -> str:
    """The value of the partition key that a call on the table in `setting` is about, without what follows its last `#`.

    There are as many of the whole values as there are users and transactions; the beginning says what kind it is.
    """
    if "KeyConditionExpression" in arguments:
        equal = re.match(r"(#?\w+) = (:\w+)", arguments["KeyConditionExpression"])
        assert equal, arguments["KeyConditionExpression"]
        value = arguments["ExpressionAttributeValues"][equal[2]]
    else:
        value = (arguments["Key"] if "Key" in arguments else arguments["Item"])[_partition_keys()[setting]]
    return "".join(str(value["S"]).rpartition("#")[:2])


@cache
def _operations(service: str) -> Mapping[str, str]:
    """The operations of a service, by the names of botocore's methods."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


@cache
def _partition_keys() -> Mapping[str, str]:
    """The name of each table's partition key, by the environment variable that names the table."""
    tables = {name: each for name, each in resources().items() if each["Type"] == "AWS::DynamoDB::Table"}
    scopes = [template()["Globals"]["Function"], *(each.get("Properties", {}) for each in resources().values())]
    variables = [scope.get("Environment", {}).get("Variables", {}) for scope in scopes]
    return {
        name: next(key["AttributeName"] for key in tables[value["Ref"]]["Properties"]["KeySchema"])
        for name, value in (pair for each in variables for pair in each.items())
        if isinstance(value, dict) and value.get("Ref") in tables
    }
