"""One fresh Gateway per test, or several with settings of the test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.simulator.harness import Rig


@pytest.fixture
def make_rig() -> Iterator[Callable[..., Rig]]:
    """Gateways with settings: `make_rig(market="closed")`."""
    with ExitStack() as up:

        def make(**settings: Any) -> Rig:
            return up.enter_context(Rig(**settings))

        yield make


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """A Gateway with the default settings."""
    return make_rig()
