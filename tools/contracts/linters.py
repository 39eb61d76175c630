"""Public linters over contracts/, installed in .venv-clients: Spectral for both documents, Redocly for the API."""

import subprocess
from pathlib import Path
from typing import Final

from tools.clients.__main__ import run
from tools.contracts.store import CONTRACTS

_HERE: Final = Path(__file__).parent
OPENAPI: Final = CONTRACTS / "openapi.yaml"
ASYNCAPI: Final = CONTRACTS / "asyncapi.yaml"


def spectral(document: Path) -> str:
    """Spectral's findings in a document, of any severity. Empty if there are none."""
    return _findings("spectral", "lint", "--fail-severity=hint", f"--ruleset={_HERE / 'spectral.yaml'}", document)


def redocly(document: Path) -> str:
    """Redocly's findings in an OpenAPI document. Empty if there are none."""
    return _findings("redocly", "lint", "--format=stylish", f"--config={_HERE / 'redocly.yaml'}", document)


def _findings(program: str, *arguments: str | Path) -> str:
    try:
        run(program, *map(str, arguments))
    except subprocess.CalledProcessError as error:
        return f"{error.stdout}{error.stderr}"
    return ""
