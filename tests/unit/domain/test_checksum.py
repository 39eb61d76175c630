"""The webhook checksum (docs/reference/gateway.md §4.2): the documented vector, each wrong variant, and the
boundary."""

import base64
import hashlib
import re

import pytest

from securities_transactions.domain.checksum import has_documented_form, sign, signer
from securities_transactions.domain.secrets import ApiSecret

SECRET = ApiSecret("test_api_secret_not_real")
OTHER = ApiSecret("another_api_secret")
TIMESTAMP = "2026-01-15T04:30:12.345Z"
AUTH_ID = "65a1b2c3d4e5f60718293a4b"
GOOD = "77ab23737db3fe2ebcaf55e111e56b6177bcf8c182ab3776ee43d73448677ddf"


def test_documented_vector_is_signed_and_genuine() -> None:
    """HMAC-SHA256, key the API secret, message timestamp then smallcaseAuthId, lower-case hex."""
    assert sign(SECRET, TIMESTAMP, AUTH_ID) == GOOD
    assert signer([SECRET], TIMESTAMP, AUTH_ID, GOOD) == SECRET


def test_mutual_funds_are_signed_with_the_transaction_id() -> None:
    """The same algorithm with another subject."""
    expected = "e6aeca0358669ebf7e2372a081af016019d371da988d35b6d4b35bb7302a6ede"
    assert sign(SECRET, TIMESTAMP, "TRX_0123456789abcdef0123456789abcdef") == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "e05b97e6e287bebe2f138b63dce0063edd43eb59627b3125fb8aefbcb01a1c81",
        base64.b64encode(bytes.fromhex(GOOD)).decode(),
        hashlib.sha256((TIMESTAMP + AUTH_ID + SECRET.value).encode()).hexdigest(),
        GOOD[:-1],
        GOOD + "0",
        f" {GOOD}",
        f"{GOOD}\n",
        GOOD.replace("7", "７"),
        "",
        "0" * 64,
    ],
    ids=[
        "reversed",
        "base64",
        "plain sha256",
        "short",
        "long",
        "blank",
        "newline",
        "wide",
        "empty",
        "zero",
    ],
)
def test_wrong_variant_is_not_genuine(wrong: str) -> None:
    """Neither another algorithm nor another text; only the case of the digits does not matter."""
    assert signer([SECRET], TIMESTAMP, AUTH_ID, wrong) is None


def test_any_current_secret_verifies_during_a_rotation() -> None:
    """The order of the secrets does not matter, and none at all verifies nothing."""
    assert signer([OTHER, SECRET], TIMESTAMP, AUTH_ID, GOOD) == SECRET
    assert signer([SECRET, OTHER], TIMESTAMP, AUTH_ID, GOOD) == SECRET
    assert signer([OTHER], TIMESTAMP, AUTH_ID, GOOD) is None
    assert signer([], TIMESTAMP, AUTH_ID, GOOD) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15T04:30:12Z",
        "2026-01-15T04:30:12.345",
        "2026-01-15T04:30:12.345+00:00",
        "2026-01-15 04:30:12.345Z",
        "2026-01-15T04:30:12.3456Z",
        "2026-01-15T04:30:12.345Z\n",
        "2026-01-15T04:30:12.345Z6",
        "6" + TIMESTAMP,
        "٢026-01-15T04:30:12.345Z",
        "",
    ],
)
def test_timestamp_of_another_form_does_not_fix_the_boundary(text: str) -> None:
    """It has the fixed length of the documented form, or the other part has to fix where it ends."""
    assert not has_documented_form(text)


def test_no_character_can_move_across_the_boundary() -> None:
    """Of all ways to cut what was signed in two, one has a smallcaseAuthId of the fixed form, and one a timestamp."""
    signed = TIMESTAMP + AUTH_ID
    every = range(len(signed) + 1)
    by_auth_id = [cut for cut in every if re.fullmatch("[0-9a-f]{24}", signed[cut:])]
    by_timestamp = [cut for cut in every if has_documented_form(signed[:cut])]
    assert by_auth_id == by_timestamp == [len(TIMESTAMP)]


@pytest.mark.parametrize("timestamp", ["2026-02-30T04:30:12.345Z", "2026-01-15T24:30:12.345Z"])
def test_timestamp_that_is_no_date_fixes_the_boundary_all_the_same(timestamp: str) -> None:
    """Its length does; whether it is a time is decided once the checksum is verified."""
    assert has_documented_form(timestamp)


@pytest.mark.parametrize("spelled", [GOOD.upper(), GOOD.title(), GOOD[:32].upper() + GOOD[32:]])
def test_case_of_a_checksum_does_not_matter(spelled: str) -> None:
    """Hexadecimal digits are a number in either case."""
    assert signer([SECRET], TIMESTAMP, AUTH_ID, spelled) == SECRET
    assert signer([OTHER], TIMESTAMP, AUTH_ID, spelled) is None
