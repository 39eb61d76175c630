"""`make clients`: generate a Python package and TypeScript types of the API in .local/clients.

Public generators (openapi-python-client, openapi-typescript) make both. They are installed in .venv-clients with their
own Node. A generator's warning is a failure, because the users would miss the part that it leaves out.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.contracts.openapi import NAME
from tools.contracts.store import API_VERSION, CONTRACTS

ROOT: Final = Path(__file__).parents[2]
ENVIRONMENT: Final = ROOT / ".venv-clients"
MODULES: Final = ENVIRONMENT / "node_modules"
TARGET: Final = ROOT / ".local" / "clients"
PACKAGE: Final = "securities-transactions-client"
# No program here reports to its makers or asks for news.
_QUIET: Final = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
_HERE: Final = Path(__file__).parent


def run(program: str, *arguments: str, directory: Path = ROOT) -> str:
    """The output of an installed program. Raises `CalledProcessError`, after printing the output, if it fails."""
    places = [str(ENVIRONMENT / "bin"), str(MODULES / ".bin"), os.environ["PATH"]]
    environment = os.environ | {"PATH": os.pathsep.join(places), "NO_COLOR": "1", "RUFF_NO_CACHE": "true", **_QUIET}
    ended = subprocess.run(
        [program, *arguments], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        print(ended.stdout, ended.stderr, sep="\n", file=sys.stderr)
    ended.check_returncode()
    return ended.stdout


def make_python(target: Path) -> Path:
    """Generate the Python package's project in `target`."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    run(
        "openapi-python-client",
        "generate",
        f"--path={CONTRACTS / NAME}",
        f"--output-path={target}",
        f"--config={_HERE / 'python.yaml'}",
        "--meta=uv",
        "--fail-on-warning",
    )
    return target


def make_typescript(target: Path) -> Path:
    """Generate the npm package with the types in `target`."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    run(
        "openapi-typescript",
        str(CONTRACTS / NAME),
        f"--output={target / 'index.d.ts'}",
        # A field with a default may be absent in a request.
        "--default-non-nullable=false",
    )
    fetch = json.loads((_HERE / "package.json").read_text())["dependencies"]["openapi-fetch"]
    package = {
        "name": PACKAGE,
        "version": f"{API_VERSION}.0",
        "private": True,
        "types": "index.d.ts",
        "peerDependencies": {"openapi-fetch": fetch},
    }
    (target / "package.json").write_text(json.dumps(package, indent=2) + "\n")
    return target


if __name__ == "__main__":
    for made in (make_python(TARGET / "python"), make_typescript(TARGET / "typescript")):
        print(made.relative_to(ROOT))
