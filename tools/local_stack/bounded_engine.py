"""MiniStack with few processes and files: `python -m tools.local_stack.bounded_engine`, in the engine's environment.

Alone it starts a process for each invocation that finds none idle, and unpacks the layer for each: 250 transactions at
once left 42 processes, 3.4 GB of memory and 108,000 files. Here an invocation waits for one of its function's
processes, and all share one unpacked layer (docs/decisions/0047-a-bounded-engine.md).
"""

import hashlib
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

# The processes of one version of a function. Two show what happens at the same time.
PROCESSES: Final = 2
_POLL_SECONDS: Final = 0.01

_Acquire = Callable[..., tuple[Any, str]]


def waiting(acquire: _Acquire) -> _Acquire:
    """`acquire`, which returns no process where all are busy, as a function that waits for one.

    The engine gives each invocation a thread of its own, and no function of the product invokes another: what is waited
    for is never the caller's own process.
    """

    def acquire_worker(*given: Any, **named: Any) -> tuple[Any, str]:
        while True:
            worker, reason = acquire(*given, **named)
            if worker is not None:
                return worker, reason
            time.sleep(_POLL_SECONDS)

    return acquire_worker


def shared_zip(place: Path) -> type[zipfile.ZipFile]:
    """A `ZipFile` that unpacks equal archives once, below `place`. `extractall` makes links to that and deletes the
    archive.
    """
    turn = threading.Lock()

    class Shared(zipfile.ZipFile):
        def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
            archive = Path(str(self.filename))
            unpacked = place / hashlib.sha256(archive.read_bytes()).hexdigest()
            with turn:
                if not unpacked.exists():
                    part = Path(tempfile.mkdtemp(dir=place))
                    super().extractall(part, members, pwd)
                    part.rename(unpacked)
            for each in unpacked.iterdir():
                (Path(path) / each.name).symlink_to(each)
            archive.unlink()

    return Shared


def bound(runtime: Any, place: Path) -> None:
    """Bound `runtime`, the engine's module that starts processes. Raises `AttributeError` if it is another one."""
    shared = SimpleNamespace(ZipFile=shared_zip(place), BadZipFile=zipfile.BadZipFile)
    for name, value in (
        ("_LOCAL_MAX_WORKERS", PROCESSES),
        ("acquire_worker", waiting(runtime.acquire_worker)),
        ("zipfile", shared),
    ):
        getattr(runtime, name)
        setattr(runtime, name, value)


if __name__ == "__main__":
    from ministack.core import lambda_runtime  # type: ignore[import-not-found] # is in .venv-engine alone

    # Before the engine's other modules take the functions from it.
    bound(lambda_runtime, Path(tempfile.mkdtemp(prefix="unpacked-")))
    from ministack.app import main  # type: ignore[import-not-found] # the same

    main()
