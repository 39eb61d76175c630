"""The generated clients, and the programs beside this module that call every route through them."""

import importlib
import json
import subprocess
import sys
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tools.clients.__main__ import MODULES, PACKAGE, make_python, make_typescript, run
from tools.contracts.routes import Route

_HERE: Final = Path(__file__).parent
_STRICT: Final = (
    *("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--noUnusedLocals"),
    *("--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--module", "nodenext"),
)


@dataclass(frozen=True)
class Clients:
    """Both clients, generated: `python` is the package's project, `typescript` the npm package with the types."""

    python: Path
    typescript: Path
    python_caller: Path = _HERE / "every_route.py"

    def calls(self, language: str, scenario: dict[str, Any]) -> list[dict[str, Any]]:
        """The responses to the caller of every route in this language, which checks the types of each response."""
        if language == "python":
            command = [sys.executable, str(self.python_caller)]
            environment = {"PYTHONPATH": str(self.python)}
        else:
            work = self.typescript.with_name("caller")
            self.compile((_HERE / "every_route.ts").read_text(), work)
            command, environment = [run("which", "node").strip(), str(work / "program.js")], {}
        ended = subprocess.run(
            command, input=json.dumps(scenario), env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        answered: list[dict[str, Any]] = json.loads(ended.stdout)
        return answered

    def compile(self, program: str, work: Path) -> None:
        """Compile a program that imports the types and openapi-fetch; `CalledProcessError` where it is not correct."""
        modules = work / "node_modules"
        modules.mkdir(parents=True, exist_ok=True)
        for name, at in ((PACKAGE, self.typescript), ("openapi-fetch", MODULES / "openapi-fetch")):
            if not (modules / name).exists():
                (modules / name).symlink_to(at)
        (work / "package.json").write_text('{"type": "module"}')
        (work / "program.ts").write_text(program)
        run("tsc", *_STRICT, "program.ts", directory=work)

    def answer(self, route: Route, response: httpx.Response) -> Any:
        """The Python client's result for `response` to a request at `route`."""
        sys.path.insert(0, str(self.python))
        try:
            package = importlib.import_module("securities_transactions_client")
            name = "".join(f"_{each.lower()}" if each.isupper() else each for each in route.name)
            call = importlib.import_module(f"{package.__name__}.api.{route.tag}.{name}").sync_detailed
        finally:
            sys.path.remove(str(self.python))
        client = package.Client(base_url="http://api.example", raise_on_unexpected_status=True)
        transport = httpx.MockTransport(lambda request: response)
        client.set_httpx_client(httpx.Client(base_url="http://api.example", transport=transport))
        hints = typing.get_type_hints(call)
        given: dict[str, Any] = {
            word: "id" for word in ("transaction_id", "smallcase_auth_id", "segment") if word in hints
        }
        if "body" in hints:
            example = route.asks.model_json_schema()["examples"][0] if route.asks else {}
            models = {model.__name__: model for model in typing.get_args(hints["body"]) or (hints["body"],)}
            # A body with several forms is given in the first one, as its example is.
            given["body"] = models.get("SdkResolved", hints["body"]).from_dict(example)
        return call(client=client, **given)


def make(work: Path) -> Clients:
    """Both clients, made in `work`."""
    return Clients(make_python(work / "python"), make_typescript(work / "typescript"))
