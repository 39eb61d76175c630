"""The repository in a folder whose name has a space: `make demo` builds, deploys and trades there."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.polling import PATIENCE

ROOT = Path(__file__).parents[2]
# What the other tests make and use here is no part of the repository.
MADE_HERE = shutil.ignore_patterns(
    ".git", ".venv*", ".local", ".aws-sam", ".*_cache", ".hypothesis", "__pycache__", "artifacts"
)


def test_demo_runs_in_a_folder_with_a_space(tmp_path: Path) -> None:
    place = tmp_path / "the products of a team"
    shutil.copytree(ROOT, place, ignore=MADE_HERE)
    for installed in (".venv", ".venv-engine"):
        (place / installed).symlink_to(ROOT / installed)
    seen = {name: value for name, value in os.environ.items() if not name.startswith(("LAYER_", "MAKE", "PYTHON"))}
    command = ["make", "demo", "ARGS=--port 0 --gateway-port 0 --issuer-port 0"]
    run = subprocess.run(
        command, cwd=place, env=seen, capture_output=True, text=True, timeout=PATIENCE * 4, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    assert list(place.glob(".local/build/*/built/RuntimeLayer/python/securities_transactions"))
