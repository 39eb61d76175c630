"""The layers of the measured functions: the product's as built for AWS, and a tutorial's."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
BUILT: Final = ROOT / ".local" / "bench"
_UV: Final = str(ROOT / ".venv/bin/uv")
# The dependencies of awslambdaric. On Lambda they are part of the runtime too.
_BOOTSTRAP: Final = ("awslambdaric", "runtime_client*", "snapshot_restore_py*", "simplejson")


def product(authority: Path) -> Path:
    """The product's layer, built by its own build for this Python."""
    layer = BUILT / "layer"
    environment = {**os.environ, "LAYER_INTERPRETER": sys.executable}
    environment.pop("PYTHONPYCACHEPREFIX", None)
    machine = {"aarch64": "arm64", "arm64": "arm64"}.get(os.uname().machine, "x86_64")
    name = f"python{sys.version_info.major}.{sys.version_info.minor}-{machine}"
    script = str(ROOT / "layers/runtime/build_layer.py")
    subprocess.run([sys.executable, "-E", "-B", script, name, str(layer)], env=environment, check=True)
    trust(layer / "python", authority)
    return layer / "python"


def bootstrap() -> Path:
    """Lambda's Runtime Interface Client with its dependencies, copied from .venv to a separate directory."""
    found = BUILT / "bootstrap"
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir(parents=True)
    for pattern in _BOOTSTRAP:
        for path in Path(sysconfig.get_path("purelib")).glob(pattern):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, found / path.name)
    _compile(found)
    return found


def tutorials(authority: Path) -> Path:
    """The layer of the tutorials, with bytecode. It is installed once per state of the lock file."""
    lock = (HERE / "requirements.txt").read_bytes()
    layer, installed = BUILT / "tutorials", BUILT / "installed.txt"
    if not installed.is_file() or installed.read_bytes() != lock:
        shutil.rmtree(layer, ignore_errors=True)
        install = [_UV, "pip", "install", "--quiet", "--no-config", "--python", sys.executable, "--target", str(layer)]
        subprocess.run([*install, "--require-hashes", "-r", str(HERE / "requirements.txt")], check=True)
        _compile(layer)
        installed.write_bytes(lock)
    trust(layer, authority)
    return layer


def _compile(layer: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPYCACHEPREFIX"}
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(layer)]
    subprocess.run(command, env=environment, check=True)


def trust(layer: Path, authority: Path) -> None:
    """Add the run's authority to every certificate store in `layer`, replacing that of an earlier run."""
    for store in layer.rglob("*.pem"):
        kept = store.read_bytes().partition(b"\n# the bench's\n")[0]
        store.write_bytes(kept + b"\n# the bench's\n" + authority.read_bytes())


def size(layer: Path) -> tuple[int, int]:
    """The bytes of the files in a layer: without package metadata, and of package metadata."""
    files = [(path, path.stat().st_size) for path in layer.rglob("*") if path.is_file()]
    metadata = sum(bytes_ for path, bytes_ in files if any(part.endswith(".dist-info") for part in path.parts))
    return sum(bytes_ for _, bytes_ in files) - metadata, metadata
