"""The layer from `sam build` for each target, and a build that must fail. Needs no running product."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from find_python import find
from target import BuildFailed
from tests.polling import PATIENCE
from tools.local_stack import sam

ROOT = Path(__file__).parents[2]
# Downloading and compiling: minutes on a machine with four times the load.
SECONDS = 450
# What `file` reads in an ELF header, and how wheels call it.
ELF_MACHINES = {"arm64": (183, "aarch64"), "x86_64": (62, "x86_64")}
OWN = ".".join(platform.python_version_tuple()[:2])


def assert_built_for(layer: Path, python: Path, version: str, architecture: str) -> None:
    tag = "cpython-" + version.replace(".", "")
    number, machine = ELF_MACHINES[architecture]
    libraries = list(layer.rglob("*.so"))
    assert any("_pydantic_core" in library.name for library in libraries)
    for library in libraries:
        assert library.name.endswith((f".{tag}-{machine}-linux-gnu.so", ".abi3.so")), library
        assert int.from_bytes(library.read_bytes()[18:20], "little") == number, library
    command = [str(python), "-I", "-c", "import importlib.util as u; print(u.MAGIC_NUMBER.hex())"]
    magic = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.strip()
    modules = list(layer.rglob("*.py"))
    assert len(modules) > 500
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc"
        assert compiled.read_bytes()[:8].hex() == magic + "01000000", module


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory in which the builds below share their results and SAM's cache."""
    return tmp_path_factory.mktemp("cached")


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
@pytest.mark.parametrize("version", dict.fromkeys([OWN, "3.13"]))
def test_layer_is_built_for_the_parameters_and_never_for_earlier_ones(
    cached: Path, version: str, architecture: str
) -> None:
    """`sam build` itself, with its cache on: no build is answered with the layer of the one before."""
    try:
        python = find(version, str(ROOT / ".venv/bin/uv"), os.environ)
    except BuildFailed as missing:
        pytest.skip(str(missing))
    command = [str(sam.TOOLS / "sam"), "build", "--cached", "--template-file", str(ROOT / "template.yaml")]
    command += ["--build-dir", str(cached / "built"), "--cache-dir", str(cached / "cache")]
    command += ["--parameter-overrides", f"PythonRuntime=python{version}", f"Architecture={architecture}"]
    seen = {name: value for name, value in sam.environment().items() if not name.startswith("LAYER_")}
    run = subprocess.run(command, cwd=ROOT, env=seen, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert run.returncode == 0, run.stderr
    assert_built_for(cached / "built/RuntimeLayer/python", python, version, architecture)


def test_build_that_leaves_modules_uncompiled_fails_and_names_them(tmp_path: Path) -> None:
    """The check is a step of the build itself: here a Python that compiles nothing and reports success."""
    idle = tmp_path / f"bin/python{OWN}"
    idle.parent.mkdir()
    idle.write_text(f'#!/bin/sh\ncase "$*" in *compileall*) exit 0;; esac\nexec {sys.executable} "$@"\n')
    idle.chmod(0o755)
    place = tmp_path / f"python{OWN}-arm64"
    place.mkdir()
    seen = {name: value for name, value in os.environ.items() if not name.startswith("LAYER_")}
    seen |= {"PATH": f"{idle.parent}:{os.environ['PATH']}", "ARTIFACTS_DIR": str(tmp_path / "artifacts")}
    command = ["make", "--makefile", str(ROOT / "layers/runtime/Makefile"), "build-RuntimeLayer"]
    run = subprocess.run(command, cwd=place, env=seen, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert run.returncode != 0
    assert f"{tmp_path}/artifacts/python/annotated_types/__init__.py: not compiled for Python {OWN}" in run.stderr
