"""The layer as it is built and deployed."""

import importlib.util
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.polling import PATIENCE
from tools.local_stack import engine, stack
from tools.local_stack.product import Product

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def layer(product: Product) -> Iterator[Path]:
    """The layer that the product is deployed with here; no other process builds it again during the tests.

    The product starts first: it builds too, and would wait for the turn that is held here.
    """
    with stack.building() as built:
        yield built().parent / "RuntimeLayer/python"


def test_every_module_of_the_layer_is_compiled(layer: Path) -> None:
    """Unchecked-hash bytecode: at /opt a file's time is another, and Lambda would compile at every cold start."""
    modules = list(layer.rglob("*.py"))
    assert len(modules) > 500
    for module in modules:
        compiled = (module.parent / "__pycache__" / f"{module.stem}.{sys.implementation.cache_tag}.pyc").read_bytes()
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
            [engine.PYTHON, "-I", "-S", "-c", code],
            env=seen,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert run.returncode == 0, f"{path.parent.name}: {run.stderr}"
