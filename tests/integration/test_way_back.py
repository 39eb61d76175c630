"""Publishing a new version of a function, from `sam build` to the alias: each edit, and no edit, on its own."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tools.local_stack import stack
from tools.local_stack.process_supervisor import ROOT
from tools.local_stack.product import Product

NAME = "securities-transactions-versions"
PUBLISH, CREATE = "PublishUpdates", "CreateTransaction"

Edit = Callable[[Path], None]


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """The directory that `sam build` has made; nothing else builds meanwhile."""
    with stack.building() as wait:
        yield wait().parent


def edit_layer(build: Path) -> None:
    append(build / "RuntimeLayer/python/securities_transactions/domain/checksum.py")


def edit_function(build: Path) -> None:
    """The build refers to the functions where they are: this one gets a copy in it."""
    path = build / "template.yaml"
    path.write_text(re.sub(r"CodeUri: \S+/publish_updates", "CodeUri: publish_updates", path.read_text()))
    shutil.copytree(ROOT / "functions/publish_updates", build / "publish_updates")
    append(build / "publish_updates/app.py")


def append(path: Path) -> None:
    path.chmod(0o644)
    path.write_text(path.read_text() + "\n# edited\n")


def raise_memory(build: Path) -> None:
    path = build / "template.yaml"
    path.write_text(re.sub(r"MemorySize: (\d+)", lambda found: f"MemorySize: {int(found[1]) + 256}", path.read_text()))


@pytest.fixture(scope="module")
def packaged(product: Product, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """`packaged(name, edit)` is the URL of the template of a build that was edited, in the engine's S3."""
    work = tmp_path_factory.mktemp("versions")

    @cache
    def make(name: str, *edits: Edit) -> str:
        # Beside the build: its template has relative paths.
        with TemporaryDirectory(prefix=f"{name}-", dir=built.parent) as directory:
            copy = Path(directory)
            shutil.copytree(built, copy, dirs_exist_ok=True)
            for edit in edits:
                edit(copy)
            return stack.package(product.aws, copy / "template.yaml", work)

    return make


def versions(product: Product, url: str) -> dict[str, str]:
    """The logical id of each function's version in a template."""
    key = url.rpartition("/")[2]
    bucket = url.rpartition("/")[0].rpartition("/")[2]
    text = product.aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    found = [name for name, each in json.loads(text)["Resources"].items() if each["Type"] == "AWS::Lambda::Version"]
    return {re.sub("Version[0-9a-f]{10}$", "", name): name for name in found}


def test_edit_of_the_layer_alone_publishes_every_function_and_no_edit_none(
    product: Product, packaged: Callable[..., str]
) -> None:
    before = versions(product, packaged("untouched"))
    assert len(before) == 16
    assert versions(product, packaged("again")) == before
    after = versions(product, packaged("layer", edit_layer))
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] == before[name]] == []


def test_edit_of_one_function_publishes_that_function(product: Product, packaged: Callable[..., str]) -> None:
    before, after = versions(product, packaged("untouched")), versions(product, packaged("function", edit_function))
    assert [name for name in before if after[name] != before[name]] == [PUBLISH]


def test_edit_of_a_property_publishes_every_function_that_has_it(
    product: Product, packaged: Callable[..., str]
) -> None:
    before, after = versions(product, packaged("untouched")), versions(product, packaged("large", raise_memory))
    assert before.keys() == {name for name in before if after[name] != before[name]}


def live(product: Product, function: str) -> dict[str, str]:
    """The version behind a function's alias, and one of its settings. Its version is the only one."""
    functions = product.aws.functions
    [name] = [
        each["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for each in page["Functions"]
        if each["FunctionName"].startswith(f"{NAME}-{function}-")
    ]
    number = functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    published = functions.list_versions_by_function(FunctionName=name)["Versions"]
    assert {each["Version"] for each in published} == {"$LATEST", number}
    configuration = functions.get_function_configuration(FunctionName=name, Qualifier="live")
    return {
        "version": number,
        "layer": configuration["Layers"][0]["Arn"],
        "code": configuration["CodeSha256"],
        "limit": configuration["Environment"]["Variables"].get("CREATIONS_PER_MINUTE", ""),
    }


def test_alias_runs_what_was_deployed_last_and_an_earlier_release_can_be_deployed_again(
    product: Product, packaged: Callable[..., str]
) -> None:
    """The engine refuses, as Lambda does, to publish what has not changed; then the deployment fails."""
    first, second = packaged("untouched"), packaged("layer", edit_layer)

    def deploy(url: str, **values: str) -> tuple[dict[str, str], dict[str, str]]:
        stack.deploy(product.aws, url, {**product.parameters, **values}, NAME)
        return live(product, CREATE), live(product, PUBLISH)

    try:
        created, publisher = deploy(first)
        assert (created["version"], publisher["version"], created["limit"]) == ("1", "1", "30")
        with_layer, _ = deploy(second)
        assert with_layer["version"] == "2"
        assert with_layer["layer"] != created["layer"]
        # A parameter that one function has publishes all of them: they share one number of the settings.
        limited, publisher = deploy(second, CreationsPerMinute="7")
        assert (limited["version"], limited["limit"], publisher["version"]) == ("3", "7", "3")
        # What no version keeps publishes none.
        reserved, _ = deploy(second, CreationsPerMinute="7", ReservedConcurrency="20")
        assert reserved["version"] == "3"
        # The way back: the earlier build, with the earlier parameters.
        back, _ = deploy(first)
        assert (back["version"], back["limit"], back["code"]) == ("4", "30", created["code"])
    finally:
        stack.delete(product.aws, NAME)


def test_a_stack_cannot_start_fast_in_two_ways(product: Product) -> None:
    both = {**product.parameters, "SnapStart": "true", "ProvisionedConcurrency": "2", "PythonRuntime": "python3.13"}
    with pytest.raises(Exception, match="SnapStart=true excludes ProvisionedConcurrency"):
        stack.deploy(product.aws, product.template_url, both, f"{NAME}-both")
    early = {**product.parameters, "SnapStart": "true", "PythonRuntime": "python3.11"}
    with pytest.raises(Exception, match=r"SnapStart=true needs python3\.12"):
        stack.deploy(product.aws, product.template_url, early, f"{NAME}-early")
