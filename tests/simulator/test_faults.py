"""Every deliberate fault, row by row of docs/reference/gateway.md §14."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulator.harness import API_SECRET, Rig, order
from tools.gateway_simulator import webhooks
from tools.gateway_simulator.faults import CallFault, Faults, WebhookFaults, WireFaults
from tools.gateway_simulator.settings import Settings
from tools.gateway_simulator.wire import dumps

PATH = "/gateway/demo-gw/transaction"
DOCS = Path(__file__).parents[2] / "docs" / "reference" / "gateway.md"


@pytest.mark.parametrize("endpoint", ["create", "details", "orders"])
@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_any_call_can_fail_for_a_while(rig: Rig, endpoint: str, status: int) -> None:
    """§1.4, §14: 4xx, 5xx, 429 with Retry-After, a number of times and then no more."""
    transaction_id = rig.trade()
    calls: dict[str, Callable[[], httpx.Response]] = {
        "create": lambda: rig.server("POST", PATH, order()),
        "details": lambda: rig.server("GET", f"/v1/demo-gw/engine/transactiondetails?transactionId={transaction_id}"),
        "orders": lambda: rig.server("GET", f"/v1/demo-gw/engine/orders/sst?transactionId={transaction_id}"),
    }
    call = calls[endpoint]
    rig.faults(**{endpoint: {"kind": "status", "status": status, "retryAfter": 7, "times": 2}})
    answers = [call(), call(), call()]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert answers[0].json()["success"] is False


def test_a_200_may_say_success_false(rig: Rig) -> None:
    """§1.4: to be treated as an error."""
    rig.faults(create={"kind": "success_false", "error": "no"})
    answer = rig.server("POST", PATH, order())
    assert (answer.status_code, answer.json()["success"], answer.json()["errors"]) == (200, False, ["no"])


def test_a_200_may_be_no_json(rig: Rig) -> None:
    """§14: as a proxy's page would be."""
    rig.faults(create={"kind": "garbage"})
    answer = rig.server("POST", PATH, order())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(("kind", "status", "made"), [("timeout", 504, 0), ("slow", 200, 1)])
def test_an_answer_can_be_late(rig: Rig, kind: str, status: int, made: int) -> None:
    """§14: with the work done (slow) or not (timeout)."""
    rig.faults(create={"kind": kind, "seconds": Decimal("0.05")})
    assert rig.server("POST", PATH, order()).status_code == status
    assert len(rig.sim("GET", "/transactions")["transactions"]) == made


def test_create_can_succeed_while_its_answer_is_lost(rig: Rig) -> None:
    """§14: the transaction is there, the caller never learns its id."""
    rig.faults(create={"kind": "lost", "times": 1})
    with pytest.raises((ConnectionAbortedError, httpx.HTTPError)):
        rig.server("POST", PATH, order())
    assert len(rig.sim("GET", "/transactions")["transactions"]) == 1


def test_the_next_webhooks_can_be_lost(rig: Rig) -> None:
    """§14: as many as said; what is lost is on record and never sent."""
    rig.faults(webhooks={"loseNext": 2})
    rig.sim("PUT", "/settings", {"fillWebhooks": "never"})
    rig.trade("complete")
    assert rig.received == []
    rig.trade("complete")
    assert rig.statuses() == ["PLACED", "COMPLETED"]
    assert [hit["state"] for hit in rig.sim("GET", "/webhooks")["webhooks"]].count("lost") == 2


def test_all_webhooks_can_be_lost(rig: Rig) -> None:
    """§14: a share of one."""
    rig.faults(webhooks={"lost": 1})
    rig.trade()
    rig.advance(100 * 3600)
    assert rig.received == []


def test_webhooks_can_come_twice(rig: Rig) -> None:
    """§14: the same body, timestamp and checksum."""
    rig.faults(webhooks={"duplicateNext": 1})
    rig.trade("unplaced")
    assert len(rig.received) == 2
    assert rig.received[0] == rig.received[1]


def test_webhooks_can_be_late(rig: Rig) -> None:
    """§14: by 24 hours, at the clock's pace, with the timestamp of when they were due."""
    rig.faults(webhooks={"delaySeconds": 24 * 3600})
    rig.trade("unplaced")
    assert rig.received == []
    rig.advance(24 * 3600)
    assert rig.statuses() == ["UNPLACED"]


def test_webhooks_can_come_in_the_wrong_order(rig: Rig) -> None:
    """§14: the final one first, then those before it, newest first."""
    rig.faults(webhooks={"finalFirst": True})
    rig.trade("complete", securities=[{"ticker": "INFY", "type": "BUY", "quantity": 4}])
    assert rig.statuses() == ["COMPLETED", "PLACED", "PLACED"]
    assert [body["orders"][0]["filledQuantity"] for body in rig.received[1:]][-1] == 0


def test_hits_of_a_batch_can_share_timestamp_and_checksum(rig: Rig) -> None:
    """§4.2, §14: neither identifies a hit."""
    rig.faults(webhooks={"sameTimestamp": True})
    rig.trade()
    assert len({(body["timestamp"], body["checksum"]) for body in rig.received}) == 1
    assert len(rig.received) > 1


def test_genuine_hits_can_be_old(rig: Rig) -> None:
    """§14: signed two days ago, for tests of what is done with stale timestamps."""
    rig.faults(webhooks={"stampOffsetSeconds": -48 * 3600})
    rig.trade("unplaced")
    rig.faults()
    rig.trade("unplaced")
    assert rig.received[0]["timestamp"][:10] < rig.received[1]["timestamp"][:10]


@pytest.mark.parametrize("variant", ["reversed", "base64", "upper", "plain_sha256", "wrong_key", "gateway_secret"])
def test_hits_can_carry_wrong_checksums(rig: Rig, variant: str) -> None:
    """§4.2, §14: the negative tests of the checksum."""
    rig.trade("unplaced")
    rig.faults(webhooks={"checksum": variant})
    rig.trade("unplaced")
    good, bad = (body["checksum"] for body in rig.received)
    assert good != bad


def test_a_genuine_seal_can_be_put_on_another_body(rig: Rig) -> None:
    """§4.2, §14: the checksum covers no body; timestamp and checksum stay, the orders do not."""
    transaction_id = rig.trade()
    changes = {"orders": [{"filledQuantity": 999}], "status": "COMPLETED"}
    rig.sim("POST", "/webhooks/forge", {"transactionId": transaction_id, "changes": changes})
    genuine, forged = rig.received[-2:]
    assert forged["orders"][0] == genuine["orders"][0] | {"filledQuantity": 999}
    assert forged["orders"][1:] == genuine["orders"][1:]
    assert (forged["timestamp"], forged["checksum"]) == (genuine["timestamp"], genuine["checksum"])
    assert rig.truth(transaction_id)["batch"]["orders"][0]["filledQuantity"] == 3


@pytest.mark.parametrize("checksum", ["genuine", "wrong_key", "missing"])
def test_a_forged_body_can_be_signed_in_any_way(rig: Rig, checksum: str) -> None:
    """§14: what an attacker with or without the secret would send; it is never repeated."""
    transaction_id = rig.trade("unplaced")
    rig.answer = lambda _: 401
    sent = rig.sim(
        "POST", "/webhooks/forge", {"transactionId": transaction_id, "changes": {"notes": "x"}, "checksum": checksum}
    )
    rig.advance(100 * 3600)
    assert [attempt["status"] for attempt in sent["attempts"]] == [401]
    assert ("checksum" in sent["attempts"][0]["body"]) is (checksum != "missing")
    assert len(rig.sim("GET", "/webhooks")["webhooks"][-1]["attempts"]) == 1


def test_a_body_of_ones_own_is_sent_as_it_is(rig: Rig) -> None:
    """§14: anything at all."""
    rig.sim("POST", "/webhooks/forge", {"body": {"batchId": 3, "orders": "no"}})
    assert rig.received == [{"batchId": 3, "orders": "no"}]


@pytest.mark.parametrize("restamp", [False, True])
def test_an_earlier_hit_can_be_replayed(rig: Rig, restamp: bool) -> None:
    """§14: as it was, or with a timestamp of now."""
    transaction_id = rig.trade("unplaced")
    rig.sim("POST", "/webhooks/replay", {"transactionId": transaction_id, "restamp": restamp})
    first, second = rig.received
    assert (first["timestamp"] != second["timestamp"]) is restamp
    assert {**first, "timestamp": 0, "checksum": 0} == {**second, "timestamp": 0, "checksum": 0}


def test_an_earlier_hit_can_be_duplicated(rig: Rig) -> None:
    """§14: several times, exactly as it was."""
    rig.trade("unplaced")
    rig.sim("POST", "/webhooks/duplicate", {"hit": 1, "times": 3})
    assert rig.received == [rig.received[0]] * 4


@pytest.mark.parametrize(
    ("wire", "look"),
    [
        ({"errorCode": "brandNew"}, lambda body: body["orders"][0]["errorCode"] == "brandNew"),
        ({"status": "FROZEN"}, lambda body: [o["status"] for o in body["orders"]] == ["FROZEN", "REJECTED"]),
        ({"dropNotes": True}, lambda body: "notes" not in body),
        ({"leprechaun": True}, lambda body: body["broker"] == "kite-leprechaun"),
        ({"extraFields": {"novelty": {"a": 1}}}, lambda body: body["novelty"] == {"a": 1}),
    ],
)
def test_payloads_can_be_odd(rig: Rig, wire: dict[str, Any], look: Callable[[Any], bool]) -> None:
    """§14: unknown errorCode and status, no notes, the test suffix, keys from the future; the pull says the same."""
    rig.faults(wire=wire)
    transaction_id = rig.trade("rejected")
    assert look(rig.received[-1])
    assert look(rig.orders(f"transactionId={transaction_id}")[0])


def test_cancelled_amo_may_come_with_an_underscore(rig: Rig) -> None:
    """§4.5: accepted defensively, so it can be sent."""
    rig.faults(wire={"cancelledUnderscore": True})
    rig.trade("amo_cancelled")
    assert {o["status"] for o in rig.received[-1]["orders"]} == {"CANCELLED_AMO"}


def test_amounts_can_carry_binary_noise(rig: Rig) -> None:
    """§4.3, §14: as 1575.0900000000001; otherwise amounts are exact to the paisa."""
    rig.trade()
    assert rig.received[-1]["buyAmount"] == round(rig.received[-1]["buyAmount"], 2)
    rig.faults(wire={"floatArtefacts": True})
    rig.trade()
    assert re.search(r"\.\d\d0+1\b", dumps(rig.received[-1]["buyAmount"]))


def test_faults_can_be_one_transactions_own(rig: Rig) -> None:
    """§14: others are not touched, and what it does not name stays as for all."""
    rig.faults(wire={"leprechaun": True})
    mine = rig.create()
    rig.login(mine, faults={"wire": {"dropNotes": True}, "webhooks": {"duplicateNext": 1}})
    rig.confirm(mine, scenario="unplaced")
    rig.trade("unplaced")
    first, twin, other = rig.received
    assert first == twin
    assert ("notes" in first, "notes" in other) == (False, True)
    assert first["broker"] == other["broker"] == "kite-leprechaun"


@pytest.mark.parametrize(
    "body", [{"create": {"kind": "explode"}}, {"nonsense": 1}, {"webhooks": {"lost": 2}}, {"detailsLagSeconds": -1}]
)
def test_faults_that_make_no_sense_are_refused(rig: Rig, body: dict[str, Any]) -> None:
    """A misspelt fault never passes for none."""
    answer = rig.call("PUT", "/_sim/faults", body)
    assert answer.status_code == 400
    assert rig.sim("GET", "/faults")["create"] is None


def test_every_knob_the_contract_page_names_exists() -> None:
    """docs/reference/gateway.md marks settings of the simulator with *sim*; each is really there."""
    named = set(re.findall(r"\*[Ss]im\* (?:fault )?`([\w.]+)`", DOCS.read_text()))
    settings = {field.alias for field in Settings.model_fields.values()}
    faults = {field.alias for field in Faults.model_fields.values()}
    for group, model in (("webhooks", WebhookFaults), ("wire", WireFaults), ("create", CallFault)):
        faults |= {f"{group}.{field.alias}" for field in model.model_fields.values()}
    assert len(named) > 10
    assert named - settings - faults == set()


def test_settings_and_faults_can_be_read_and_put_back(rig: Rig) -> None:
    """A test that changes them can restore what was there; the secrets are not shown."""
    settings, faults = rig.sim("GET", "/settings"), rig.sim("GET", "/faults")
    assert not [name for name in settings if "ecret" in name and name != "refusals"]
    rig.sim("PUT", "/settings", {"detailsNesting": "data", "retrySeconds": [1]})
    rig.faults(detailsLagSeconds=5, wire={"leprechaun": True})
    rig.sim("PUT", "/settings", settings)
    rig.sim("PUT", "/faults", faults)
    assert (rig.sim("GET", "/settings"), rig.sim("GET", "/faults")) == (settings, faults)
    rig.trade()
    assert rig.received[-1]["broker"] == "kite"


def test_the_api_secret_can_be_rotated_while_it_runs(rig: Rig) -> None:
    """§5: from then on calls need, and webhooks are signed with, the new one."""
    rig.trade("unplaced")
    rig.sim("PUT", "/settings", {"apiSecret": "another_api_secret_that_is_not_real", "otherApiSecrets": [API_SECRET]})
    assert rig.server("POST", PATH, order()).status_code == 200
    rig.sim("PUT", "/settings", {"otherApiSecrets": []})
    assert rig.server("POST", PATH, order()).status_code == 401
    rig.sim("POST", "/webhooks/replay", {"hit": 1, "restamp": True})
    body = rig.received[-1]
    new = webhooks.checksum("another_api_secret_that_is_not_real", body["timestamp"], body["smallcaseAuthId"])
    assert body["checksum"] == new
