"""The environment .venv with the pinned uv in it, and nothing else: `python3 tools/local_stack/install_uv.py`.

The pip that comes with Python fetches uv, straight from its bundle and in this very process: nothing is left
running when it is interrupted. This file alone must be readable by any Python, to say that it is too old.
"""

import os
import sys


def main():  # type: () -> str  # no annotations: an old Python must get as far as the message
    """What is wrong, in one line; where nothing is, this process becomes pip."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this is where it is found out
        found = ".".join(map(str, sys.version_info[:3]))
        return "Python 3.11 or newer is needed, this is " + found + ". Name another: make PYTHON=python3.13 ..."
    from pathlib import Path

    try:
        import ensurepip
        import venv
    except ImportError:
        return "This Python comes without venv. On Debian and Ubuntu: apt install python3-venv"
    places = [Path(ensurepip.__file__).parent / "_bundled", getattr(ensurepip, "_WHEEL_PKG_DIR", None)]
    bundles = [wheel for place in places if place for wheel in sorted(Path(place).glob("pip-*.whl"))]
    if not bundles:
        return "This Python comes without pip. On Debian and Ubuntu: apt install python3-venv"
    sys.stdout.write("\u00b7 creating .venv\n")
    sys.stdout.flush()
    venv.create(".venv", clear=True, symlinks=True)
    python = ".venv/bin/python"
    pip = [python, str(bundles[-1] / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    return os.execv(python, pip + ["--require-hashes", "-r", "requirements-uv.txt"])  # noqa: RUF005, S606 - becomes pip


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
