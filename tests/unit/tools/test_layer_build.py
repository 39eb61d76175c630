"""The layer is compiled by a Python of the target's version, wherever it is installed, or the build fails."""

import itertools
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from build_layer import build
from find_python import find
from target import BuildFailed, Target, parse

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
# No machine has it: what the tests find, they have put there.
VERSION = "3.97"
NO_UV_PYTHONS = "#!/bin/sh\necho '[]'\n"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def python(path: Path, said: str = f"cpython {VERSION} final") -> Path:
    """A program that answers as Python `said` does."""
    return program(path, f"#!/bin/sh\necho {said}\n")


def environment(place: Path) -> dict[str, str]:
    """A machine of its own in `place`: nothing but what the test installs."""
    return {"PATH": f"{place}/bin:/usr/bin:/bin", "HOME": f"{place}/home"}


def uv(place: Path, text: str = NO_UV_PYTHONS) -> str:
    return str(program(place / "uv", text))


def test_python_on_path_is_found(tmp_path: Path) -> None:
    installed = python(tmp_path / f"bin/python{VERSION}")
    assert find(VERSION, uv(tmp_path), environment(tmp_path)) == installed


@pytest.mark.parametrize("root", ["home/.pyenv", "elsewhere"])
def test_pyenv_version_is_found_though_its_shim_is_not_activated(tmp_path: Path, root: str) -> None:
    program(tmp_path / f"bin/python{VERSION}", "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    installed = python(tmp_path / f"{root}/versions/{VERSION}.4/bin/python{VERSION}")
    seen = environment(tmp_path) | ({} if root.startswith("home") else {"PYENV_ROOT": str(tmp_path / root)})
    assert find(VERSION, uv(tmp_path), seen) == installed


def test_python_that_uv_lists_is_found(tmp_path: Path) -> None:
    installed = python(tmp_path / f"managed/python{VERSION}")
    listing = f'#!/bin/sh\necho warning: broken shim >&2\necho \'[{{"path": null}}, {{"path": "{installed}"}}]\'\n'
    assert find(VERSION, uv(tmp_path, listing), environment(tmp_path)) == installed


def test_later_place_is_found_behind_a_broken_one(tmp_path: Path) -> None:
    program(tmp_path / f"bin/python{VERSION}", "#!/bin/sh\nexit 127\n")
    installed = python(tmp_path / f"second/python{VERSION}")
    seen = environment(tmp_path) | {"PATH": f"{tmp_path}/bin:{tmp_path}/second:/usr/bin:/bin"}
    assert find(VERSION, uv(tmp_path), seen) == installed


@pytest.mark.parametrize("said", ["cpython 3.96 final", f"cpython {VERSION} candidate", f"pypy {VERSION} final", ""])
def test_another_python_is_not_taken(tmp_path: Path, said: str) -> None:
    python(tmp_path / f"bin/python{VERSION}", said)
    with pytest.raises(BuildFailed, match=rf"uv python install {VERSION}"):
        find(VERSION, uv(tmp_path), environment(tmp_path))


def make(target: str, artifacts: Path, seen: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The layer build as `sam build` calls it: the target is the name of the working directory."""
    place = artifacts.parent / "scratch" / target
    place.mkdir(parents=True)
    command = ["make", "--makefile", str(ROOT / "layers/runtime/Makefile"), "build-RuntimeLayer"]
    seen = {**seen, "ARTIFACTS_DIR": str(artifacts)}
    return subprocess.run(command, cwd=place, env=seen, capture_output=True, text=True, timeout=120, check=False)


def test_build_without_the_targets_python_names_what_to_install(tmp_path: Path) -> None:
    program(tmp_path / f"bin/python{VERSION}", "#!/bin/sh\nexit 127\n")
    failed = make(f"python{VERSION}-arm64", tmp_path / "artifacts", environment(tmp_path))
    assert failed.returncode != 0
    assert f"uv python install {VERSION}" in failed.stderr
    assert f"{tmp_path}/home/.pyenv/versions" in failed.stderr
    assert not (tmp_path / "artifacts").exists()


@pytest.mark.parametrize("name", ["LAYER_PLATFORM", "LAYER_PYTHON"])
def test_build_with_an_old_setting_names_the_new_one(tmp_path: Path, name: str) -> None:
    """Ignoring it would build for another platform than its user asks for."""
    failed = make(f"python{OWN}-arm64", tmp_path / "artifacts", dict(os.environ) | {name: "x86_64-manylinux_2_28"})
    assert failed.returncode != 0
    assert name in failed.stderr
    assert "--parameter-overrides" in failed.stderr


@pytest.mark.parametrize("folder", ["a b", "a  b", " a", "it's", 'a "b"', "a;b & (c)", "a|b", "naïve"])
def test_layer_is_built_in_a_folder_of_any_name(tmp_path: Path, folder: str) -> None:
    """make splits names at spaces. Here the build ends where it reads its target: its own files were found."""
    layer = tmp_path / folder / "layers" / "runtime"
    shutil.copytree(ROOT / "layers/runtime", layer, ignore=shutil.ignore_patterns("securities_transactions", "targets"))
    place = tmp_path / "scratch" / "no target"
    place.mkdir(parents=True)
    command = ["make", "--makefile", str(layer / "Makefile"), "build-RuntimeLayer"]
    seen = dict(os.environ) | {"ARTIFACTS_DIR": str(tmp_path / "the artifacts")}
    failed = subprocess.run(command, cwd=place, env=seen, capture_output=True, text=True, timeout=120, check=False)
    assert failed.returncode != 0
    assert "'no target' is not a layer target" in failed.stderr


def test_build_outside_a_target_fails(tmp_path: Path) -> None:
    failed = make("runtime", tmp_path / "artifacts", dict(os.environ))
    assert failed.returncode != 0
    assert "'runtime' is not a layer target" in failed.stderr


def test_local_interpreter_of_another_version_fails(tmp_path: Path) -> None:
    seen = dict(os.environ) | {"LAYER_INTERPRETER": sys.executable}
    with pytest.raises(BuildFailed, match=rf"is not Python {VERSION}"):
        build(Target(VERSION, "arm64"), tmp_path / "artifacts", seen)


def test_every_target_has_its_directory() -> None:
    """`sam build` works in them; one that is missing cannot be built for."""
    found = {path.name for path in (ROOT / "layers/runtime/targets").iterdir() if path.is_dir()}
    versions = {parse(name).version for name in found}
    assert versions >= {"3.11", "3.12", "3.13", "3.14", OWN}
    assert found == {f"python{v}-{a}" for v, a in itertools.product(versions, ("arm64", "x86_64"))}


def test_stages_share_their_parameters_between_build_and_deploy() -> None:
    """Parameters of `deploy` alone would be unknown to the build of the layer."""
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text())
    stages.pop("version")
    deployed = {name: commands for name, commands in stages.items() if "deploy" in commands}
    assert deployed
    for name, commands in deployed.items():
        assert "parameter_overrides" in commands["global"]["parameters"], name
        assert "parameter_overrides" not in commands["deploy"]["parameters"], name
        assert not commands.get("build", {}).get("parameters", {}).get("cached"), name
    assert stages["default"]["build"]["parameters"]["cached"] is False


# Stands for uv: without --no-cache it installs a file that something has changed in its cache.
STALE_UV = """#!/bin/sh
case "$*" in *--link-mode\\ copy*) ;; *) exit 9;; esac
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/botocore/data" "$2/boto3/data" "$2/certifi" "$2/certifi-1.dist-info"
case "$*" in *--no-cache*) printf %s "$FRESH";; *) printf changed;; esac > "$2/certifi/cacert.pem"
echo '{"partitions": []}' > "$2/botocore/data/endpoints.json"
echo 'certifi/cacert.pem,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3' > "$2/certifi-1.dist-info/RECORD"
"""


@pytest.mark.parametrize(("fresh", "built"), [("abc", True), ("other", False)])
def test_file_that_was_changed_in_uvs_cache_is_not_built_in(tmp_path: Path, fresh: str, built: bool) -> None:
    """uv checks the hash of a download alone. The digest in the record is that of `abc`."""
    repository = tmp_path / "repository"
    shutil.copytree(ROOT / "layers/runtime", repository / "layers/runtime")
    program(repository / ".venv/bin/uv", STALE_UV)
    (repository / ".venv/bin/python").symlink_to(sys.executable)
    seen = dict(os.environ) | {"LAYER_INTERPRETER": sys.executable, "FRESH": fresh}
    place = tmp_path / f"python{OWN}-arm64"
    place.mkdir()
    command = ["make", "--makefile", str(repository / "layers/runtime/Makefile"), "build-RuntimeLayer"]
    seen |= {"ARTIFACTS_DIR": str(tmp_path / "artifacts")}
    run = subprocess.run(command, cwd=place, env=seen, capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode == 0) is built, run.stderr
    if built:
        assert (tmp_path / "artifacts/python/certifi/cacert.pem").read_text() == "abc"
    else:
        assert "certifi/cacert.pem" in run.stderr
