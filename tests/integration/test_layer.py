"""The layer as it is built and deployed."""

import importlib.util
import os
import platform
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from find_python import find
from target import BuildFailed
from tools.local_stack import engine, sam, stack
from tools.local_stack.product import Product

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def layer(product: Product) -> Iterator[Path]:
    """The layer that the product is deployed with here; no other process builds it anew during the tests.

    The product starts first: it builds too, and would wait for the turn that is held here.
    """
    with stack.building() as built:
        yield built().parent / "RuntimeLayer/python"


def test_every_module_of_the_layer_is_compiled_for_good(layer: Path) -> None:
    """Unchecked-hash bytecode: at /opt a file's time is another, and Lambda would compile at every cold start."""
    modules = list(layer.rglob("*.py"))
    assert len(modules) > 500
    for module in modules:
        compiled = Path(importlib.util.cache_from_source(str(module))).read_bytes()
        assert compiled[:4] == importlib.util.MAGIC_NUMBER, module
        assert int.from_bytes(compiled[4:8], "little") == 0b01, module


def test_the_layer_has_the_package_and_only_the_aws_services_that_are_called(layer: Path) -> None:
    assert (layer / "securities_transactions/py.typed").is_file()
    services = {path.name for path in (layer / "botocore/data").iterdir() if path.is_dir()}
    assert services == set(runpy.run_path(str(ROOT / "layers/runtime/trim.py"))["SERVICES"])


def test_every_function_finds_what_it_imports_in_the_layer_alone(product: Product, layer: Path) -> None:
    """The engine's own packages would hide what is missing in the layer; on AWS there is nothing to hide it."""
    functions = sorted((ROOT / "functions").glob("*/app.py"))
    assert functions
    names = [function["FunctionName"] for function in product.aws.functions.list_functions()["Functions"]]
    for path in functions:
        logical = "".join(word.title() for word in path.parent.name.split("_"))
        (name,) = [name for name in names if f"-{logical}-" in name]
        configuration = product.aws.functions.get_function_configuration(FunctionName=name)
        seen = configuration["Environment"]["Variables"] | {"AWS_DEFAULT_REGION": engine.REGION}
        code = f"import sys; sys.path[:0] = {[str(path.parent), str(layer)]!r}; import app; app.handler"
        run = subprocess.run(
            [engine.PYTHON, "-I", "-S", "-c", code], env=seen, capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == 0, f"{path.parent.name}: {run.stderr}"


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
    magic = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    modules = list(layer.rglob("*.py"))
    assert len(modules) > 500
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc"
        assert compiled.read_bytes()[:8].hex() == magic + "01000000", module


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the builds below leave their results and sam's cache for one another."""
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
    run = subprocess.run(command, cwd=ROOT, env=seen, capture_output=True, text=True, timeout=280, check=False)
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
    run = subprocess.run(command, cwd=place, env=seen, capture_output=True, text=True, timeout=280, check=False)
    assert run.returncode != 0
    assert f"{tmp_path}/artifacts/python/annotated_types/__init__.py: not compiled for Python {OWN}" in run.stderr
