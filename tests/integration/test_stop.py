"""The end of `make run`, at any time and however it was started."""

import signal
import sys
from pathlib import Path

from tests.polling import PATIENCE
from tests.processes import process

ROOT = Path(__file__).parents[2]


def test_ctrl_c_stops_a_run_that_a_shell_started_with_signals_ignored() -> None:
    """As `make run &` in a script: the shell has its background jobs ignore SIGINT, and Python would keep that."""
    command = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "tools.local_stack", "run"]
    with process([*command, "--port", "0"], ROOT) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        first = run.stdout.readline()
        assert first.startswith("· engine, Gateway simulator and token issuer started"), first + run.stderr.read()
        run.send_signal(signal.SIGINT)
        assert run.wait(PATIENCE) == 130
        assert run.stderr.read() == "\nstopping…\nstopped\n"
