"""Processes that end when we end, however we end.

Each is started by a small keeper of its own (this file as a script), in a session of its own, so that Ctrl-C
reaches us alone and we take them down in order. The keeper holds a pipe to us: it closes when we let go, and
just as well when we are killed. Then the keeper ends its process with all that this started, and removes its
directory.
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
# How long a process has to end by itself, in seconds, before it is made to.
GRACE: Final = 2.0
# The longest that a command may take, in seconds: a build on a busy machine, not one that hangs.
COMMAND_SECONDS: Final = 600.0
# A shell starts a job with SIGINT and SIGQUIT ignored, and every process below it inherits that.
_INHERITED: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


class Failed(RuntimeError):
    """A process failed or did not become ready; the message says which and ends with its last words."""


@dataclass(frozen=True)
class Started:
    """A process under way. What it writes goes to `log`; its `directory` is removed with it."""

    name: str
    keeper: subprocess.Popen[bytes]
    directory: Path

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def wait_for_line(self, pattern: str, timeout: float) -> re.Match[str]:
        """The first match of `pattern` in the log; `Failed` if the process ends or `timeout` s pass before."""
        deadline = time.monotonic() + timeout
        while True:
            ended = self.keeper.poll() is not None
            if match := re.search(pattern, self.log.read_text(errors="replace")):
                return match
            if ended or time.monotonic() > deadline:
                raise Failed(f"{self.name} {'ended early' if ended else 'is not ready'}:\n{self.last_words()}")
            time.sleep(0.02)

    def wait(self, timeout: float = COMMAND_SECONDS) -> str:
        """Waits for the end and gives what was written; `Failed` where it ends with another code than 0, or not in
        `timeout` s.
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
    """Runs `command` while the context lasts, with TMPDIR inside its own directory."""
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
        except subprocess.TimeoutExpired:  # the keeper itself hangs: better that its process is left than that we hang
            keeper.kill()
            keeper.wait()
        shutil.rmtree(directory, ignore_errors=True)


def run(name: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Runs `command` to its end and gives what it wrote; `Failed` where it does not end with 0."""
    with started(name, command, environment) as process:
        return process.wait()


def _keep(grace: float, directory: Path, command: Sequence[str]) -> int:
    """The keeper: runs `command` until it ends or whoever started us is gone; the command's exit code."""
    # Whatever we are told, first the process is taken down: being told is the same as being let go.
    let_go = threading.Event()
    alone = threading.Event()
    # A signal that has a handler here, and not one that is ignored, has its default effect on the process below.
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
    # Its own children may outlive it (workers that wait for input): the group goes as a whole.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    if alone.is_set():
        shutil.rmtree(directory, ignore_errors=True)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(_keep(float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
