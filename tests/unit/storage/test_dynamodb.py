"""Writes that conflict with a DynamoDB transaction on one of their items, which botocore does not retry."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from securities_transactions.storage.dynamodb import after_conflicts


def refusal(code: str, *reasons: str) -> ClientError:
    """DynamoDB's no."""
    answer: Any = {"Error": {"Code": code, "Message": ""}, "CancellationReasons": [{"Code": each} for each in reasons]}
    return ClientError(answer, "UpdateItem")


CONFLICTS = [
    refusal("TransactionConflictException"),
    refusal("TransactionCanceledException", "None", "TransactionConflict"),
]
DECIDED = [
    refusal("ConditionalCheckFailedException"),
    refusal("TransactionCanceledException", "ConditionalCheckFailed", "TransactionConflict"),
    refusal("ThrottlingException"),
]


class Write:
    """A write that fails `times`."""

    def __init__(self, error: ClientError, times: int) -> None:
        self.error, self.times, self.calls = error, times, 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error


@pytest.mark.parametrize("error", CONFLICTS, ids=str)
def test_a_write_waits_for_the_transaction_that_is_under_way(error: ClientError) -> None:
    paused: list[int] = []
    write = Write(error, times=3)
    after_conflicts(write, paused.append)
    assert (write.calls, paused) == (4, [0, 1, 2])


@pytest.mark.parametrize("error", CONFLICTS, ids=str)
def test_a_conflict_that_does_not_end_is_raised(error: ClientError) -> None:
    paused: list[int] = []
    write = Write(error, times=4)
    with pytest.raises(ClientError):
        after_conflicts(write, paused.append)
    assert write.calls == 4


@pytest.mark.parametrize("error", DECIDED, ids=str)
def test_what_is_no_conflict_is_raised_at_once(error: ClientError) -> None:
    paused: list[int] = []
    """A condition that failed has decided, whatever else is under way."""
    write = Write(error, times=1)
    with pytest.raises(ClientError):
        after_conflicts(write, paused.append)
    assert (write.calls, paused) == (1, [])
