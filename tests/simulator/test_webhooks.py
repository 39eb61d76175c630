"""Webhooks, their times and retries, row by row of docs/reference/gateway.md §4.1, §4.2 and §4.4."""

import base64
import hashlib
import hmac
import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.harness import API_SECRET, GATEWAY_SECRET, Rig
from tools.gateway_simulator import webhooks

STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
MINUTES, HOURS = 60, 3600


def test_the_checksum_is_the_documented_one() -> None:
    """§4.2: lower-case hex of HMAC-SHA256 over timestamp then id, by the contract's own test vector."""
    secret, timestamp = "test_api_secret_not_real", "2026-01-15T04:30:12.345Z"
    auth_id, transaction_id = "65a1b2c3d4e5f60718293a4b", "TRX_0123456789abcdef0123456789abcdef"
    good = "77ab23737db3fe2ebcaf55e111e56b6177bcf8c182ab3776ee43d73448677ddf"
    funds = "e6aeca0358669ebf7e2372a081af016019d371da988d35b6d4b35bb7302a6ede"
    assert webhooks.checksum(secret, timestamp, auth_id) == good
    assert webhooks.checksum(secret, timestamp, transaction_id) == funds


@pytest.mark.parametrize(
    ("variant", "value"),
    [
        ("genuine", "77ab23737db3fe2ebcaf55e111e56b6177bcf8c182ab3776ee43d73448677ddf"),
        ("reversed", "e05b97e6e287bebe2f138b63dce0063edd43eb59627b3125fb8aefbcb01a1c81"),
        ("base64", "d6sjc32z/i68r1XhEeVrYXe8+MGCqzd27kPXNEhnfd8="),
        ("plain_sha256", "38d1ebddfbdada578994090e84f180bb1986ee4b43d444b5db832ed22a518b4f"),
        ("upper", "77AB23737DB3FE2EBCAF55E111E56B6177BCF8C182AB3776EE43D73448677DDF"),
        ("truncated", "77ab23737db3fe2ebcaf55e111e56b61"),
        ("missing", None),
    ],
)
def test_each_wrong_checksum_is_wrong_in_its_way(variant: Any, value: str | None) -> None:
    """§4.2, §14: the negative variants are those of the contract's table."""
    timestamp, auth_id = "2026-01-15T04:30:12.345Z", "65a1b2c3d4e5f60718293a4b"
    secrets = {"api_secret": "test_api_secret_not_real", "gateway_secret": "another"}
    body = webhooks.signed({"a": 1}, auth_id, timestamp, variant=variant, **secrets)
    assert (body["a"], body["timestamp"], body.get("checksum")) == (1, timestamp, value)


def test_every_hit_is_signed(rig: Rig) -> None:
    """§4.2: the timestamp is ISO 8601 UTC with milliseconds, the key is the API secret, not the JWT's."""
    rig.trade()
    for body in rig.received:
        assert STAMP.fullmatch(body["timestamp"])
        assert body["checksum"] == _hmac(API_SECRET, body["timestamp"] + body["smallcaseAuthId"])
        assert body["checksum"] != _hmac(GATEWAY_SECRET, body["timestamp"] + body["smallcaseAuthId"])


@pytest.mark.parametrize(
    ("setting", "statuses"),
    [
        ("never", ["PLACED", "COMPLETED"]),
        ("open", ["PLACED", "COMPLETED"]),
        ("always", ["PLACED", "PLACED", "PLACED", "PLACED", "COMPLETED"]),
    ],
)
def test_placed_comes_first_and_the_final_state_last(
    make_rig: Callable[..., Rig], setting: str, statuses: list[str]
) -> None:
    """§4.1: at least two hits per order. A setting decides whether fills of a market order are sent."""
    rig = make_rig(fill_webhooks=setting)
    rig.trade()
    assert rig.statuses() == statuses


def test_updates_of_an_open_order_are_sent(make_rig: Callable[..., Rig]) -> None:
    """§4.1: each change of an AMO or limit order is a hit."""
    rig = make_rig(fill_webhooks="open")
    rig.trade("amo")
    assert rig.statuses() == ["PLACED", "PLACED", "PLACED", "PLACED", "COMPLETED"]


def test_nothing_is_sent_before_the_order_is_placed(rig: Rig) -> None:
    """§4.1: creating, logging in and leaving are no webhook events."""
    transaction_id = rig.create()
    rig.login(transaction_id)
    rig.sim("POST", f"/transactions/{transaction_id}/close")
    rig.advance(7 * 24 * HOURS)
    assert rig.sim("GET", "/webhooks")["webhooks"] == []


@pytest.mark.parametrize(
    ("cumulative", "times"),
    [
        (True, [0, 15 * MINUTES, 15 * MINUTES + 24 * HOURS, 15 * MINUTES + 72 * HOURS]),
        (False, [0, 15 * MINUTES, 24 * HOURS, 48 * HOURS]),
    ],
)
def test_a_failed_hit_is_repeated_three_times(make_rig: Callable[..., Rig], cumulative: bool, times: list[int]) -> None:
    """§4.1: after 15 min, 24 h, 48 h; whether the delays add up is a setting."""
    rig = make_rig(retries_cumulative=cumulative, fill_webhooks="never")
    rig.answer = lambda _: 500
    transaction_id = rig.create()
    rig.login(transaction_id)
    rig.confirm(transaction_id, scenario="open")
    for number, (since, until) in enumerate(itertools.pairwise(times), start=1):
        rig.advance(until - since - 10)
        assert len(_attempts(rig)) == number, "nothing is sent before its time"
        rig.advance(10)
        assert len(_attempts(rig)) == number + 1
    rig.advance(1000 * HOURS)
    assert len(_attempts(rig)) == 4


@pytest.mark.parametrize(
    ("status", "is_repeated"),
    [(200, False), (201, False), (204, False), (301, True), (400, True), (401, True), (503, True)],
)
def test_anything_but_2xx_is_a_failure(rig: Rig, status: int, is_repeated: bool) -> None:
    """§4.1: what counts as failure is not published; non-2xx does."""
    rig.answer = lambda _: status
    rig.trade("unplaced")
    rig.advance(15 * MINUTES)
    assert len(_attempts(rig)) == (2 if is_repeated else 1)


def test_repeated_hit_contains_the_past_state(rig: Rig) -> None:
    """§4.1: a PLACED can arrive after COMPLETED, its body as it was."""
    rig.answer = lambda body: 503 if body["status"] == "PLACED" else 200
    rig.trade()
    rig.answer = lambda _: 200
    rig.advance(15 * MINUTES)
    assert rig.statuses()[0] == "COMPLETED"
    assert set(rig.statuses()[1:]) == {"PLACED"}


@pytest.mark.parametrize("restamps", [False, True])
def test_signing_of_a_retry_is_a_setting(make_rig: Callable[..., Rig], restamps: bool) -> None:
    """§4.2, §14: unknown at the vendor."""
    rig = make_rig(restamp_retries=restamps)
    rig.answer = lambda _: 503
    rig.trade("unplaced")
    rig.advance(15 * MINUTES)
    first, second = _attempts(rig)
    assert (first["body"]["timestamp"] != second["body"]["timestamp"]) is restamps


def test_every_attempt_is_on_record(rig: Rig) -> None:
    """§4.1: body, answer and time of each, and when the next is due."""
    rig.answer = lambda _: 500
    transaction_id = rig.trade("unplaced")
    hits = rig.sim("GET", f"/webhooks?transactionId={transaction_id}")["webhooks"]
    assert [(hit["label"], hit["origin"], hit["state"]) for hit in hits] == [("UNPLACED", "genuine", "waiting")]
    assert hits[0]["attempts"][0]["status"] == 500
    assert STAMP.fullmatch(hits[0]["nextAttemptAt"])


@pytest.mark.parametrize(
    ("kind", "present", "absent"),
    [
        ("holdings_import", {"securities", "smallcases", "smallcaseAuthId"}, {"batchId"}),
        ("holdings_import_v2", {"securities", "snapshotDate", "smallcaseAuthId"}, {"batchId", "smallcases"}),
        ("mf_holdings_import", {"transactionId", "intent"}, {"batchId", "smallcaseAuthId"}),
        ("pending_action", {"iscid", "smallcaseAuthId"}, {"batchId", "orders"}),
        ("unknown", {"somethingNew", "smallcaseAuthId"}, {"batchId", "orders"}),
    ],
)
def test_webhooks_of_other_kinds_have_their_signs(rig: Rig, kind: str, present: set[str], absent: set[str]) -> None:
    """§4.4: distinguished by their keys; mutual funds are signed with the transactionId."""
    rig.sim("POST", "/webhooks/other", {"kind": kind})
    body = rig.received[-1]
    assert present <= body.keys()
    assert not absent & body.keys()
    subject = body.get("smallcaseAuthId", body.get("transactionId"))
    assert body["checksum"] == _hmac(API_SECRET, body["timestamp"] + subject)


@pytest.mark.parametrize(
    ("intent", "sign"), [("HOLDINGS_IMPORT", "securities"), ("MF_HOLDINGS_IMPORT", "intent"), ("CONNECT", None)]
)
def test_importing_holdings_sends_its_webhook(rig: Rig, intent: str, sign: str | None) -> None:
    """§4.1, §4.4: the same registration gets holdings imports; connecting sends nothing."""
    transaction_id = rig.create(intent=intent)
    rig.login(transaction_id)
    assert rig.truth(transaction_id)["status"] == "COMPLETED"
    assert [sign in body for body in rig.received] == ([] if sign is None else [True])


def test_base64_and_plain_hash_are_computed_independently() -> None:
    """§4.2: the variants are really what their names say."""
    sealed = {
        variant: webhooks.signed({}, "id", "t", api_secret="k" * 32, gateway_secret="g" * 32, variant=variant)[
            "checksum"
        ]
        for variant in _VARIANTS
    }
    assert base64.b64decode(sealed["base64"]).hex() == sealed["genuine"]
    assert sealed["plain_sha256"] == hashlib.sha256(b"tid" + b"k" * 32).hexdigest()
    assert sealed["gateway_secret"] == _hmac("g" * 32, "tid")
    assert len(set(sealed.values())) == len(_VARIANTS)


_VARIANTS: tuple[webhooks.Variant, ...] = (
    "genuine",
    "base64",
    "plain_sha256",
    "gateway_secret",
    "wrong_key",
    "reversed",
)


def _attempts(rig: Rig) -> list[dict[str, Any]]:
    return [attempt for hit in rig.sim("GET", "/webhooks")["webhooks"] for attempt in hit["attempts"]]


def _hmac(key: str, message: str) -> str:
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()
