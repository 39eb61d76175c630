"""Processes that end with the parent process."""

import os
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.polling import PATIENCE, eventually
from tools.local_stack import process_supervisor

pytestmark = pytest.mark.long

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


def started(code: str) -> AbstractContextManager[process_supervisor.Started]:
    return process_supervisor.started("thing", [sys.executable, "-c", code], {"PATH": os.environ["PATH"]})


def test_a_process_is_gone_with_its_children_and_directory_when_the_context_ends() -> None:
    with started(STUBBORN) as thing:
        pids = [int(pid) for pid in thing.wait_for_line(r"pids (\d+) (\d+)", PATIENCE).groups()]
        directory = thing.directory
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)
    assert not directory.exists()


def test_a_process_is_gone_even_when_its_owner_is_killed(tmp_path: Path) -> None:
    """No process can catch SIGKILL; the keeper sees the pipe close."""
    owner_code = f"""
import sys, time
from pathlib import Path
from tests.polling import PATIENCE, eventually
from tools.local_stack import process_supervisor
process_supervisor.RUNS = Path({str(tmp_path)!r})
process_supervisor.GRACE = 0.2
with process_supervisor.started("thing", [sys.executable, "-c", {STUBBORN!r}], {{}}) as thing:
    print(*thing.wait_for_line(r"pids (\\d+) (\\d+)", 180).groups(), flush=True)
    time.sleep(600)
"""
    owner = subprocess.Popen([sys.executable, "-c", owner_code], stdout=subprocess.PIPE, cwd=process_supervisor.ROOT)
    with owner:
        assert owner.stdout is not None
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(pids) == 2
        owner.kill()
    eventually(lambda: not any(is_alive(pid) for pid in pids))
    eventually(lambda: not list(tmp_path.iterdir()))


def test_process_that_ends_before_it_is_ready_is_reported_with_its_log() -> None:
    with (
        pytest.raises(process_supervisor.Failed, match=r"thing ended early:\n.*no such luck"),
        started("raise SystemExit('no such luck')") as thing,
    ):
        thing.wait_for_line("ready", PATIENCE)


def test_a_process_that_is_not_ready_in_time_is_given_up() -> None:
    with (
        pytest.raises(process_supervisor.Failed, match="thing is not ready"),
        started("import time; time.sleep(600)") as thing,
    ):
        thing.wait_for_line("ready", 0.2)


def test_process_has_default_signals_where_its_starter_ignores_them(tmp_path: Path) -> None:
    """A shell script that starts `make test &` ignores SIGINT and SIGQUIT for everything below it."""
    shown = "import signal; print([signal.getsignal(n) is signal.SIG_DFL for n in (1, 3, 15)], signal.getsignal(2))"
    starter = f"""
import signal, sys
from pathlib import Path
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
from tools.local_stack import process_supervisor
process_supervisor.RUNS = Path({str(tmp_path)!r})
print(process_supervisor.run("thing", [sys.executable, "-c", {shown!r}], {{}}))
"""
    command = [sys.executable, "-c", starter]
    run = subprocess.run(
        command, cwd=process_supervisor.ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert run.stdout.startswith("[True, True, True] <built-in function default_int_handler>")


def test_command_that_does_not_end_in_time_fails_with_its_last_words() -> None:
    with started("import time; print('still here', flush=True); time.sleep(600)") as thing:
        thing.wait_for_line("still here", PATIENCE)
        with pytest.raises(process_supervisor.Failed, match=r"thing did not end in 0\.1 s:\nstill here"):
            thing.wait(0.1)


def test_a_command_gives_what_it_wrote_or_fails_with_it() -> None:
    said = process_supervisor.run("thing", [sys.executable, "-c", "print('done')"], {})
    assert said == "done\n"
    with pytest.raises(process_supervisor.Failed, match="thing failed:\nsorry"):
        process_supervisor.run("thing", [sys.executable, "-c", "print('sorry'); raise SystemExit(3)"], {})


def test_temporary_files_of_a_process_are_in_its_own_directory() -> None:
    with started("import tempfile; print('made', tempfile.mkdtemp(), flush=True)") as thing:
        made = thing.wait_for_line(r"made (\S+)", PATIENCE)[1]
        thing.wait()
        assert Path(made).is_relative_to(thing.directory)


def test_what_a_killed_keeper_left_is_removed_by_the_next_start(tmp_path: Path) -> None:
    """SIGKILL of all processes at once, or a machine that was switched off; what is alive stays."""
    left = tmp_path / "build-left"
    (left / "tmp").mkdir(parents=True)
    (left / "log").write_text("packaging")
    (tmp_path / "engine-unborn").mkdir()
    with started("import time; print('up', flush=True); time.sleep(600)") as thing:
        thing.wait_for_line("up", PATIENCE)
        assert process_supervisor.swept() == ["build-left", "engine-unborn"]
        assert list(tmp_path.iterdir()) == [thing.directory]
    assert process_supervisor.swept() == []
