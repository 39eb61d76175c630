"""The results of the two example consumers, printed and compared with the Gateway's own books."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer

from operations.timeline import Timeline, rupees
from operations.updates import Updates
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product
from tools.local_stack.walkthrough import Unexpected

_SECONDS: Final = 120

# Shares bought minus shares sold, and rupees spent minus rupees received, by ticker.
Traded = dict[str, tuple[int, Decimal]]


def show(product: Product, updates: Updates, user: str, tell: Timeline) -> None:
    """Print the positions and messages of `user`.

    Raises `Unexpected` if the positions differ from the Gateway's books.
    """
    tell.title(f"The results of two consumers of the events · {user}")
    details = [event["detail"] for event in updates.received if event["detail-type"] == "OrdersSettled"]
    settled = [detail for detail in details if detail["notes"] == user]
    books = _books(product, {detail["smallcaseAuthId"] for detail in settled})
    _wait(lambda: positions(product, user) == books)
    held = positions(product, user)
    tell.tell("positions", *(f"{ticker:<12} {shares:>5}  {_paid(spent)}" for ticker, (shares, spent) in held.items()))
    tell.check(held == books, "the positions match the Gateway's books, to the share and the paisa")
    if held != books:
        raise Unexpected(f"mismatch: positions {held}, booked {books}")
    _wait(lambda: len(_messages(product, user)) == len(settled))
    for lines in _messages(product, user):
        tell.tell("message", *lines)


def show_nothing(product: Product, user: str, tell: Timeline) -> None:
    """The consumers leave out what is marked as a test: no positions of `user`, and no messages.

    Raises `Unexpected` if there are any. Call it after `show`: by then what was published before is booked.
    """
    booked = positions(product, user), _messages(product, user)
    tell.check(booked == ({}, []), f"nothing is booked for {user}, whose order was a test")
    if booked != ({}, []):
        raise Unexpected(f"a test order was booked: {booked}")


def _paid(spent: Decimal) -> str:
    return f"for {rupees(spent)}" if spent >= 0 else f"received {rupees(-spent)}"


def _books(product: Product, accounts: set[str]) -> Traded:
    """The Gateway's books for all accounts of a user."""
    found: Traded = {}
    with GatewayDriver(product.gateway_url) as gateway:
        for account in accounts:
            for ticker, traded in gateway.books(account)["traded"].items():
                shares, spent = found.get(ticker, (0, Decimal(0)))
                found[ticker] = (shares + traded["quantity"], spent + Decimal(str(traded["amount"])))
    return found


def positions(product: Product, user: str) -> Traded:
    """The positions of `user` in the positions consumer."""
    items = _items(product, "PositionsTable", "holder", f"user#{user}")
    return {item["security"]: (int(item["shares"]), item["spent"]) for item in items}


def _messages(product: Product, user: str) -> list[list[str]]:
    """The messages for `user`, each as its lines, oldest first."""
    return [item["lines"] for item in _items(product, "MessagesTable", "notes", user)]


def _items(product: Product, table: str, key: str, value: str) -> list[dict[str, Any]]:
    answer = product.aws.dynamodb.query(
        TableName=product.outputs[table],
        KeyConditionExpression="#key = :value",
        ExpressionAttributeNames={"#key": key},
        ExpressionAttributeValues={":value": {"S": value}},
    )
    plain = TypeDeserializer().deserialize
    return [{name: plain(attribute) for name, attribute in item.items()} for item in answer["Items"]]


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
