"""Sending transactions to be pulled."""

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final

from securities_transactions.domain.decimal_json import dumps

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_MOST_ENTRIES: Final = 10


class SendError(Exception):
    """The queue did not take some of the messages; they are still due at the next sweep."""


def send(client: "SQSClient", queue_url: str, due: Iterable[tuple[str, str]]) -> int:
    """Send a message for each transaction and the time its check was due; how many.

    `SendError` once all were tried and some were refused. The time tells `reconcile` which check is meant: one that
    was made since, by another message, is not made again.
    """
    left = iter(due)
    count = refused = 0
    while chunk := list(islice(left, _MOST_ENTRIES)):
        answer = client.send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(n), "MessageBody": dumps({"transactionId": transaction_id, "dueAt": due_at})}
                for n, (transaction_id, due_at) in enumerate(chunk)
            ],
        )
        refused += len(answer.get("Failed", []))
        count += len(chunk)
    if refused:
        raise SendError(f"the queue refused {refused} of {count} messages")
    return count
