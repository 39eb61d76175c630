"""Checks that a built layer matches its target: `pythonX.Y check.py LAYER TARGET`, run by the target's own Python.

Lambda loads a layer for another architecture or Python without an error, and every function then fails at its first
import. Missing bytecode is recompiled at every cold start.
"""

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from target import BuildFailed, Target, parse

_ELF: Final = b"\x7fELF"
# The tag of an extension module: the Python (or abi3 for all), and the platform if the tag has it.
_TAG: Final = re.compile(r"\.(?P<python>cpython-\d+t?|abi3)(?:-(?P<platform>[\w-]+))?\.so$")
_UNCHECKED_HASH: Final = 0b01


def faults(layer: Path, target: Target, magic: bytes, *, elf: bool = True) -> Iterator[str]:
    """The faults in `layer` for `target`, whose bytecode begins with `magic`. Each line names a file.

    Without `elf` the machine is not checked: the local run on macOS has no ELF files.
    """
    modules = sorted(layer.rglob("*.py"))
    if not modules:
        yield f"{layer}: no modules"
    expected = {module: module.parent / "__pycache__" / f"{module.stem}.{target.cache_tag}.pyc" for module in modules}
    for module, compiled in expected.items():
        if not compiled.is_file():
            yield f"{module}: not compiled for Python {target.version}"
    for compiled in sorted(layer.rglob("*.pyc")):
        header = compiled.read_bytes()[:8]
        if header[:4] != magic:
            yield f"{compiled}: bytecode of another Python than {target.version}"
        elif int.from_bytes(header[4:8], "little") != _UNCHECKED_HASH:
            yield f"{compiled}: is compared with its source at every start"
    for file in sorted(path for path in layer.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}):
        yield from _library_faults(file, target, elf)


def _library_faults(file: Path, target: Target, elf: bool) -> Iterator[str]:
    tag = _TAG.search(file.name)
    if tag is not None and tag["python"] not in ("abi3", target.cache_tag):
        yield f"{file}: for {tag['python']}, not for Python {target.version}"
    if not elf:
        return
    if tag is not None and tag["platform"] not in (None, f"{target.machine}-linux-gnu"):
        yield f"{file}: for {tag['platform']}, not for {target.architecture}"
    with file.open("rb") as opened:
        header = opened.read(20)
    if header[:4] == _ELF:
        machine = int.from_bytes(header[18:20], "big" if header[5:6] == b"\x02" else "little")
        if machine != target.elf_machine:
            yield f"{file}: machine code of another architecture than {target.architecture} (ELF machine {machine})"
    elif file.suffix in {".so", ".dylib", ".pyd"} or ".so." in file.name:
        yield f"{file}: not a Linux library"


def check(layer: Path, target: Target, *, elf: bool = True) -> None:
    """Raises BuildFailed, which names the files, if `layer` does not match `target`."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if running != target.version:
        raise BuildFailed(f"Python {running} cannot check the bytecode of Python {target.version}.")
    found = list(faults(layer, target, importlib.util.MAGIC_NUMBER, elf=elf))
    if found:
        rest = f"\n… and {len(found) - 20} more" if len(found) > 20 else ""
        raise BuildFailed(
            f"The layer is not for {target.version} on {target.architecture}:\n" + "\n".join(found[:20]) + rest
        )


if __name__ == "__main__":
    try:
        check(Path(sys.argv[1]), parse(sys.argv[2]), elf=sys.platform != "darwin" or "--native" not in sys.argv[3:])
    except BuildFailed as failed:
        sys.exit(str(failed))
