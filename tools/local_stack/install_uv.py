"""Create .venv with only the pinned uv: `python3 tools/local_stack/install_uv.py`.

The pip bundled with Python installs uv, in this very process, so an interruption leaves nothing running. Any Python
must be able to parse this file, so that an old one prints that it is too old.
"""

import os
import sys


def main():  # type: () -> str  # no annotations: an old Python must get as far as the message
    """The fault in one line. Without one, this process becomes pip."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this is where it is found out
        found = ".".join(map(str, sys.version_info[:3]))
        return "Python 3.11 or newer is needed, this is " + found + ". Choose another: make PYTHON=python3.13 ..."
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
