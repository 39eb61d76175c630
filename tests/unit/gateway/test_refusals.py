"""The refusals of the Gateway that are about our settings, and what their message names."""

import pytest

from securities_transactions.gateway.errors import GatewayRefused


@pytest.mark.parametrize(
    ("status", "errors"),
    [
        (400, ("Invalid JWT",)),
        (404, ("invalid gateway",)),
        (400, ("something else", " invalid_jwt ")),
        (409, ("INVALID GATEWAY",)),
    ],
)
def test_refusal_of_our_credentials_names_what_to_check(status: int, errors: tuple[str, ...]) -> None:
    """By a text of the vendor's SDKs, under any status."""
    refused = GatewayRefused(status, errors, None)
    assert refused.is_about_us
    for setting in ("apiSecret", "gatewaySecret", "GatewayName"):
        assert setting in str(refused)


@pytest.mark.parametrize("errors", [(), ("ticker FOOBAR is not tradable",), ("an invalid gateway was not the cause",)])
def test_refusal_of_a_request_is_not_about_our_settings(errors: tuple[str, ...]) -> None:
    refused = GatewayRefused(400, errors, "InputException")
    assert not refused.is_about_us
    assert str(refused) == "the Gateway refused (400, InputException)"


def test_refusal_with_a_status_for_credentials_names_what_to_check() -> None:
    assert "apiSecret" in str(GatewayRefused(401, (), None, is_about_us=True))
