"""The workflows: pinned, without excess permissions, and in the order dev, staging, prod.

`make lint` checks them with zizmor and the published schemas. These tests check the rest.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.test_samconfig import SETTINGS, STAGES
from tests.simulation.messaging import template
from tools.artifact.shipped import deployed

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".github/workflows"
TEXTS = {path.stem: path.read_text() for path in sorted(PLACE.glob("*.yml"))}
# YAML 1.1 reads the key `on` as true.
WORKFLOWS: dict[str, Any] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
# Every file that `make lock` compiles, and from what.
LOCKS = [ROOT / each for each in re.findall(r"\$\(LOCK\) (\S+\.in)", (ROOT / "Makefile").read_text())]
NODE = [path.parent for path in ROOT.glob("tools/*/package-lock.json")]


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in WORKFLOWS[name]["jobs"].values() for step in job.get("steps", [])]


def commands(name: str) -> list[str]:
    return [line.strip() for step in steps(name) for line in step.get("run", "").splitlines()]


def test_workflows_and_lock_files_are_found() -> None:
    assert len(LOCKS) >= 8
    assert len(NODE) >= 2
    assert set(WORKFLOWS) == {"audit", "ci", "deploy", "stage"}


@pytest.mark.parametrize("name", TEXTS)
def test_each_action_is_pinned_by_commit_with_its_version_beside_it(name: str) -> None:
    used = re.findall(r"uses: (.*)", TEXTS[name])
    assert used
    for each in used:
        assert re.fullmatch(r"\./\.github/workflows/\w+\.yml|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


def test_an_action_has_one_version() -> None:
    pins = {re.sub(r"@.*", "", each): each for text in TEXTS.values() for each in re.findall(r"uses: (\w.*)", text)}
    assert {each for text in TEXTS.values() for each in re.findall(r"uses: (\w.*)", text)} == set(pins.values())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_workflow_has_rights_or_secrets_that_it_does_not_need(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}
    assert "secrets." not in TEXTS[name]
    for job in WORKFLOWS[name]["jobs"].values():
        expected = {"contents": "read"}
        if name == "stage" or "stage.yml" in job.get("uses", ""):
            expected["id-token"] = "write"
        assert job["permissions"] == expected


def test_ci_runs_what_ci_runs_here() -> None:
    assert ".ci/run" in commands("ci")


def test_stages_follow_one_another_and_the_check_comes_first() -> None:
    jobs = WORKFLOWS["deploy"]["jobs"]
    order = ["check", *STAGES]
    assert list(jobs) == order
    assert [jobs[each].get("needs") for each in order] == [None, *order[:-1]]
    assert [jobs[each]["with"]["stage"] for each in STAGES] == STAGES
    assert WORKFLOWS["deploy"]["concurrency"]["cancel-in-progress"] is False


def test_stage_is_deployed_only_as_checked_and_ends_with_a_smoke_test() -> None:
    run = [command for command in commands("stage") if command.startswith(("make", "cmp"))]
    assert [command.split()[:2] for command in run] == [
        ["make", "artifact"],
        ["cmp", "checked.cdx.json"],
        ["make", "deploy"],
        ["make", "protect"],
        ["make", "smoke"],
    ]
    [protect] = [step for step in steps("stage") if "make protect" in step.get("run", "")]
    assert protect["if"] == "inputs.stage == 'prod'"
    [job] = WORKFLOWS["stage"]["jobs"].values()
    assert job["environment"] == "${{ inputs.stage }}"


def test_credentials_come_after_what_installs_packages() -> None:
    names = [step.get("uses", step.get("run", "")) for step in steps("stage")]
    [credentials] = [index for index, name in enumerate(names) if name.startswith("aws-actions/")]
    [install] = [index for index, name in enumerate(names) if "make artifact" in name]
    assert install < credentials


def test_one_artifact_fits_all_stages() -> None:
    fits = {stage: deployed(template(), SETTINGS, stage, []) for stage in ["default", *STAGES]}
    assert len(set(fits.values())) == 1, fits


def test_zizmor_finds_an_action_that_is_pinned_by_its_tag(tmp_path: Path) -> None:
    """The linter looks: it fails where a workflow is as it must not be."""
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    path = tmp_path / ".github/workflows/audit.yml"
    path.write_text(re.sub(r"checkout@[0-9a-f]{40} # v[\d.]+", "checkout@v7", path.read_text()))
    zizmor = Path(sys.executable).parent / "zizmor"
    command = [str(zizmor), "--quiet", "--offline", "--persona", "pedantic", str(tmp_path / ".github")]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode != 0
    assert "unpinned-uses" in found.stdout


@pytest.mark.parametrize("source", LOCKS, ids=lambda path: path.name)
def test_lock_files_have_the_options_that_dependabot_reads(source: Path) -> None:
    """It compiles a file with the options that stand in it (compile_file_updater.rb of dependabot-core's uv)."""
    text = source.with_suffix(".txt").read_text()
    assert re.match(r"# This file was autogenerated by uv", text)
    assert "--universal" in text.splitlines()[1]
    assert "--python-version 3.11" in text.splitlines()[1]
    configured = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"][0]["directories"]
    assert f"/{source.parent.relative_to(ROOT).as_posix()}".replace("/.", "/") in configured


def test_dependabot_looks_at_every_lock_file_of_node() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    [node] = [each for each in updates if each["package-ecosystem"] == "npm"]
    assert {ROOT / directory.lstrip("/") for directory in node["directories"]} == set(NODE)


def test_the_tests_have_the_versions_of_the_layer() -> None:
    """The tests use the deployed versions. If only one of the files is newer, run `make lock`."""

    def pins(path: str) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / path).read_text(), re.MULTILINE))

    layer, tests = pins("layers/runtime/requirements.txt"), pins("requirements-dev.txt")
    assert len(layer) > 15
    assert {name: tests.get(name) for name in layer} == layer
