"""Starting from a snapshot: a restored environment shares nothing with the others, and a snapshot has nothing secret.

The hooks are those of the library that Lambda's Python has, called as Lambda calls them.
"""

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import snapshot_restore_py  # type: ignore[import-untyped]  # it has no stubs

from securities_transactions.bootstrap import Application, start
from tests.application import ENVIRONMENT, function

ROOT = Path(__file__).parents[3]
FUNCTIONS = sorted(path.name for path in (ROOT / "functions").iterdir() if (path / "app.py").exists())
AWS = {"AWS_DEFAULT_REGION": "ap-south-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
SNAPSHOT = {**ENVIRONMENT, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}


@pytest.fixture(autouse=True)
def lambda_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {**ENVIRONMENT, **AWS}.items():
        monkeypatch.setenv(variable, value)


@pytest.fixture
def restore() -> Iterator[Callable[[], None]]:
    """Lambda's part after a restore: call each registered hook."""
    registry = snapshot_restore_py.get_after_restore()
    registry.clear()

    def call() -> None:
        for hook, arguments, keywords in registry:
            hook(*arguments, **keywords)

    yield call
    registry.clear()


def made_by(environment: dict[str, str]) -> tuple[list[Application], Callable[[Any, Any], Application]]:
    """The applications that a handler was made over, and the handler, which returns its own."""
    made: list[Application] = []

    def make_handler(application: Application) -> Callable[[Any, Any], Application]:
        made.append(application)
        return lambda event, context: application

    return made, start(make_handler, environment)


def test_a_restored_environment_has_clients_secrets_and_a_handler_of_its_own(restore: Callable[[], None]) -> None:
    made, handler = made_by(SNAPSHOT)
    before = handler({}, None)
    assert made == [before]
    restore()
    after = handler({}, None)
    assert made == [before, after]
    assert after is not before
    assert after.clients is not before.clients
    assert after.read_secrets is not before.read_secrets
    assert after.deadline is not before.deadline


def test_restored_environments_share_no_random_numbers(restore: Callable[[], None]) -> None:
    _, handler = made_by(SNAPSHOT)
    state, drawn = random.getstate(), set()
    for _ in range(3):
        random.setstate(state)  # as in the snapshot
        restore()
        drawn.add(handler({}, None).random())
    random.setstate(state)
    assert len(drawn) == 3


@pytest.mark.parametrize("kind", [None, "on-demand", "provisioned-concurrency"])
def test_without_a_snapshot_nothing_is_made_twice(restore: Callable[[], None], kind: str | None) -> None:
    made, _ = made_by(ENVIRONMENT if kind is None else {**ENVIRONMENT, "AWS_LAMBDA_INITIALIZATION_TYPE": kind})
    restore()
    assert len(made) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_can_be_restored(name: str) -> None:
    handler = function(name).handler
    before = handler._handler
    handler.restore()
    assert handler._handler is not before


UNCONNECTED = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit(f"{event} {arguments}")
sys.addaudithook(refuse)
import app
"""


@pytest.mark.long
def test_no_function_connects_or_reads_a_secret_before_its_snapshot() -> None:
    for name in FUNCTIONS:
        done = subprocess.run(
            [sys.executable, "-c", UNCONNECTED],
            env={**SNAPSHOT, **AWS, "PYTHONPATH": f"{ROOT / 'layers/runtime'}:{ROOT / 'functions' / name}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), name
