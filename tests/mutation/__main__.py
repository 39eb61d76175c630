"""`python -m tests.mutation`: change the pure core in every small way and see whether its own tests notice.

Each mutant is tested in a process of its own, forked from one that has loaded everything but the product. Survivors are
explained in `survivors.json`; one that is not explained there, or an explanation that is not needed, fails the run.
"""

import argparse
import ast
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutation.mutants import Mutant, mutants

_HERE = Path(__file__).parent
_CORE = _HERE.parents[1] / "layers" / "runtime" / "securities_transactions"
_UNIT = _HERE.parent / "unit"
_MODULES = {
    "domain.checksum": ("domain/test_checksum.py", "domain/test_webhook_verification.py"),
    "domain.webhook_verification": (
        "domain/test_webhook_verification.py",
        "domain/test_webhook_verification_stored.py",
    ),
    "domain.revision": ("domain/test_revision.py",),
    "storage.snapshot_codec": ("storage/test_snapshot_codec.py",),
    "domain.reconciliation": ("domain/test_reconciliation.py", "domain/test_reconciliation_without_orders.py"),
    "domain.times": ("domain/test_times.py",),
    "domain.statuses": ("domain/test_statuses.py", "domain/test_revision.py"),
    "domain.decimal_json": ("domain/test_decimal_json.py", "domain/test_revision.py"),
    "domain.money": ("domain/test_decimal_json.py", "domain/test_revision.py"),
}
# Loaded before the forks, so that each mutant costs little: everything that the tests import but the product itself.
_LOADED_ONCE = ("botocore.exceptions", "greenlet", "httpx", "jwt", "pydantic", "simplejson", "yaml")
_LEAST_KILLED = 0.95
_SECONDS = 60


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from changed code."""

    def __init__(self, name: str, code: CodeType) -> None:
        self.name = name
        self.code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.code, vars(module))  # noqa: S102  # our own source, a little changed


def _fork(module: str, mutant: Mutant) -> int:
    """The process that tests a mutant."""
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(_SECONDS)  # a mutant that runs for ever is noticed too
    code = compile(mutant.tree, str(_CORE / f"{module.replace('.', '/')}.py"), "exec")
    sys.meta_path.insert(0, _Mutated(f"securities_transactions.{module}", code))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    files = [str(_UNIT / name) for name in _MODULES[module]]
    plugins = ["-p", "no:cacheprovider", "-p", "pytest_timeout", "-p", "xdist.plugin"]
    os._exit(int(pytest.main(["-x", "-q", *plugins, *files])))


def survivors(module: str, workers: int) -> tuple[int, list[str]]:
    """How many mutants a module has, and the names of those that its tests let pass."""
    source = (_CORE / f"{module.replace('.', '/')}.py").read_text()
    waiting = list(mutants(source))[::-1]
    if os.waitpid(_fork(module, Mutant("unchanged", ast.parse(source))), 0)[1]:
        sys.exit(f"{module}: its tests fail without any change")
    count, alive = len(waiting), []
    running: dict[int, str] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            mutant = waiting.pop()
            running[_fork(module, mutant)] = mutant.name
        pid, status = os.wait()
        name = running.pop(pid)
        if status == 0:
            alive.append(name)
    return count, sorted(alive)


def main() -> int:
    """0 where at least 95 % are killed and every survivor is explained."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(_MODULES), help="which modules of the core")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    for name in _LOADED_ONCE:
        importlib.import_module(name)
    assert "securities_transactions" not in sys.modules, "the product must be loaded after the fork"
    explained: dict[str, dict[str, str]] = json.loads((_HERE / "survivors.json").read_text())
    start, total, lived, unexplained = time.monotonic(), 0, 0, 0
    for module in options.modules:
        count, alive = survivors(module, options.workers)
        total, lived = total + count, lived + len(alive)
        print(f"{module}: {count - len(alive)} of {count} killed", flush=True)
        reasons = explained.get(module, {})
        for name in alive:
            unexplained += name not in reasons
            print(f"    {name}\n        {reasons.get(name, 'NOT EXPLAINED')}")
        for name in reasons.keys() - set(alive):
            unexplained += 1
            print(f"    {name}\n        EXPLAINED AND KILLED: take it out of survivors.json")
    killed = (total - lived) / total
    print(f"{killed:.1%} of {total} killed in {time.monotonic() - start:.0f} s, {unexplained} not explained")
    return 0 if killed >= _LEAST_KILLED and not unexplained else 1


if __name__ == "__main__":
    sys.exit(main())
