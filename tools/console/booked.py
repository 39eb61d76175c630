"""Users' positions, sent as soon as the positions consumer has booked a settled transaction."""

import asyncio
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from tools.console.feed import now
from tools.gateway_simulator.journal import Journal
from tools.local_stack import consumers
from tools.local_stack.product import Product

Row = dict[str, Any]

# The polling interval for a booking, in seconds. The consumer takes a moment. A failed event stays in its dead-letter
# queue until an operator redrives it.
_SOON: Final = 0.1
_LATER: Final = 5.0


def rows_of(product: Product, user: str) -> list[Row]:
    """The trades of `user` per security: ticker, shares and rupees spent."""
    held = consumers.positions(product, user)
    return [{"ticker": ticker, "shares": shares, "spent": spent} for ticker, (shares, spent) in sorted(held.items())]


async def follow_positions(journal: Journal, product: Product, settled: "asyncio.Queue[Row]") -> None:
    """For each detail of an OrdersSettled, send the user's positions once this state of the transaction is booked."""
    waiting: list[Row] = []
    pause = _SOON
    while True:
        if not waiting:
            waiting, pause = [await settled.get()], _SOON
        while not settled.empty():
            waiting.append(settled.get_nowait())
            pause = _SOON
        try:
            left = [detail for detail in waiting if not await asyncio.to_thread(_is_booked, product, detail)]
            for user in dict.fromkeys(detail["notes"] for detail in waiting if detail not in left):
                items = await asyncio.to_thread(rows_of, product, user)
                journal.add(now(), "positions", event={"user": user, "items": items})
                pause = _SOON
        except (BotoCoreError, ClientError):
            left = waiting  # the engine is not up again: the page shows it when a call to the engine fails
        waiting = left
        if waiting:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LATER)


def _is_booked(product: Product, detail: Row) -> bool:
    """True if the consumer has booked this or a later state of the transaction (functions/positions)."""
    answer = product.aws.dynamodb.get_item(
        TableName=product.outputs["PositionsTable"],
        Key={"holder": {"S": f"transaction#{detail['transactionId']}"}, "security": {"S": "booked"}},
        ConsistentRead=True,
    )
    return "Item" in answer and int(answer["Item"]["sequence"]["N"]) >= int(detail["sequence"])
