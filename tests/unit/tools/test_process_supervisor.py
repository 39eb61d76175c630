"""Processes that end when we end."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tools.local_stack import process_supervisor

# A process that ignores a polite request and has a child that does the same.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", deaf])
print("pids", os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_supervisor, "RUNS", tmp_path)
    monkeypatch.setattr(process_supervisor, "GRACE", 0.2)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def started(code: str) -> AbstractContextManager[process_supervisor.Started]:
    return process_supervisor.started("thing", [sys.executable, "-c", code], {"PATH": os.environ["PATH"]})


def test_a_process_is_gone_with_its_children_and_directory_when_the_context_ends() -> None:
    with started(STUBBORN) as thing:
        pids = [int(pid) for pid in thing.wait_for_line(r"pids (\d+) (\d+)", 10).groups()]
        directory = thing.directory
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)
    assert not directory.exists()


def test_a_process_is_gone_even_when_its_owner_is_killed(tmp_path: Path) -> None:
    """Nobody can catch SIGKILL; the keeper sees the pipe close."""
    owner_code = f"""
import sys, time
from pathlib import Path
from tools.local_stack import process_supervisor
process_supervisor.RUNS = Path({str(tmp_path)!r})
process_supervisor.GRACE = 0.2
with process_supervisor.started("thing", [sys.executable, "-c", {STUBBORN!r}], {{}}) as thing:
    print(*thing.wait_for_line(r"pids (\\d+) (\\d+)", 10).groups(), flush=True)
    time.sleep(600)
"""
    owner = subprocess.Popen([sys.executable, "-c", owner_code], stdout=subprocess.PIPE, cwd=process_supervisor.ROOT)
    with owner:
        assert owner.stdout is not None
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(pids) == 2
        owner.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    wait_until(lambda: not list(tmp_path.iterdir()))


def test_a_process_that_ends_before_it_is_ready_is_told_with_its_last_words() -> None:
    with (
        pytest.raises(process_supervisor.Failed, match=r"thing ended early:\n.*no such luck"),
        started("raise SystemExit('no such luck')") as thing,
    ):
        thing.wait_for_line("ready", 10)


def test_a_process_that_is_not_ready_in_time_is_given_up() -> None:
    with (
        pytest.raises(process_supervisor.Failed, match="thing is not ready"),
        started("import time; time.sleep(600)") as thing,
    ):
        thing.wait_for_line("ready", 0.2)


def test_a_command_gives_what_it_wrote_or_fails_with_it() -> None:
    said = process_supervisor.run("thing", [sys.executable, "-c", "print('done')"], {})
    assert said == "done\n"
    with pytest.raises(process_supervisor.Failed, match="thing failed:\nsorry"):
        process_supervisor.run("thing", [sys.executable, "-c", "print('sorry'); raise SystemExit(3)"], {})


def test_temporary_files_of_a_process_are_in_its_own_directory() -> None:
    with started("import tempfile; print('made', tempfile.mkdtemp(), flush=True)") as thing:
        made = thing.wait_for_line(r"made (\S+)", 10)[1]
        thing.wait()
        assert Path(made).is_relative_to(thing.directory)
