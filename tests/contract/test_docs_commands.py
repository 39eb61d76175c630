"""Commands on the pages exist: targets and variables of the Makefile, modules, and the calls of the AWS CLI.

botocore has the model of each AWS service that the AWS CLI makes its commands from.
"""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ServiceModel

ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for folder in (".", "docs", ".github", "tools", "operations", "tests")
    for page in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
]
MAKEFILE = (ROOT / "Makefile").read_text()
# What the AWS CLI calls otherwise than botocore, and its options of its own.
SERVICES = {"deploy": "codedeploy"}
OPTIONS = {"query", "output", "region", "profile", "no-cli-pager"}
COMMANDS_OF_THE_CLI = {
    ("cloudformation", "deploy"): {"template-file", "stack-name", "parameter-overrides", "capabilities"},
}


def commands(text: str) -> list[str]:
    """The commands in the code of a page: in blocks and between backticks, without comments."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()] + spans
    shown = [re.sub(r"(^|\s)#\s.*|<[^>]*>", "", line) for line in lines]
    return [part.strip() for line in shown for part in re.split(r"&&|[|;]", line) if part.strip()]


COMMANDS = sorted({each for page in PAGES for each in commands(page.read_text())})


def beginning(pattern: str) -> list[str]:
    return [each for each in COMMANDS if re.match(pattern, each)]


def fault_of_make(command: str) -> str | None:
    """The word of a `make` command that the Makefile does not know."""
    for word in re.sub(r"""(["']).*?\1""", "", command).split()[1:]:
        name, is_variable, _ = word.partition("=")
        pattern = rf"\$(?:\(|\$){re.escape(name)}\b" if is_variable else rf"^{re.escape(name)}:"
        known = re.search(pattern, MAKEFILE, re.MULTILINE)
        if re.fullmatch(r"[A-Za-z][\w-]*", name) and not known:
            return name
    return None


@cache
def model_of(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"))


def fault_of_aws(command: str) -> str | None:
    """The service, the operation or the option of an `aws` command that AWS does not have."""
    service, operation = command.split()[1:3]
    options = re.findall(r"--([a-z][a-z-]*)", command)
    if own := COMMANDS_OF_THE_CLI.get((service, operation)):
        return next((option for option in options if option not in own | OPTIONS), None)
    try:
        model = model_of(SERVICES.get(service, service))
    except UnknownServiceError:
        return service
    by_name = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in by_name:
        return operation
    shape = model.operation_model(by_name[operation]).input_shape
    members = {} if shape is None else shape.members
    known = OPTIONS | {f"{no}{xform_name(name, '-')}" for name in members for no in ("", "no-")}
    return next((option for option in options if option not in known), None)


@pytest.mark.parametrize("command", beginning(r"make [a-z]"))
def test_each_make_command_has_targets_and_variables_that_exist(command: str) -> None:
    assert fault_of_make(command) is None


@pytest.mark.parametrize("command", beginning(r"aws [a-z-]+ [a-z]"))
def test_each_aws_command_has_an_operation_and_options_that_exist(command: str) -> None:
    assert fault_of_aws(command) is None


@pytest.mark.parametrize("command", beginning(r"\S*python3? -m "))
def test_each_module_that_is_run_exists(command: str) -> None:
    module = command.split(" -m ")[1].split()[0]
    assert find_spec(module)


def test_commands_are_found() -> None:
    """Without it, pages that are not read would leave the tests above with nothing to do."""
    assert len(beginning("make [a-z]")) > 50
    assert len(beginning("aws [a-z-]+ [a-z]")) > 10


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("make smoek STAGE=dev", "smoek"),
        ("make build deploi STAGE=dev", "deploi"),
        ("make smoke STAEG=dev", "STAEG"),
        ("make deploy STAGE=dev ARGS=\"--no STAEG=1\"", None),
    ],
)  # fmt: skip
def test_misspelt_make_command_is_found(command: str, fault: str | None) -> None:
    assert fault_of_make(command) == fault


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("aws secretmanager put-secret-value", "secretmanager"),
        ("aws secretsmanager put-secret-valeu", "put-secret-valeu"),
        ("aws secretsmanager put-secret-value --secret-ids x", "secret-ids"),
        ("aws deploy stop-deployment --auto-rollback-enabled", None),
    ],
)
def test_misspelt_aws_command_is_found(command: str, fault: str | None) -> None:
    assert fault_of_aws(command) == fault
