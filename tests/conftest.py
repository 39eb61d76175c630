"""The running product, the distribution of the suite over two workers, and the settings of property tests."""

import itertools
import json
import os
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]  # xdist ships no types

from tests import recorded_calls
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product, running

# The same examples everywhere and no wall time: a busy machine is no reason to fail.
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")

# They share one running product: on one worker it is started once. Each directory has the mark of what it needs.
_WITH_THE_PRODUCT = {"tests/integration/": "integration", "tests/browser/": "browser"}
# These start a product of their own, or none: they run beside the others.
_WITHOUT_IT = tuple(
    f"tests/integration/{name}.py"
    for name in ("test_artifact", "test_folder_with_a_space", "test_layer_targets", "test_restart", "test_stop")
)


class OneProduct(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types for its schedulers
    """A file is a unit of work; everything that needs the running product is a single one."""

    def _split_scope(self, nodeid: str) -> str:
        shared = nodeid.startswith(tuple(_WITH_THE_PRODUCT)) and not nodeid.startswith(_WITHOUT_IT)
        return "product" if shared else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneProduct:
    """Called by xdist where the suite runs on several workers."""
    return OneProduct(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before `-m` chooses: a test in a directory that needs the running product is marked with it.

    What is not a fast test adds nothing to the measured coverage: `make test` and `make coverage` measure the same.
    """
    for item in items:
        for directory, mark in _WITH_THE_PRODUCT.items():
            if item.nodeid.startswith(directory):
                item.add_marker(mark)
        if any(item.get_closest_marker(mark) for mark in ("integration", "browser", "long")):
            item.add_marker("no_cover")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the functions' logs and the Gateway's webhooks to the report of a failed test of the running product."""
    report = yield
    product = getattr(item, "funcargs", {}).get("product")
    if call.when == "call" and report.failed and isinstance(product, Product):
        with GatewayDriver(product.gateway_url) as driver:
            hits = [hit for hit in driver.webhooks()["webhooks"] if hit["attempts"]]
        sent = [f"{hit['attempts'][0]['at']} {json.dumps(hit)}" for hit in hits]
        report.sections.append(("what the functions logged", "\n".join(product.aws.logged(since=call.start))))
        report.sections.append(("webhooks of the Gateway", "\n".join(sent[-40:])))
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make iam` says where the calls that functions make are to be written."""
    parser.addoption("--calls", type=Path, help="a directory for the calls that functions make to AWS")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Each process of the test run has recorded its own."""
    directory = session.config.getoption("--calls")
    if directory is not None:
        recorded_calls.save(directory / f"{os.getpid()}.jsonl")


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The whole product, running."""
    with running() as product:
        yield product


@pytest.fixture
def gateway(product: Product) -> Iterator[GatewayDriver]:
    """The simulator's admin API; its faults and settings are as they were when the test ends."""
    with GatewayDriver(product.gateway_url) as driver:
        settings = driver.settings()
        yield driver
        driver.reset(settings)


@pytest.fixture
def user() -> str:
    """A new user."""
    return f"user-{next(_numbers)}-{uuid.uuid4().hex[:8]}"
