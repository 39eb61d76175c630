"""`python -m operations.cases`: the transactions that need a person, since when, why, and what is known of each.

Those that have waited longest come first. With `--claim`, `--comment`, `--resolve` or `--approve` and a transactionId
it takes a step of a case through the API, with the access token of a person in the environment variable TOKEN.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.api import Api, ApiError
from operations.stage import Stage
from operations.timeline import order_line
from securities_transactions.domain.decimal_json import dumps, loads
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
    if case.case is not None and case.case.claimed_by is not None:
        yield f"  claimed by {case.case.claimed_by}"
    if case.case is not None and case.case.proposal is not None:
        yield f"  a resolution by {case.case.proposal.resolution.subject} waits for a second person"
    for order in case.batch.orders if case.batch else ():
        if not order.status.is_final or order.is_unclear or (order.filledQuantity and order.averagePrice is None):
            reference = f", exchange order {order.exchangeOrderId}" if order.exchangeOrderId else ""
            filled = "unknown" if order.filledQuantity is None else order.filledQuantity
            yield (
                f"  {order.transactionType} {order.tradingsymbol}: {order.status}, {filled} of {order.quantity} filled"
                f"{reference}{', ' + order.errorCode if order.errorCode else ''}"
            )


def take_step(api: Api, options: argparse.Namespace) -> dict[str, Any]:
    """Take the one step that `options` name, and return the case after it. Raises `ApiError` and `OSError`."""
    steps: dict[str, tuple[str, Callable[[], Any]]] = {
        "claim": ("claim", lambda: {"takeOver": options.take_over}),
        "comment": ("comments", lambda: {"text": options.text or ""}),
        "resolve": ("resolution", lambda: loads(Path(options.file or "").read_bytes())),
        "approve": ("approval", lambda: {"proposalId": options.proposal or ""}),
    }
    ((path, body, transaction_id),) = [
        (path, body, given) for name, (path, body) in steps.items() if (given := getattr(options, name))
    ]
    headers = {"content-type": "application/json"}
    answer: dict[str, Any] = api.call("POST", f"/cases/{transaction_id}/{path}", content=dumps(body()), headers=headers)
    return answer


def after(case: Mapping[str, Any]) -> Iterator[str]:
    """A case after a step, as text."""
    booked, proposal = case.get("resolution"), case.get("proposal")
    known = f"{case['transactionId']}: {case['status']}, version {case['version']}"
    if case["settled"] and booked:
        second = f", approved by {booked['approvedBy']}" if "approvedBy" in booked else ""
        yield f"{known}, resolved by {booked['by']}{second}"
        return
    yield known + (f", claimed by {case['claimedBy']}" if "claimedBy" in case else "")
    for comment in case.get("comments", ()):
        yield f"  {comment['at']}  {comment['by']}: {comment['text']}"
    if proposal:
        yield f"  proposed by {proposal['by']}: a second person approves it with PROPOSAL={proposal['proposalId']}"
        for order in proposal["orders"]:
            yield f"    {order_line(order)}"


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = stages.parser(__doc__)
    step = parser.add_mutually_exclusive_group()
    for name in ("claim", "comment", "resolve", "approve"):
        step.add_argument(f"--{name}", metavar="TRANSACTION", help=f"{name} the case of this transaction")
    parser.add_argument("--take-over", action="store_true", help="claim it from another person, too")
    parser.add_argument("--text", help="the comment")
    parser.add_argument("--file", help="the resolution as JSON, in the form of CaseResolution (contracts/openapi.yaml)")
    parser.add_argument("--proposal", help="the proposalId of the resolution to approve")
    parser.add_argument("--api", help="the API's URL, for those without AWS credentials")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """0 where the cases were listed or the step was taken, 1 where the stage cannot be reached or refuses."""
    options = _options(arguments)
    stage = stages.of(options)
    if any((options.claim, options.comment, options.resolve, options.approve)):
        try:
            with Api(stage, url=options.api, scope="OperatorScope") as api:
                print("\n".join(after(take_step(api, options))))
        except (ApiError, BotoCoreError, ClientError, httpx.HTTPError, OSError, ValueError) as error:
            print(f"nothing was done: {error}", file=sys.stderr)
            return 1
        return 0
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
