"""The handlers of one test."""

import pytest

from tests.unit.functions.harness import Rig


@pytest.fixture
def rig() -> Rig:
    """The API with empty tables."""
    return Rig()
