"""Everything that the simulation publishes keeps to the contracts: faults, corrections and all."""

from typing import Any

import pytest

from securities_transactions.domain.decimal_json import loads
from securities_transactions.events.schemas import CATALOGUE
from tests.simulation.messaging import EventBridge
from tests.simulation.product import simulated
from tests.simulation.schedule import Schedule
from tools.contracts.examples import received
from tools.contracts.validation import violations

SEEDS = 200
INTERNAL = "ConfirmationRequested"


@pytest.mark.long
def test_every_event_of_the_simulation_keeps_to_its_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """And every type of the catalogue is among them but one, which the tests on the engine make happen."""
    published: dict[str, dict[str, Any]] = {}
    put = EventBridge.put_events

    def watched(self: EventBridge, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        for entry in Entries:
            if entry["DetailType"] != INTERNAL:
                published[entry["Detail"]] = received(entry["DetailType"], loads(entry["Detail"]))
        return put(self, Entries=Entries)

    monkeypatch.setattr(EventBridge, "put_events", watched)
    with simulated():
        for seed in range(SEEDS):
            Schedule(seed, False).run()

    assert [line for event in published.values() for line in violations(event)] == []
    catalogue = {model.detail_type for model in CATALOGUE}
    assert {event["detail-type"] for event in published.values()} >= catalogue - {"OrdersRetracted"}
