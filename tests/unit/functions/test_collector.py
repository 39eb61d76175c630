"""Garbage is rarely collected while a function starts on Lambda, and as usual afterwards."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
THRESHOLDS = """
import gc
usual = gc.get_threshold()
import securities_transactions
at_start = gc.get_threshold()
from securities_transactions.bootstrap import start
start(lambda application: lambda event, context: None, {})
print(at_start[0] > 100 * usual[0], gc.get_threshold() == usual, gc.isenabled(), gc.get_freeze_count() > 10_000)
"""


def printed(environment: dict[str, str]) -> list[str]:
    """The facts that a process of `environment` prints about its thresholds."""
    command = [sys.executable, "-c", THRESHOLDS]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers/runtime"), **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_threshold_is_raised_while_a_function_starts_on_lambda() -> None:
    assert printed({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}) == ["True", "True", "True", "True"]


def test_threshold_stays_for_a_process_that_is_not_lambda() -> None:
    """Tests, operations and consumers import the package too."""
    assert printed({}) == ["False", "True", "True", "True"]
