"""Places of the download caches of pip, uv and npm, as `make` sets them."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOW = "caches: ; @echo $${PIP_CACHE_DIR-none} $${UV_CACHE_DIR-none} $${npm_config_cache-none}"


def caches(home: Path, **more: str) -> list[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), **more}
    run = subprocess.run(
        ["make", "--eval", SHOW, "caches"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout.split()


def test_caches_are_in_the_home_that_can_be_written(tmp_path: Path) -> None:
    home = tmp_path / "a b"
    home.mkdir()
    assert caches(home) == ["none"] * 3


def test_caches_are_in_this_folder_without_such_a_home(tmp_path: Path) -> None:
    local = str(ROOT / ".local" / "cache")
    assert caches(tmp_path / "none") == [f"{local}/pip", f"{local}/uv", f"{local}/npm"]


@pytest.mark.parametrize("home", ["here", "none"])
def test_caches_are_where_their_variables_say(tmp_path: Path, home: str) -> None:
    (tmp_path / "here").mkdir()
    given = {"PIP_CACHE_DIR": "/elsewhere/pip", "UV_CACHE_DIR": "/elsewhere/uv", "npm_config_cache": "/elsewhere/npm"}
    assert caches(tmp_path / home, **given) == list(given.values())
