"""Processes that end whenever this process ends, even if it is killed.

A small keeper (this file as a script) starts each process in its own session, so that Ctrl-C reaches only this process,
which then ends the others in order. The keeper holds a pipe to this process. The pipe closes when this process releases
it or is killed. Then the keeper ends its process with all descendants and removes its directory. What a killed keeper
left is removed by the next start (`swept`): the log of a process that is alive is locked by it.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
RUNS: Final = ROOT / ".local" / "run"
# The seconds that a process has to end by itself before it is killed.
GRACE: Final = 2.0
_REMOVAL_SECONDS: Final = 1.0
# The exit code of a keeper that has removed the directory, or has it removed.
_REMOVED: Final = 75
# The timeout of a command, in seconds: longer than a build on a busy machine takes.
COMMAND_SECONDS: Final = 600.0
# A shell starts a job with SIGINT and SIGQUIT ignored, and every process below it inherits that.
_INHERITED: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


class Failed(RuntimeError):
    """A process failed or did not become ready. The message names it and ends with the last lines of its log."""


@dataclass(frozen=True)
class Started:
    """A running process. `log` has its output. Its `directory` is removed with it."""

    name: str
    keeper: subprocess.Popen[bytes]
    directory: Path

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def wait_for_line(self, pattern: str, timeout: float) -> re.Match[str]:
        """The first match of `pattern` in the log.

        Raises `Failed` if the process ends or `timeout` seconds pass before.
        """
        deadline = time.monotonic() + timeout
        while True:
            ended = self.keeper.poll() is not None
            if match := re.search(pattern, self.log.read_text(errors="replace")):
                return match
            if ended or time.monotonic() > deadline:
                raise Failed(f"{self.name} {'ended early' if ended else 'is not ready'}:\n{self.last_words()}")
            time.sleep(0.02)

    def wait(self, timeout: float = COMMAND_SECONDS) -> str:
        """Wait for the end and return the output.

        Raises `Failed` if the exit code is not 0, or after `timeout` seconds.
        """
        try:
            code = self.keeper.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end in {timeout:g} s:\n{self.last_words()}") from None
        if code != 0:
            raise Failed(f"{self.name} failed:\n{self.last_words()}")
        return self.log.read_text(errors="replace")

    def last_words(self, lines: int = 25) -> str:
        """The last `lines` of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextlib.contextmanager
def started(
    name: str, command: Sequence[str], environment: Mapping[str, str], grace: float | None = None
) -> Iterator[Started]:
    """Run `command` while the context lasts, with TMPDIR inside its own directory.

    After the context it has `grace` seconds to end by itself (none given: `GRACE`).
    """
    grace = GRACE if grace is None else grace
    RUNS.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as opened:
        with _turn():
            directory = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=RUNS))
            log = opened.enter_context((directory / "log").open("wb"))
            # The keeper and its process inherit the lock with their output.
            fcntl.flock(log, fcntl.LOCK_EX)
        (directory / "tmp").mkdir()
        keeper = subprocess.Popen(
            [sys.executable, "-SEs", __file__, str(grace), str(directory), *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**environment, "TMPDIR": str(directory / "tmp")},
            start_new_session=True,
        )
    try:
        yield Started(name, keeper, directory)
    finally:
        let_go(keeper)
        try:
            keeper.wait(grace + 30)
        except subprocess.TimeoutExpired:  # the keeper itself hangs: rather leave its process than hang too
            keeper.kill()
            keeper.wait()
        if keeper.returncode != _REMOVED:
            shutil.rmtree(directory, ignore_errors=True)


def let_go(keeper: "subprocess.Popen[bytes]") -> None:
    """Have `keeper` end its process and remove its directory, without waiting for it."""
    if keeper.stdin is not None:
        keeper.stdin.close()


def swept() -> list[str]:
    """Remove the directories of processes that are gone, and return their names."""
    RUNS.mkdir(parents=True, exist_ok=True)
    with _turn():
        gone = [each for each in sorted(RUNS.iterdir()) if each.is_dir() and _is_gone(each)]
    for each in gone:
        shutil.rmtree(each, ignore_errors=True)
    return [each.name for each in gone]


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    """A directory is made and locked before another process looks at it."""
    place = os.open(RUNS, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


def _is_gone(directory: Path) -> bool:
    try:
        with (directory / "log").open("rb") as log:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def run(name: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run `command` to its end and return its output. Raises `Failed` if the exit code is not 0."""
    with started(name, command, environment) as process:
        return process.wait()


def _keep(grace: float, directory: Path, command: Sequence[str]) -> int:
    """The keeper: run `command` until it or the parent process ends. Returns the exit code of the command."""
    # Every signal means the same as a closed pipe: end the process first.
    is_over = threading.Event()
    alone = threading.Event()
    # A signal with a handler here, unlike an ignored one, has its default effect in the child process.
    for number in _INHERITED:
        signal.signal(number, lambda *_: is_over.set())
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def until_the_pipe_closes() -> None:
        while os.read(0, 1):
            pass
        alone.set()
        is_over.set()

    def until_the_process_ends() -> None:
        process.wait()
        is_over.set()

    for watch in (until_the_pipe_closes, until_the_process_ends):
        threading.Thread(target=watch, daemon=True).start()
    is_over.wait()
    with contextlib.suppress(subprocess.TimeoutExpired, ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(grace)
    # Its own children may outlive it (workers that wait for input), so the whole group is killed.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    if alone.is_set():
        _remove(directory)
        return _REMOVED
    return code if code >= 0 else 128 - code


def _remove(directory: Path) -> None:
    """Remove `directory`. The removal of many files goes on after the keeper."""
    null = subprocess.DEVNULL
    remover = subprocess.Popen(
        ["/bin/rm", "-rf", str(directory)], stdin=null, stdout=null, stderr=null, start_new_session=True
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        remover.wait(_REMOVAL_SECONDS)


if __name__ == "__main__":
    sys.exit(_keep(float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
