"""Programs that a test starts as a user would, and that end with it."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

# A shell that starts a job with `&` has it ignore SIGINT, and its children inherit that: the program under test would
# never see the Ctrl-C that the test sends.
_WITH_DEFAULT_SIGNALS: Final = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.execvp(sys.argv[1], sys.argv[1:])
"""


@contextlib.contextmanager
def process(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`command` in a session of its own, with pipes from its stdout and stderr; killed when the context ends."""
    started = subprocess.Popen(
        [sys.executable, "-ISc", _WITH_DEFAULT_SIGNALS, *command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait(30)
        for pipe in (started.stdout, started.stderr):
            if pipe is not None:
                pipe.close()
