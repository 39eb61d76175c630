"""The bounds on the engine's processes and files, without the engine."""

import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.polling import PATIENCE, eventually
from tools.local_stack import bounded_engine


def archive(path: Path, **files: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as made:
        for name, text in files.items():
            made.writestr(f"python/{name}.py", text)
    return path


def unpack(shared: type[zipfile.ZipFile], path: Path) -> Path:
    target = path.parent / path.stem
    target.mkdir()
    with shared(path) as opened:
        opened.extractall(target)
    return target


def test_equal_archives_are_unpacked_once_and_leave_a_link(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    shared = bounded_engine.shared_zip(tmp_path / "shared")
    one, two = (unpack(shared, archive(tmp_path / name / "layer.zip", a="1", b="2")) for name in ("one", "two"))
    other = unpack(shared, archive(tmp_path / "three" / "layer.zip", a="another"))
    assert (one / "python" / "b.py").read_text() == (two / "python" / "b.py").read_text() == "2"
    assert (other / "python" / "a.py").read_text() == "another"
    assert len([path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]) == 3
    assert not list(tmp_path.rglob("*.zip"))


def test_an_archive_is_unpacked_by_many_at_once(tmp_path: Path) -> None:
    """The engine starts processes in threads of their own."""
    (tmp_path / "shared").mkdir()
    shared = bounded_engine.shared_zip(tmp_path / "shared")
    archives = [archive(tmp_path / str(number) / "layer.zip", a="1") for number in range(8)]
    threads = [threading.Thread(target=unpack, args=(shared, path)) for path in archives]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert {(path.parent / "layer" / "python" / "a.py").read_text() for path in archives} == {"1"}
    assert len(list((tmp_path / "shared").iterdir())) == 1


def test_an_invocation_waits_for_a_process_that_is_busy() -> None:
    """No throttle reaches a caller: AWS would start another execution."""
    idle: list[str] = []
    calls: list[tuple[Any, ...]] = []

    def acquire(*given: Any, **named: Any) -> tuple[Any, str]:
        calls.append((*given, named))
        return (idle.pop(), "reused") if idle else (None, "func_cap")

    got: list[tuple[Any, str]] = []
    acquire_worker = bounded_engine.waiting(acquire)
    thread = threading.Thread(target=lambda: got.append(acquire_worker("ingest", qualifier="live")), daemon=True)
    thread.start()
    eventually(lambda: len(calls) > 2)
    assert got == []
    idle.append("a process")
    thread.join(PATIENCE)
    assert got == [("a process", "reused")]
    assert set(map(str, calls)) == {str(("ingest", {"qualifier": "live"}))}


def test_an_engine_that_has_changed_is_not_run_without_bounds(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="_LOCAL_MAX_WORKERS"):
        bounded_engine.bound(SimpleNamespace(acquire_worker=print), tmp_path)
