"""Every event that the simulation publishes matches its contract, including faults and corrections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from securities_transactions.bootstrap import Application
from securities_transactions.domain.decimal_json import loads
from securities_transactions.events.schemas import CATALOGUE
from tests.simulation.product import Bug, simulated
from tests.simulation.schedule import Schedule
from tools.contracts.examples import received
from tools.contracts.validation import violations

SEEDS = 200


@dataclass
class Watch:
    """The entries sent to the buses of applications, by their detail."""

    published: dict[str, dict[str, Any]] = field(default_factory=dict)

    def over(self, application: Application) -> None:
        """Watch the bus of an application before its first function is made."""
        clients: Any = application.clients
        clients.events = WatchedBus(clients.events, self)


@dataclass
class WatchedBus:
    """A bus that notes every entry, also those that it refuses then."""

    bus: Any
    watch: Watch

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> Any:
        """PutEvents."""
        for entry in Entries:
            self.watch.published[entry["Detail"]] = received(entry["DetailType"], loads(entry["Detail"]))
        return self.bus.put_events(Entries=Entries)


@pytest.mark.long
def test_every_event_of_the_simulation_keeps_to_its_contract() -> None:
    """And every type of the catalogue is among them but one, which the tests on the engine make happen."""
    watch = Watch()
    with simulated():
        for seed in range(SEEDS):
            # The seam where bugs are planted: no bug, just a look.
            Schedule(seed, bug=Bug(application=watch.over)).run()

    published = watch.published.values()
    assert [line for event in published for line in violations(event)] == []
    catalogue = {model.detail_type for model in CATALOGUE}
    assert {event["detail-type"] for event in published} >= catalogue - {"OrdersRetracted"}
