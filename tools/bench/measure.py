"""Run one function with Lambda's own bootstrap and measure its instructions, or its processor time, memory and log.

Valgrind's callgrind counts the instructions, independent of load; two runs differ by a few in ten thousand. The hash
seed is fixed. The count has four parts: Python and the bootstrap, startup (importing the handler), the first
invocation, and each later one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.bench import cloud

HERE: Final = Path(__file__).parent
# Not the Python in .venv: its packages are not on Lambda.
PYTHON: Final = str(Path(sys.executable).resolve())
_TOTAL: Final = re.compile(r"^totals: (\d+)", re.MULTILINE)
_TRACED: Final = re.compile(r"^SYSCALL\[\d+,\d+\]\(\s*\d+\) sys_(\w+)", re.MULTILINE)


class Failed(Exception):
    """A function under test did not do the measured work. The message has its log."""


@dataclass(frozen=True)
class Subject:
    """A function as deployed: its directory, its layer, `module.name` of its handler, and its environment."""

    directory: Path
    layer: Path
    handler: str
    environment: Mapping[str, str]
    answers: Mapping[str, Any]


@dataclass(frozen=True)
class Instructions:
    """Instruction counts of the parts of startup and of each invocation after the first, and system calls."""

    bootstrap: int
    start: int
    first: int
    warm: Sequence[int]
    calls_cold: int
    calls_warm: Sequence[int]

    @property
    def cold(self) -> int:
        """The count from the start of the process to the first response."""
        return self.bootstrap + self.start + self.first


@dataclass(frozen=True)
class Usage:
    """One process: processor seconds, peak kilobytes, modules at the first invocation, its log and its calls."""

    cpu_seconds: float
    peak_kilobytes: int
    modules: int
    log_bytes: int
    calls: Mapping[str, int]
    sent_bytes: Mapping[str, int]


def has_valgrind() -> bool:
    """True if valgrind is installed."""
    return shutil.which("valgrind") is not None


def instructions(subject: Subject, bootstrap: Path, authority: cloud.Authority, events: Sequence[Any]) -> Instructions:
    """Count instructions while the function handles `events`, the first of which is cold.

    Raises `Failed` if an invocation fails.
    """
    # The count after the last mark includes the end of the process, so one more invocation takes its place.
    events = [*events, events[-1]]
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        counts = f"{directory}/counts"
        tool = ["valgrind", "--quiet", "--tool=callgrind", "--dump-before=getppid", f"--callgrind-out-file={counts}"]
        traced = [*tool, "--trace-syscalls=yes", f"--log-file={directory}/calls"]
        _run(subject, bootstrap, authority, events, traced, {})
        bootstrap_part, start, first, *warm = (_total(Path(f"{counts}.{n}")) for n in range(1, len(events) + 2))
        calls = [0]
        for name in _TRACED.findall(Path(f"{directory}/calls").read_text(errors="replace")):
            if name == "getppid":
                calls.append(0)
            else:
                calls[-1] += 1
    return Instructions(bootstrap_part, start, first, warm, sum(calls[1:3]), calls[3:-1])


def usage(subject: Subject, bootstrap: Path, authority: cloud.Authority, events: Sequence[Any]) -> Usage:
    """Measure the complete process while it handles `events`. Raises `Failed` if an invocation fails."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        modules = Path(directory) / "modules"
        sky, log, used = _run(subject, bootstrap, authority, events, [], {"BENCH_MODULES": str(modules)})
        return Usage(
            used.ru_utime + used.ru_stime,
            sky.peak_kilobytes,
            int(modules.read_text()),
            len(log),
            dict(sky.calls),
            dict(sky.sent),
        )


def _total(path: Path) -> int:
    found = _TOTAL.search(path.read_text(errors="replace"))
    if found is None:
        raise Failed(f"{path} has no count")
    return int(found[1])


def _run(
    subject: Subject,
    bootstrap: Path,
    authority: cloud.Authority,
    events: Sequence[Any],
    tool: Sequence[str],
    extra: Mapping[str, str],
) -> tuple[cloud.Cloud, bytes, Any]:
    with cloud.running(authority, subject.answers, events) as sky, tempfile.TemporaryFile() as log:
        task = [str(subject.directory), str(HERE / "entry_point"), str(subject.layer), str(bootstrap)]
        environment = {
            **subject.environment,
            **extra,
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(task),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LAMBDA_TASK_ROOT": str(HERE / "entry_point"),
            "BENCH_HANDLER": subject.handler,
            "BENCH_CA": str(authority.certificate),
            "AWS_LAMBDA_RUNTIME_API": sky.runtime_api,
            "AWS_ENDPOINT_URL": sky.url,
            "GATEWAY_URL": sky.url,
        }
        command = [*tool, PYTHON, "-S", "-m", "awslambdaric", "entry.handler"]
        process = subprocess.Popen(command, env=environment, cwd=subject.directory, stdout=log, stderr=log)
        sky.process = process.pid
        _, _, used = os.wait4(process.pid, 0)
        # Reaped here. Popen would wait for it again.
        process.returncode = 0
        log.seek(0)
        logged = log.read()
        faulty = [each for each in sky.runtime_answers if _is_refusal(each)]
        if len(sky.runtime_answers) != len(events) or sky.runtime_errors or faulty:
            said = b"\n".join([*sky.runtime_errors, *faulty[:1], logged[-4000:]]).decode(errors="replace")
            raise Failed(f"{subject.handler}: {len(sky.runtime_answers)} of {len(events)} answers\n{said}")
        return sky, logged, used


def _is_refusal(answer: bytes) -> bool:
    found = json_of(answer)
    return isinstance(found, dict) and (found.get("statusCode", 200) >= 400 or bool(found.get("batchItemFailures")))


def json_of(answer: bytes) -> Any:
    """The JSON in a response, or `None` if it is empty."""
    return json.loads(answer) if answer else None
