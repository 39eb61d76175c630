"""Any input at the webhook's URL: no 5xx, no exception, nothing stored that should not be."""

import hmac
import json

import pytest

from tests.fuzz.bodies import API_SECRET
from tests.fuzz.readers import Unread, readable
from tests.fuzz.webhook import fuzz, is_genuine
from tests.simulation.product import simulated


@pytest.mark.parametrize("seed", range(4))
def test_strange_bodies_are_refused_or_kept_and_never_break_anything(seed: int) -> None:
    """Two thousand bodies; `make fuzz-webhook` throws a hundred thousand."""
    with simulated():
        seen, broken = fuzz(1_000_000 + seed, 500)
    assert broken == []
    assert any(what.endswith("200") for what in seen)
    assert any(what.endswith("401") for what in seen)


def test_oracle_computes_the_documented_checksum() -> None:
    """An oracle that always says yes, or always says no, would let every fault pass."""
    parts = {"timestamp": "2026-01-15T04:30:12.345Z", "smallcaseAuthId": "65a1b2c3d4e5f60718293a4b"}
    checksum = hmac.new(API_SECRET.encode(), "".join(parts.values()).encode(), "sha256").hexdigest()
    assert is_genuine(json.dumps({**parts, "checksum": checksum}).encode())
    assert is_genuine(json.dumps({**parts, "checksum": checksum.upper()}).encode())
    assert not is_genuine(json.dumps({**parts, "checksum": checksum[::-1]}).encode())
    assert not is_genuine(b"{}")
    assert not is_genuine(b"\xff")


@pytest.mark.parametrize("says", [True, False])
def test_an_oracle_that_always_says_the_same_breaks(says: bool) -> None:
    """One that always says no meets an accepted webhook, one that always says yes a refused one."""
    with simulated():
        _, broken = fuzz(1_000_000, 200, lambda raw: says)
    assert broken


@pytest.mark.parametrize("text", ['{"a": "\\uffff"}', '{"a": NaN}', f'{{"a": {"9" * 65}}}', "[" * 70 + "]" * 70])
def test_strict_readers_refuse(text: str) -> None:
    """Characters outside XML, no numbers, too many digits, too deep."""
    with pytest.raises(Unread):
        readable(text)


def test_strict_readers_take_what_is_plain() -> None:
    """A document of ours."""
    readable('{"a": ["₹", 1.5, null, {"b": "line\\n"}]}')
