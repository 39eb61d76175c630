"""Validation of create requests (docs/reference/gateway.md §1.2)."""

import re
from decimal import Decimal
from typing import Any, Final

from tools.gateway_simulator.brokers import LIMIT_TYPES
from tools.gateway_simulator.prices import CATALOGUE
from tools.gateway_simulator.settings import Settings

SIMULATED: Final = frozenset({"TRANSACTION", "CONNECT", "HOLDINGS_IMPORT", "MF_HOLDINGS_IMPORT"})
INTENTS: Final = SIMULATED | {
    "AUTHORISE_HOLDINGS",
    "FETCH_FUNDS",
    "SIP_SETUP",
    "IMR_SETUP",
    "CANCEL_AMO",
    "SUBSCRIPTION",
    "ONBOARDING",
}
NOTES_LIMIT: Final = 256
_TICKER: Final = re.compile(r"[A-Z0-9][A-Z0-9&-]{0,19}", re.ASCII)


def faults_of(body: Any, settings: Settings) -> list[str]:
    """The faults in the body of a create request. Empty if it is valid."""
    if not isinstance(body, dict):
        return ["the body must be a JSON object"]
    wrong = []
    intent = body.get("intent")
    if not isinstance(intent, str) or intent not in INTENTS:
        wrong.append("intent is missing or unknown")
    elif intent not in SIMULATED:
        wrong.append(f"intent {intent} is not enabled for this gateway")
    notes = body.get("notes")
    if notes is not None and (not isinstance(notes, str) or len(notes) > NOTES_LIMIT):
        wrong.append(f"notes must be a string of at most {NOTES_LIMIT} characters")
    config = body.get("config")
    if config is not None and not _are_texts(config, ("orderName", "orderLogo")):
        wrong.append("config.orderName and config.orderLogo must be strings")
    if intent == "TRANSACTION":
        wrong += _order_config_faults(body.get("orderConfig"), settings)
    return wrong


def unknown_members(body: Any, settings: Settings) -> list[str]:
    """The members of a create request, and of its securities, that this Gateway is set not to have."""
    return sorted({name for holder in _holders(body) for name in holder} & {*settings.unknown_members})


def without_unknown_members(body: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """The request as a Gateway reads it that ignores members which it does not have."""
    for holder in _holders(body):
        for name in settings.unknown_members:
            holder.pop(name, None)
    return body


def _holders(body: Any) -> list[dict[str, Any]]:
    config = body.get("orderConfig") if isinstance(body, dict) else None
    securities = config.get("securities") if isinstance(config, dict) else None
    listed = securities if isinstance(securities, list) else []
    return [holder for holder in (body, *listed) if isinstance(holder, dict)]


def security_faults(security: Any, settings: Settings) -> list[str]:
    """The faults in one element of securities[]."""
    if not isinstance(security, dict):
        return ["each security must be an object"]
    ticker = security.get("ticker")
    if not isinstance(ticker, str) or not _TICKER.fullmatch(ticker):
        return ["ticker is required: the bare NSE symbol"]
    wrong = []
    unknown = settings.tickers == "catalogue" and ticker not in CATALOGUE
    if unknown or ticker in settings.untradable or ticker.endswith("-EQ"):
        wrong.append(f"ticker {ticker} is not tradable")
    if "type" in security and security["type"] not in ("BUY", "SELL"):
        wrong.append(f"type of {ticker} must be BUY or SELL")
    quantity = security.get("quantity")
    if "quantity" in security and (not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1):
        wrong.append(f"quantity of {ticker} must be a positive integer")
    return wrong + _price_faults(ticker, security)


def _order_config_faults(config: Any, settings: Settings) -> list[str]:
    if not isinstance(config, dict):
        return ["orderConfig is required"]
    if config.get("type") != "SECURITIES":
        return ["orderConfig.type must be SECURITIES"]
    securities = config.get("securities")
    if not isinstance(securities, list) or not securities:
        return ["orderConfig.securities must be a non-empty array"]
    if settings.max_securities is not None and len(securities) > settings.max_securities:
        return [f"at most {settings.max_securities} securities are allowed"]
    wrong = [fault for security in securities for fault in security_faults(security, settings)]
    objects = [security for security in securities if isinstance(security, dict)]
    uneven = [key for key in ("type", "quantity") if len({key in security for security in objects}) > 1]
    return wrong + [f"{key} must be given for all securities or for none" for key in uneven]


def _price_faults(ticker: str, security: dict[str, Any]) -> list[str]:
    """MARKET has no price, LIMIT a price, SL a price and a trigger price, SLM a trigger price (§4.3)."""
    kind = security.get("orderType", "MARKET")
    if kind not in ("MARKET", *LIMIT_TYPES):
        return [f"orderType of {ticker} must be MARKET, LIMIT, SL or SLM"]
    needs = {"price": kind in ("LIMIT", "SL"), "triggerPrice": kind in ("SL", "SLM")}
    wrong = []
    for key, needed in needs.items():
        value = security.get(key)
        if needed and (isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0):
            wrong.append(f"{key} of {ticker} must be a positive number for {kind}")
        if not needed and value not in (None, 0):
            wrong.append(f"{key} of {ticker} is not allowed for {kind}")
    return wrong


def _are_texts(value: Any, keys: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key, ""), str) for key in keys)
