"""The layer from `sam build`: every file is listed, licensed and built for the deployment, or the check fails."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.artifact import licenses, sbom, shipped
from tools.local_stack import sam

ROOT = Path(__file__).parents[2]
SECONDS = 450
MAINS = {"licenses": licenses.main, "sbom": sbom.main, "shipped": shipped.main}
Run = Callable[..., "Ended"]
OWN = ".".join(platform.python_version_tuple()[:2])
TARGET = ["--parameter-overrides", f"PythonRuntime=python{OWN}", "Architecture=arm64"]
EXTENSION = f"cpython-{OWN.replace('.', '')}-aarch64-linux-gnu.so"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of `sam build` for this machine's Python, on arm64."""
    built = tmp_path_factory.mktemp("made") / "build"
    command = [
        str(sam.TOOLS / "sam"),
        "build",
        "--template-file",
        str(ROOT / "template.yaml"),
        "--build-dir",
        str(built),
    ]
    seen = {name: value for name, value in sam.environment().items() if not name.startswith("LAYER_")}
    run = subprocess.run(
        [*command, *TARGET], cwd=ROOT, env=seen, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert run.returncode == 0, run.stderr
    return built


@pytest.fixture
def build(made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change. Its files are links: what is written must be another file."""
    shutil.copytree(made, tmp_path / "build", copy_function=os.link)
    replace(tmp_path / "build/template.yaml", (made / "template.yaml").read_bytes())
    return tmp_path / "build"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`python -m tools.artifact.MODULE ARGUMENTS`, as the Makefile calls it, in this process."""

    def main(module: str, *arguments: str, **environment: str) -> Ended:
        with monkeypatch.context() as seen:
            seen.delenv("SOURCE_DATE_EPOCH", raising=False)
            for name, value in environment.items():
                seen.setenv(name, value)
            try:
                code: int | str | None = MAINS[module](list(arguments))
            except SystemExit as ended:
                code = ended.code
        written = capsys.readouterr()
        # As Python does where the code is a text.
        return Ended(1, written.out, code) if isinstance(code, str) else Ended(code or 0, written.out, written.err)

    return main


def layer(build: Path) -> Path:
    return build / "RuntimeLayer" / "python"


def replace(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def wrong_architecture(layer: Path) -> str:
    """An extension of the other processor under the name that is looked for."""
    (library,) = layer.glob(f"pydantic_core/_pydantic_core.{EXTENSION}")
    content = library.read_bytes()
    replace(library, content[:18] + (62).to_bytes(2, "little") + content[20:])
    return library.name


def another_extension(layer: Path) -> str:
    replace(layer / f"pydantic_core/_more.cpython-{OWN.replace('.', '')}-x86_64-linux-gnu.so", b"\x7fELF")
    return "x86_64"


def missing_bytecode(layer: Path) -> str:
    (layer / f"__pycache__/six.cpython-{OWN.replace('.', '')}.pyc").unlink()
    return "six.py: not compiled"


def bytecode_of_another_python(layer: Path) -> str:
    path = layer / f"__pycache__/six.cpython-{OWN.replace('.', '')}.pyc"
    replace(path, b"\0\0" + path.read_bytes()[2:])
    return "six.cpython"


def foreign_file(layer: Path) -> str:
    replace(layer / "sitecustomize.py", b"")
    return "sitecustomize.py: belongs to no package"


def foreign_bytecode(layer: Path) -> str:
    replace(layer / f"__pycache__/usercustomize.cpython-{OWN.replace('.', '')}.pyc", b"")
    return "usercustomize"


def changed_file(layer: Path) -> str:
    replace(layer / "jwt/api_jws.py", b"")
    return "jwt/api_jws.py: is not what pyjwt installed"


def missing_file(layer: Path) -> str:
    (layer / "jwt/api_jws.py").unlink()
    return "jwt/api_jws.py: is missing"


def missing_metadata(layer: Path) -> str:
    shutil.rmtree(next(layer.glob("six-*.dist-info")))
    return "six.py: belongs to no package"


def test_fitting_artifact_passes_and_its_template_takes_nothing_else(run: Run, build: Path) -> None:
    passed = run("shipped", "--build", str(build), "--narrow", *TARGET)
    assert passed.code == 0, passed.err
    again = run("shipped", "--build", str(build), *TARGET)
    assert again.code == 0, again.err
    command = [str(sam.TOOLS / "sam"), "validate", "--lint", "--template-file", str(build / "template.yaml")]
    validated = subprocess.run(
        command, env=sam.environment(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert validated.returncode == 0, validated.stdout + validated.stderr


@pytest.mark.parametrize(
    "overrides", [f"PythonRuntime=python{OWN} Architecture=x86_64", "PythonRuntime=python3.99 Architecture=arm64"]
)
def test_artifact_for_other_parameters_is_not_deployed(run: Run, build: Path, overrides: str) -> None:
    before = (build / "template.yaml").read_text()
    refused = run("shipped", "--build", str(build), "--narrow", "--parameter-overrides", overrides)
    assert refused.code == 1
    assert f"built for python{OWN} on arm64" in refused.err
    assert (build / "template.yaml").read_text() == before


@pytest.mark.parametrize(
    "change", [wrong_architecture, another_extension, missing_bytecode, bytecode_of_another_python]
)
def test_file_that_does_not_fit_is_not_deployed(run: Run, build: Path, change: Callable[[Path], str]) -> None:
    named = change(layer(build))
    refused = run("shipped", "--build", str(build), *TARGET)
    assert refused.code == 1
    assert named in refused.err


def bill(run: Run, build: Path, output: Path, **environment: str) -> dict[str, Any]:
    written = run("sbom", "--layer", str(layer(build)), "--output", str(output), **environment)
    assert written.code == 0, written.err
    content: dict[str, Any] = json.loads(output.read_text())
    return content


def test_bill_lists_every_file_of_the_layer_with_its_digest(run: Run, build: Path, tmp_path: Path) -> None:
    files = {
        file["name"]: file["hashes"][0]["content"]
        for package in bill(run, build, tmp_path / "bill.json")["components"]
        for file in package["components"]
        if file["type"] == "file"
    }
    present = [path for path in layer(build).rglob("*") if path.is_file()]
    assert len(present) > 1000
    assert files == {
        f"python/{path.relative_to(layer(build)).as_posix()}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in present
    }


def test_bill_has_the_locked_packages_with_license_and_what_they_need(run: Run, build: Path, tmp_path: Path) -> None:
    content = bill(run, build, tmp_path / "bill.json")
    packages = {each["name"]: each for each in content["components"]}
    locked = dict(
        line.split()[0].split("==")
        for line in (ROOT / "layers/runtime/requirements.txt").read_text().splitlines()
        if "==" in line and not line.startswith(("#", " "))
    )
    own = packages.pop("securities_transactions")
    assert {name: each["version"] for name, each in packages.items()} == locked
    assert all(each["purl"] == f"pkg:pypi/{name}@{each['version']}" for name, each in packages.items())
    assert all(each["licenses"][0]["expression"] for each in packages.values())
    crates = [each for each in packages["pydantic-core"]["components"] if each["type"] == "library"]
    assert {"pyo3"} <= {each["name"] for each in crates}
    assert all(each["licenses"] for each in crates)
    needed = {each["ref"]: each.get("dependsOn", []) for each in content["dependencies"]}
    assert packages["pydantic-core"]["bom-ref"] in needed[packages["pydantic"]["bom-ref"]]
    assert own["bom-ref"] in needed[content["metadata"]["component"]["bom-ref"]]


def test_bill_of_the_same_layer_is_the_same_to_the_byte(run: Run, build: Path, tmp_path: Path) -> None:
    """No random serial number and no time of today; a time that is given is in it, and makes it another bill."""
    first = bill(run, build, tmp_path / "first.json")
    again = bill(run, build, tmp_path / "again.json")
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    assert "timestamp" not in again["metadata"]
    dated = bill(run, build, tmp_path / "dated.json", SOURCE_DATE_EPOCH="1768435200")
    assert dated["metadata"]["timestamp"] == "2026-01-15T00:00:00+00:00"
    assert dated["serialNumber"] != first["serialNumber"]
    replace(layer(build) / "securities_transactions/more.json", b"{}")
    assert bill(run, build, tmp_path / "other.json")["serialNumber"] != first["serialNumber"]


@pytest.mark.parametrize("module", ["sbom", "licenses"])
@pytest.mark.parametrize("change", [foreign_file, foreign_bytecode, changed_file, missing_file, missing_metadata])
def test_layer_that_no_list_can_describe_fails(
    run: Run, build: Path, tmp_path: Path, module: str, change: Callable[[Path], str]
) -> None:
    named = change(layer(build))
    output = ["--output", str(tmp_path / "bill.json")] if module == "sbom" else []
    failed = run(module, "--layer", str(layer(build)), *output)
    assert failed.code == 1
    assert named in failed.err
    assert not (tmp_path / "bill.json").exists()


def test_layer_that_was_not_built_fails(run: Run, tmp_path: Path) -> None:
    for module in ("sbom", "licenses"):
        failed = run(module, "--layer", str(tmp_path / "none"))
        assert failed.code == 1
        assert "make build" in failed.err


def test_licenses_of_the_layer_are_allowed(run: Run, build: Path) -> None:
    passed = run("licenses", "--layer", str(layer(build)))
    assert passed.code == 0, passed.err
    assert "certifi" in passed.out


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ("License: GPL-3.0-only", "GPL-3.0-only is not allowed"),
        ("License: Some License", "its license is not known"),
        ("Author: none", "its license is not known"),
    ],
)
def test_package_that_changes_its_license_fails(run: Run, build: Path, stated: str, named: str) -> None:
    information = next(layer(build).glob("six-*.dist-info"))
    metadata = (information / "METADATA").read_text().replace("License: MIT", stated)
    replace(information / "METADATA", metadata.encode())
    record = [line for line in (information / "RECORD").read_text().splitlines() if "METADATA" not in line]
    replace(information / "RECORD", "\n".join([*record, f"{information.name}/METADATA,,"]).encode())
    failed = run("licenses", "--layer", str(layer(build)))
    assert failed.code == 1
    assert f"six 1.17.0: {named}" in failed.err
