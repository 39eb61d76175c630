"""The end of every layer build: a file that does not match the target fails, and the message names it."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from check import faults
from target import BuildFailed, Target, parse

CHECK = Path(__file__).parents[3] / "layers/runtime/check.py"
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
ARM = Target(OWN, "arm64")
MAGIC = importlib.util.MAGIC_NUMBER
OTHER_MAGIC = bytes([MAGIC[0] ^ 1]) + MAGIC[1:]
AARCH64, X86_64 = 183, 62
LIBRARY = f"package/_fast.{ARM.cache_tag}-aarch64-linux-gnu.so"


def elf(machine: int) -> bytes:
    """The beginning of a 64-bit little-endian shared object."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + (3).to_bytes(2, "little") + machine.to_bytes(2, "little") + bytes(44)


def pyc(magic: bytes = MAGIC, flags: int = 1) -> bytes:
    return magic + flags.to_bytes(4, "little") + bytes(8)


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A layer that fits Python of this version on arm64."""
    compiled = f"__pycache__/{{}}.{ARM.cache_tag}.pyc"
    for name, content in {
        "package/__init__.py": b"",
        "package/" + compiled.format("__init__"): pyc(),
        "package/data.json": b"{}",
        "six.py": b"",
        compiled.format("six"): pyc(),
        LIBRARY: elf(AARCH64),
        "package/_stable.abi3.so": elf(AARCH64),
        "package.libs/libssl.so.3": elf(AARCH64),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def run(layer: Path, target: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", str(CHECK), str(layer), target]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_fitting_layer_passes(layer: Path) -> None:
    assert list(faults(layer, ARM, MAGIC)) == []
    passed = run(layer, f"python{OWN}-arm64")
    assert (passed.returncode, passed.stdout, passed.stderr) == (0, "", "")


def _write(name: str, content: bytes) -> Callable[[Path], str]:
    def change(layer: Path) -> str:
        (layer / name).write_bytes(content)
        return name

    return change


def _remove(name: str, named: str) -> Callable[[Path], str]:
    def change(layer: Path) -> str:
        (layer / name).unlink()
        return named

    return change


SIX = f"__pycache__/six.{ARM.cache_tag}.pyc"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_write(LIBRARY, elf(X86_64)), id="extension of another architecture"),
        pytest.param(_write("package/_stable.abi3.so", elf(X86_64)), id="abi3 extension of another architecture"),
        pytest.param(_write("package.libs/libssl.so.3", elf(X86_64)), id="bundled library of another architecture"),
        pytest.param(_write("package/tool", elf(X86_64)), id="program of another architecture"),
        pytest.param(_write("package/_x.cpython-39-aarch64-linux-gnu.so", elf(AARCH64)), id="of another Python"),
        pytest.param(_write(f"package/_x.{ARM.cache_tag}-x86_64-linux-gnu.so", elf(AARCH64)), id="of another tag"),
        pytest.param(_write(f"package/_x.{ARM.cache_tag}-aarch64-linux-musl.so", elf(AARCH64)), id="of musl"),
        pytest.param(_write(f"package/_x.{ARM.cache_tag}-darwin.so", b"\xcf\xfa\xed\xfe"), id="of macOS"),
        pytest.param(_write("package/_x.so", b""), id="empty library"),
        pytest.param(_remove(SIX, "six.py"), id="module without bytecode"),
        pytest.param(_write("package/new.py", b""), id="new module without bytecode"),
        pytest.param(_write(SIX, pyc(magic=OTHER_MAGIC)), id="bytecode of another Python"),
        pytest.param(_write("__pycache__/six.cpython-39.pyc", pyc(magic=b"a\r\r\n")), id="left from another Python"),
        pytest.param(_write(SIX, b""), id="empty bytecode"),
        pytest.param(_write(SIX, pyc(flags=0)), id="bytecode compared by time"),
        pytest.param(_write(SIX, pyc(flags=3)), id="bytecode compared by hash"),
    ],
)
def test_misfit_fails_the_build_and_is_named(layer: Path, change: Callable[[Path], str]) -> None:
    named = change(layer)
    (fault, *_) = faults(layer, ARM, MAGIC)
    assert fault.startswith(f"{layer / named}: ")
    failed = run(layer, f"python{OWN}-arm64")
    assert failed.returncode == 1
    assert str(layer / named) in failed.stderr


def test_whole_layer_for_another_architecture_fails(layer: Path) -> None:
    failed = run(layer, f"python{OWN}-x86_64")
    assert failed.returncode == 1
    assert str(layer / LIBRARY) in failed.stderr
    assert str(layer / "package.libs/libssl.so.3") in failed.stderr


def test_empty_layer_fails(tmp_path: Path) -> None:
    assert [fault.split(": ")[0] for fault in faults(tmp_path, ARM, MAGIC)] == [str(tmp_path)]


def test_only_the_target_python_checks(layer: Path) -> None:
    failed = run(layer, "python3.99-arm64")
    assert failed.returncode == 1
    assert "cannot check the bytecode of Python 3.99" in failed.stderr


@pytest.mark.parametrize("name", ["", "runtime", "python3-arm64", "python3.13", "python3.13-riscv64", "3.13-arm64"])
def test_what_is_no_target_is_refused(name: str) -> None:
    with pytest.raises(BuildFailed, match="is not a layer target"):
        parse(name)
