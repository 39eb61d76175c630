"""Builds the layer: `python build_layer.py TARGET ARTIFACTS_DIR`, called by the Makefile.

It installs the locked requirements for the target, trims them, adds the package, compiles everything with the target's
own Python and checks the result. Every failing step fails the build: otherwise a function that starts slowly or not at
all would be noticed only in production.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from find_python import find, is_python
from target import BuildFailed, Target, parse
from trim import changed_files, trim

HERE: Final = Path(__file__).resolve().parent
# Earlier versions read these. Ignoring one would silently build for another target.
REPLACED: Final = {"LAYER_PLATFORM": "Architecture=x86_64", "LAYER_PYTHON": "PythonRuntime=python3.12"}


def build(target: Target, artifacts: Path, environment: Mapping[str, str]) -> None:
    """Build the layer for `target` in `artifacts`. Raises BuildFailed, which names what is missing."""
    for name, instead in REPLACED.items():
        if environment.get(name):
            raise BuildFailed(
                f"{name} is set but no longer read: the layer is built for the stack's parameters. "
                f"Unset it, and use for example: sam build --parameter-overrides {instead}"
            )
    uv = _uv(environment)
    own = environment.get("LAYER_INTERPRETER")
    if own:
        if not is_python(Path(own), target.version, environment):
            raise BuildFailed(f"LAYER_INTERPRETER={own} is not Python {target.version}, the stack's PythonRuntime.")
        python, wheels, native = Path(own), ["--python", own], ["--native"]
    else:
        python, native = find(target.version, uv, environment), []
        wheels = ["--python-platform", target.platform, "--python-version", target.version]

    layer = artifacts / "python"
    shutil.rmtree(layer, ignore_errors=True)
    _install(layer, [uv, "pip", "install", "--quiet", "--no-config", "--target", str(layer), *wheels], environment)
    trim(layer)
    shutil.copytree(
        HERE / "securities_transactions",
        layer / "securities_transactions",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    # At /opt, files have another modification time: bytecode that is compared with its source would never be used.
    mode = ["--invalidation-mode", "unchecked-hash", "-s", str(artifacts), "-p", "/opt"]
    _run([str(python), "-E", "-m", "compileall", "-q", "-j", "0", *mode, str(layer)], environment)
    name = f"python{target.version}-{target.architecture}"
    _run([str(python), "-E", "-B", str(HERE / "check.py"), str(layer), name, *native], environment)


def _install(layer: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Install the locked packages in `layer`, each file as in its wheel.

    uv checks the hash of a download, but not of the unpacked files in its cache. By default it links files from there,
    so a change of an installed file would change the cache and every later layer.
    """
    locked = ["--link-mode", "copy", "--only-binary", ":all:", "--require-hashes", "-r", str(HERE / "requirements.txt")]
    _run([*command, *locked], environment)
    if changed_files(layer):
        shutil.rmtree(layer)
        _run([*command, "--no-cache", *locked], environment)
        if changed := changed_files(layer):
            raise BuildFailed("Not as in the package, although reinstalled: " + ", ".join(changed[:20]))


def _uv(environment: Mapping[str, str]) -> str:
    """The repository's pinned uv, or the one on PATH."""
    pinned = HERE.parents[1] / ".venv" / "bin" / "uv"
    found = str(pinned) if pinned.is_file() else shutil.which("uv", path=environment.get("PATH", ""))
    if not found:
        raise BuildFailed("uv is needed to build the layer: run 'make env', or install uv.")
    return found


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a step that prints its own reasons if it fails."""
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        raise BuildFailed(f"The layer is not built: {' '.join(command[:4])} … failed.")


if __name__ == "__main__":
    try:
        build(parse(sys.argv[1]), Path(sys.argv[2]), os.environ)
    except BuildFailed as failed:
        sys.exit(str(failed))
