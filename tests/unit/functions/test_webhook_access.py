"""Admission to the webhook: by the segment of its URL and by the caller's address, before the body is read."""

import json
import logging
from typing import Any

import pytest

from tests.unit.functions import scenarios
from tests.unit.functions.harness import Rig, routes

NEW = "kept-in-the-url-of-the-webhook"
OLD = "the-one-that-is-being-replaced"
BARE, WITH_SEGMENT = "POST /webhooks/orders", "POST /webhooks/orders/{segment+}"


def webhook(rig: Rig, segment: str | None = None, source: str = "203.0.113.9", **headers: str) -> dict[str, Any]:
    """The function's answer to a genuine webhook at a URL, from an address; `None` where the URL ends at /orders."""
    body = scenarios.hook(rig, scenarios.batch(transactionId="TRX_1", broker="kite", notes="user-42"))
    route = BARE if segment is None else WITH_SEGMENT
    event = {
        "routeKey": route,
        "headers": headers,
        "body": json.dumps(body),
        "requestContext": {"http": {"sourceIp": source}},
        # API Gateway may leave out a variable that matched nothing.
        **({"pathParameters": {"segment": segment}} if segment else {}),
    }
    answer: dict[str, Any] = rig.handler(routes()[route])(event, None)
    return answer


def status(rig: Rig, *arguments: Any, **more: str) -> int:
    return int(webhook(rig, *arguments, **more)["statusCode"])


def rig_with(**settings: str) -> Rig:
    rig = Rig(**settings)
    rig.transaction()
    return rig


@pytest.mark.parametrize("segment", [None, ""])
def test_slash_at_the_end_of_the_url_changes_nothing(segment: str | None) -> None:
    assert status(rig_with(), segment) == 200


@pytest.mark.parametrize(
    ("segments", "accepted"),
    [
        ("none", [None, ""]),
        (NEW, [NEW, f"{NEW}/"]),
        (f"{NEW},{OLD}", [NEW, f"{NEW}/", OLD, f"{OLD}/"]),
        (f"{NEW},none", [NEW, f"{NEW}/", None, ""]),
    ],
)
def test_only_the_segments_of_the_deployment_are_accepted(segments: str, accepted: list[str | None]) -> None:
    tried = [None, "", NEW, f"{NEW}/", OLD, f"{OLD}/", "none", NEW[:-1], f"{NEW}x", f"{NEW}/x", f"x/{NEW}", NEW.upper()]
    rig = rig_with(WEBHOOK_SEGMENTS=segments)
    assert {each: status(rig, each) for each in tried} == {each: 200 if each in accepted else 404 for each in tried}


@pytest.mark.parametrize("segment", ["ü", "\N{SNOWMAN}", "a" * 5000, "%2e%2e", ","])
def test_odd_segment_is_not_found(segment: str) -> None:
    answer = webhook(rig_with(WEBHOOK_SEGMENTS=NEW), segment)
    assert (answer["statusCode"], NEW in answer["body"]) == (404, False)


@pytest.mark.parametrize(
    ("sources", "source", "expected"),
    [
        ("", "203.0.113.9", 200),
        ("203.0.113.9", "203.0.113.9", 200),
        ("203.0.113.9", "203.0.113.90", 401),
        ("198.51.100.0/24,203.0.113.0/28", "203.0.113.9", 200),
        ("198.51.100.0/24,203.0.113.0/28", "203.0.113.16", 401),
        ("203.0.113.1/24", "203.0.113.9", 200),  # an address within the block, as people write it
        ("203.0.113.0/24", "::ffff:203.0.113.9", 200),
        ("203.0.113.0/24", "2001:db8::1", 401),
        ("2001:db8::/32", "2001:db8:1::1", 200),
        ("2001:db8::/32", "203.0.113.9", 401),
        ("203.0.113.0/24", "", 401),
        ("203.0.113.0/24", "unknown", 401),
    ],
)
def test_only_the_addresses_of_the_deployment_are_accepted(sources: str, source: str, expected: int) -> None:
    assert status(rig_with(WEBHOOK_SOURCES=sources), source=source) == expected


def test_header_that_names_an_accepted_address_does_not_help() -> None:
    headers = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9", "x-real-ip": "203.0.113.9"}
    rig = rig_with(WEBHOOK_SOURCES="203.0.113.9")
    assert status(rig, source="198.51.100.7", **headers) == 401


class Unread:
    """A Secrets Manager that must not be called."""

    def get_secret_value(self, **_: str) -> dict[str, Any]:
        raise AssertionError("the secret was read")


def test_refused_webhook_is_not_looked_at_and_is_logged_as_rejected(caplog: pytest.LogCaptureFixture) -> None:
    """With the network it came from, of which the alarm's reader sees whether the vendor has moved."""
    rig = rig_with(WEBHOOK_SEGMENTS=NEW, WEBHOOK_SOURCES="203.0.113.9")
    before = repr(rig.tables["Transactions"].items)
    rig.restart()
    rig.clients.secretsmanager = Unread()
    with caplog.at_level(logging.INFO):
        answers = [webhook(rig), webhook(rig, NEW, "198.51.100.7"), webhook(rig, NEW, "2001:db8:1:2::3")]
    lines = [vars(record) for record in caplog.records if record.message == "webhook"]

    assert [answer["statusCode"] for answer in answers] == [404, 401, 401]
    assert [(line["verification"], line["outcome"]) for line in lines] == [("rejected", "rejected")] * 3
    assert [line.get("network") for line in lines] == [None, "198.51.100.0/24", "2001:db8:1::/48"]
    assert repr(rig.tables["Transactions"].items) == before
