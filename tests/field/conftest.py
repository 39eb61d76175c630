"""The product of one test."""

import pytest

from tests.field.harness import Field


@pytest.fixture
def field() -> Field:
    """One user's world with empty tables."""
    return Field()
