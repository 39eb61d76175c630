"""samconfig.toml: each stage is complete, and sets only what the template has."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.messaging import template

SETTINGS: dict[str, Any] = tomllib.loads((Path(__file__).parents[2] / "samconfig.toml").read_text())
STAGES = [stage for stage in template()["Parameters"]["Stage"]["AllowedValues"] if stage != "local"]


def overrides(stage: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in SETTINGS[stage]["global"]["parameters"]["parameter_overrides"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_its_region_stack_and_tags(stage: str) -> None:
    shared, deploy = SETTINGS[stage]["global"]["parameters"], SETTINGS[stage]["deploy"]["parameters"]
    assert shared["region"] == "ap-south-1"
    assert deploy["stack_name"] == f"securities-transactions-{stage}"
    tags = dict(tag.split("=") for tag in deploy["tags"].split())
    assert tags == {"application": "securities-transactions", "stage": stage}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_sets_every_required_parameter_and_no_unknown_one(stage: str) -> None:
    parameters = template()["Parameters"]
    required = {name for name, each in parameters.items() if "Default" not in each}
    assert overrides(stage)["Stage"] == stage
    assert required <= set(overrides(stage)) <= set(parameters)


def test_no_two_stages_share_a_stack() -> None:
    names = [SETTINGS[stage]["deploy"]["parameters"]["stack_name"] for stage in STAGES]
    assert len(set(names)) == len(names)
