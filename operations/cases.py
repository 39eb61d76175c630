"""`python -m operations.cases`: the transactions that need a person, since when, why, and what is known of each.

Those that have waited longest come first. `make history` prints the changes of one.
"""

import sys
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction
from securities_transactions.storage.transactions import Transactions, Unreadable

_MOST_READ = 100


def cases(stage: Stage) -> Iterator[tuple[str, Transaction | Unreadable]]:
    """Each open case as it stands: the read is consistent, and the index may be a moment behind it."""
    transactions = Transactions(stage.dynamodb, stage.outputs["TransactionsTable"], lambda attempt: None)
    every = list(transactions.open_cases())
    for start in range(0, len(every), _MOST_READ):
        ids = every[start : start + _MOST_READ]
        found = transactions.get_many(ids)
        for id_ in ids:
            transaction = found.get(id_)
            if isinstance(transaction, Unreadable) or (transaction is not None and transaction.needs_person):
                yield id_, transaction


def lines(id_: str, case: Transaction | Unreadable) -> Iterator[str]:
    """A case as text: what it is, and each order that is not known to be final."""
    if isinstance(case, Unreadable):
        yield f"{id_}: cannot be read ({type(case.error).__name__})"
        return
    since = "" if case.escalated_at is None else timestamp_text(case.escalated_at)
    words = [f"since {since}", case.escalation, f"{case.status}, {case.gateway_status or 'no status'} at the Gateway"]
    yield f"{id_}: {'; '.join(str(word) for word in words if word)}"
    known = {"user": case.user_id, "broker": case.broker, "batch": case.batch_id}
    yield "  " + ", ".join(f"{name} {value}" for name, value in known.items() if value)
    for order in case.batch.orders if case.batch else ():
        if not order.status.is_final or order.is_unclear or (order.filledQuantity and order.averagePrice is None):
            reference = f", exchange order {order.exchangeOrderId}" if order.exchangeOrderId else ""
            filled = "unknown" if order.filledQuantity is None else order.filledQuantity
            yield (
                f"  {order.transactionType} {order.tradingsymbol}: {order.status}, {filled} of {order.quantity} filled"
                f"{reference}{', ' + order.errorCode if order.errorCode else ''}"
            )


def main(arguments: list[str]) -> int:
    """0 where the cases were listed, 1 where the stage cannot be reached."""
    stage = stages.of(stages.parser(__doc__).parse_args(arguments))
    count = 0
    try:
        for id_, case in cases(stage):
            count += 1
            print("\n".join(lines(id_, case)))
    except (BotoCoreError, ClientError) as error:
        print(f"{stage.name} cannot be reached: {error}", file=sys.stderr)
        return 1
    print(f"{count} open" if count else "nothing needs a person")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
