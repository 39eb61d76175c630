"""Finds an installed Python of a version: on PATH, among pyenv's versions, or in uv's list."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from target import BuildFailed

# A prerelease may write bytecode that the release does not read, and other implementations write their own.
_PROBE = "import sys; v = sys.version_info; print(sys.implementation.name, f'{v.major}.{v.minor}', v.releaselevel)"


def find(version: str, uv: str, environment: Mapping[str, str]) -> Path:
    """A release of CPython `version`, such as 3.13.

    Raises BuildFailed, which names what to install, if there is none.
    """
    found = installed(version, uv, environment)
    if found is not None:
        return found
    places = ", ".join(str(place) for place in _pyenv_versions(environment))
    raise BuildFailed(
        f"Python {version} is not installed, and only it compiles the layer's modules for the stack's PythonRuntime.\n"
        f"Install it:  uv python install {version}    (or: pyenv install {version})\n"
        f"Looked for python{version} on PATH, for what uv lists, and in {places}."
    )


def installed(version: str, uv: str, environment: Mapping[str, str]) -> Path | None:
    """A release of CPython `version`, or `None`."""
    candidates = _candidates(version, uv, environment)
    return next((each for each in candidates if is_python(each, version, environment)), None)


def is_python(path: Path, version: str, environment: Mapping[str, str]) -> bool:
    """True if `path` runs and is a release of CPython `version`. A pyenv shim may exist and run nothing."""
    try:
        command = [str(path), "-I", "-c", _PROBE]
        probe = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0 and probe.stdout.split() == ["cpython", version, "final"]


def _candidates(version: str, uv: str, environment: Mapping[str, str]) -> Iterator[Path]:
    for directory in environment.get("PATH", "").split(os.pathsep):
        path = Path(directory) / f"python{version}"
        if directory and path.is_file():
            yield path
    for versions in _pyenv_versions(environment):
        yield from sorted(versions.glob(f"{version}*/bin/python{version}"), reverse=True)
    yield from _known_to_uv(version, uv, environment)


def _pyenv_versions(environment: Mapping[str, str]) -> list[Path]:
    """The Pythons in pyenv's directory, even if no version is activated here."""
    roots = [environment.get("PYENV_ROOT"), f"{environment['HOME']}/.pyenv" if environment.get("HOME") else None]
    return list(dict.fromkeys(Path(root) / "versions" for root in roots if root))


def _known_to_uv(version: str, uv: str, environment: Mapping[str, str]) -> Iterator[Path]:
    command = [uv, "python", "list", "--only-installed", "--no-python-downloads", "--output-format", "json", version]
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    # uv's exit code and stderr count every broken shim on the way. They are not needed.
    if listed.stdout.strip():
        yield from (Path(entry["path"]) for entry in json.loads(listed.stdout) if entry.get("path"))
