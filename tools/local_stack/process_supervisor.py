"""Processes that end whenever this process ends, even if it is killed.

A small keeper (this file as a script) starts each process in its own session, so that Ctrl-C reaches only this process,
which then ends the others in order. The keeper holds a pipe to this process. The pipe closes when this process releases
it or is killed. Then the keeper ends its process with all descendants and removes its directory.
"""

import contextlib
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
def started(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Started]:
    """Run `command` while the context lasts, with TMPDIR inside its own directory."""
    RUNS.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=RUNS))
    (directory / "tmp").mkdir()
    with (directory / "log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-SEs", __file__, str(GRACE), str(directory), *command],
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
        if keeper.stdin is not None:
            keeper.stdin.close()
        try:
            keeper.wait(GRACE + 30)
        except subprocess.TimeoutExpired:  # the keeper itself hangs: rather leave its process than hang too
            keeper.kill()
            keeper.wait()
        shutil.rmtree(directory, ignore_errors=True)


def run(name: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run `command` to its end and return its output. Raises `Failed` if the exit code is not 0."""
    with started(name, command, environment) as process:
        return process.wait()


def _keep(grace: float, directory: Path, command: Sequence[str]) -> int:
    """The keeper: run `command` until it or the parent process ends. Returns the exit code of the command."""
    # Every signal means the same as a closed pipe: end the process first.
    let_go = threading.Event()
    alone = threading.Event()
    # A signal with a handler here, unlike an ignored one, has its default effect in the child process.
    for number in _INHERITED:
        signal.signal(number, lambda *_: let_go.set())
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def until_the_pipe_closes() -> None:
        while os.read(0, 1):
            pass
        alone.set()
        let_go.set()

    def until_the_process_ends() -> None:
        process.wait()
        let_go.set()

    for watch in (until_the_pipe_closes, until_the_process_ends):
        threading.Thread(target=watch, daemon=True).start()
    let_go.wait()
    with contextlib.suppress(subprocess.TimeoutExpired, ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(grace)
    # Its own children may outlive it (workers that wait for input), so the whole group is killed.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    if alone.is_set():
        shutil.rmtree(directory, ignore_errors=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(_keep(float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
