"""`make packages`: what a consumer's own repository installs, in .local/packages.

A Python wheel and an npm package, both called securities-transactions-events: the events as types, the consumer's kit
(Python), and fixtures for tests without the product. They are for the team's own index; nothing is uploaded.
"""

import ast
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from securities_transactions.domain.decimal_json import dumps
from securities_transactions.events.schemas import SCHEMA_VERSION
from tools.clients.__main__ import run
from tools.contracts.examples import examples
from tools.contracts.schemas import schemas
from tools.contracts.store import ROOT
from tools.packages.story import story_of_one_order

TARGET: Final = ROOT / ".local" / "packages"
NAME: Final = "securities-transactions-events"
_HERE: Final = Path(__file__).parent
_RUNTIME: Final = ROOT / "layers" / "runtime"
_PRODUCT: Final = "securities_transactions"
_PACKAGE: Final = "securities_transactions_events"
_ROOTS: Final = (f"{_PRODUCT}.events.consumer", f"{_PRODUCT}.events.schemas")
VERSION: Final = f"{SCHEMA_VERSION}.0"


def modules() -> dict[str, Path]:
    """The modules that the consumer's kit is made of: those that it imports, and those that these import."""
    found: dict[str, Path] = {}
    wanted = list(_ROOTS)
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        base = _RUNTIME / name.replace(".", "/")
        found[name] = path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        wanted += [each for each in _imported(path) if each not in found]
        wanted += [name.rpartition(".")[0]] if name.count(".") else []
    return found


def _imported(path: Path) -> list[str]:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return [node.module for node in nodes if node.module and node.module.split(".")[0] == _PRODUCT]


def fixtures() -> dict[str, str]:
    """The text of each fixture by its name: one event of each kind, and the story."""
    kinds = {f"events/{kind}.json": envelope for kind, envelope in examples().items()}
    return {name: dumps(content) + "\n" for name, content in (kinds | {"story.json": story_of_one_order()}).items()}


def make_python(target: Path) -> Path:
    """The wheel, built in `target`; its path."""
    project = target / "python"
    shutil.rmtree(project, ignore_errors=True)
    package = project / "src" / _PACKAGE
    for name, path in modules().items():
        # The same module under the package's own name, so that it stands beside any other package.
        place = package / Path(*name.split(".")[1:])
        place = place / "__init__.py" if path.name == "__init__.py" else place.with_suffix(".py")
        _write(place, path.read_text().replace(f"{_PRODUCT}.", f"{_PACKAGE}."))
    _write(
        package / "testing.py", (_HERE / "python" / "testing.py").read_text().replace(f"{_PRODUCT}.", f"{_PACKAGE}.")
    )
    _write(package / "py.typed", "")
    for name, text in fixtures().items():
        _write(package / "fixtures" / name, text)
    _write(
        project / "pyproject.toml", (_HERE / "python" / "pyproject.template").read_text().replace("VERSION", VERSION)
    )
    _write(project / "README.md", (_HERE / "python" / "README.md").read_text())
    uv = ROOT / ".venv" / "bin" / "uv"
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", target, project], check=True)
    return target / f"{_PACKAGE}-{VERSION}-py3-none-any.whl"


def make_typescript(target: Path) -> Path:
    """The npm package in `target`: types of the events, `standing`, `exact`, and the fixtures; its folder."""
    package = target / "typescript"
    shutil.rmtree(package, ignore_errors=True)
    document = package / "events.json"
    _write(document, json.dumps(_as_openapi()))
    run("openapi-typescript", str(document), f"--output={package / 'schemas.d.ts'}", "--default-non-nullable=false")
    document.unlink()
    for name in ("index.js", "README.md"):
        _write(package / name, (_HERE / "typescript" / name).read_text())
    kinds = "\n".join(
        f'export type {kind} = components["schemas"]["{kind}"];\n'
        f'export type {kind}Envelope = Envelope<"{kind}", {kind}>;'
        for kind in schemas()
    )
    union = "\n".join(f"  | {kind}Envelope" for kind in schemas())
    _write(
        package / "index.d.ts",
        f"{(_HERE / 'typescript' / 'index.d.ts').read_text()}\n{kinds}\nexport type Event =\n{union};\n",
    )
    manifest = {
        "name": NAME,
        "version": VERSION,
        "private": True,
        "type": "module",
        "types": "index.d.ts",
        "exports": {
            ".": {"types": "./index.d.ts", "default": "./index.js"},
            "./fixtures/*": "./fixtures/*",
        },
    }
    _write(package / "package.json", json.dumps(manifest, indent=2) + "\n")
    for name, text in fixtures().items():
        _write(package / "fixtures" / name, text)
    return package


def _as_openapi() -> dict[str, Any]:
    """The schemas of the events in an OpenAPI document, for the generator of types."""
    components: dict[str, Any] = {}
    for kind, schema in schemas().items():
        components |= schema.pop("$defs", {})
        components[kind] = {word: value for word, value in schema.items() if not word.startswith("$")}
    text = json.dumps(components).replace("#/$defs/", "#/components/schemas/")
    info = {"title": NAME, "version": VERSION}
    return {"openapi": "3.1.0", "info": info, "paths": {}, "components": {"schemas": json.loads(text)}}


def _renamed(module: Path) -> str:
    """The text of a module under the package's own name, so that it stands beside any other package."""
    return module.read_text().replace(f"{_PRODUCT}.", f"{_PACKAGE}.")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    for made in (make_python(TARGET), make_typescript(TARGET)):
        print(made.relative_to(ROOT))
