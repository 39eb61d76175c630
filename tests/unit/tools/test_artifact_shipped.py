"""The build is compared with the deployment: SAM's precedence of settings, and files for another target."""

from pathlib import Path
from typing import Any

import pytest

from target import Target
from tools.artifact.shipped import Mismatch, built_for, deployed, main, narrowed
from tools.local_stack.sam import MADE_UP, environment

ARM, X86 = Target("3.13", "arm64"), Target("3.13", "x86_64")
TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "PythonRuntime": {"Type": "String", "Default": "python3.13"},
        "Architecture": {"Type": "String", "Default": "arm64", "AllowedValues": ["arm64", "x86_64"]},
        "Stage": {"Type": "String", "Default": "dev"},
    }
}


def settings(**sections: Any) -> dict[str, Any]:
    return {"dev": {name: {"parameters": {"parameter_overrides": value}} for name, value in sections.items()}}


@pytest.mark.parametrize(
    ("configured", "given", "expected"),
    [
        ({}, [], ARM),
        (settings(**{"global": ["Stage=dev", "Architecture=x86_64"]}), [], X86),
        (settings(**{"global": "Stage=dev Architecture=x86_64"}), [], X86),
        (settings(**{"global": 'Stage="a b" Architecture="x86_64"'}), [], X86),
        (settings(**{"global": {"Stage": "dev", "Architecture": "x86_64"}}), [], X86),
        (settings(**{"global": ["Architecture=arm64"], "deploy": ["Architecture=x86_64"]}), [], X86),
        (settings(**{"global": ["Architecture=x86_64"], "deploy": ["Stage=dev"]}), [], ARM),
        (settings(**{"global": ["Architecture=x86_64"]}), ["Stage=dev"], ARM),
        (settings(**{"global": ["Architecture=arm64"]}), ["Stage=dev", "Architecture=x86_64"], X86),
        ({}, ["Stage=dev Architecture=x86_64"], X86),
        ({}, ["PythonRuntime=python3.12"], Target("3.12", "arm64")),
        ({"prod": {"global": {"parameters": {"parameter_overrides": ["Architecture=x86_64"]}}}}, [], ARM),
    ],
)
def test_parameters_are_taken_as_sam_takes_them(configured: dict[str, Any], given: list[str], expected: Target) -> None:
    assert deployed(TEMPLATE, configured, "dev", given) == expected


@pytest.mark.parametrize("given", ["Architecture", "ParameterKey=Architecture,ParameterValue=x86_64"])
def test_parameters_in_another_form_are_an_error(given: str) -> None:
    with pytest.raises(Mismatch, match="Name=value"):
        deployed(TEMPLATE, {}, "dev", [given])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/_x.cpython-313-aarch64-linux-gnu.so", "a/_y.abi3.so"], ARM),
        (["a/_x.cpython-313-x86_64-linux-gnu.so"], X86),
        (["a/_x.cpython-39-x86_64-linux-gnu.so"], Target("3.9", "x86_64")),
        (["a/_x.cpython-314-aarch64-linux-gnu.so"], Target("3.14", "arm64")),
    ],
)
def test_built_files_state_what_they_are_for(tmp_path: Path, names: list[str], expected: Target) -> None:
    (tmp_path / "a").mkdir()
    for name in names:
        (tmp_path / name).touch()
    assert built_for(tmp_path) == expected


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["_y.abi3.so"],
        ["_x.cpython-313-aarch64-linux-gnu.so", "_y.cpython-313-x86_64-linux-gnu.so"],
        ["_x.cpython-313-aarch64-linux-gnu.so", "_y.cpython-312-aarch64-linux-gnu.so"],
    ],
)
def test_files_for_nothing_or_for_several_are_an_error(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(Mismatch, match="make build"):
        built_for(tmp_path)


def test_narrowed_template_allows_what_is_built_and_nothing_else() -> None:
    """The default too: CloudFormation rejects one that is not allowed."""
    parameters = narrowed(TEMPLATE, X86)["Parameters"]
    assert parameters["PythonRuntime"] == {
        "Type": "String",
        "Default": "python3.13",
        "AllowedValues": ["python3.13"],
    }
    assert parameters["Architecture"] == {"Type": "String", "Default": "x86_64", "AllowedValues": ["x86_64"]}
    assert parameters["Stage"] == TEMPLATE["Parameters"]["Stage"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--config-env", "nope"], "no stage nope"),
        (["--template-file", "other.yaml"], "--template-file names a template that is not checked"),
        (["--template-file=other.yaml"], "--template-file names a template that is not checked"),
        (["-t", "other.yaml"], "-t names a template that is not checked"),
        ([], "build first"),
    ],
)
def test_what_cannot_be_checked_is_not_deployed(tmp_path: Path, arguments: list[str], named: str) -> None:
    with pytest.raises(SystemExit, match=named):
        main([*arguments, "--build", str(tmp_path)])


def test_deployment_gets_no_made_up_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those in the environment win over a profile and over the region of samconfig.toml."""
    for name in [*MADE_UP, "AWS_PROFILE"]:
        monkeypatch.delenv(name, raising=False)
    assert not MADE_UP.keys() & environment({}).keys()
    assert environment().items() >= MADE_UP.items()
