"""The Notes table: everything known of a user, under the user's `notes`.

    notes                     entry
    <notes>                   transaction#<createdAt>#<transactionId>   a pointer, in creation order
    <notes>                   account#<smallcaseAuthId>                 a linked broker account
    owner#<smallcaseAuthId>   owner                                     whose account it is: one user's at most

No user's own entry is called `owner`, so a user whose `notes` look like an owner key meets nothing of another's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from securities_transactions.domain.reconciliation import Change
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Account, Transaction
from securities_transactions.storage.dynamodb import after_conflicts, of_attributes, to_attributes
from securities_transactions.storage.transactions import Transactions

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient


@dataclass(frozen=True)
class LinkedAccount:
    """A broker account that a user has traded with. `linkedAt` is UTC, ISO 8601."""

    smallcaseAuthId: str
    broker: str | None
    linkedAt: str


@dataclass(frozen=True)
class Pointer:
    """A user's pointer to a transaction. `created_at` is UTC, ISO 8601."""

    transaction_id: str
    created_at: str


@dataclass(frozen=True)
class Page:
    """A page of a user's pointers, newest first, and the entry to go on after."""

    pointers: Sequence[Pointer]
    after: str | None


class Notes:
    """The Notes table named `table`, beside the Transactions table it is written together with."""

    def __init__(self, client: "DynamoDBClient", table: str, transactions: Transactions) -> None:
        self.client = client
        self.table = table
        self.transactions = transactions

    def create(self, transaction: Transaction) -> bool:
        """Store a new transaction and the user's pointer to it, both or neither; False where it exists already."""
        pointer = {
            "notes": transaction.notes,
            "entry": f"transaction#{transaction.createdAt}#{transaction.transactionId}",
            "transactionId": transaction.transactionId,
        }
        return self._write_together(
            [
                {
                    "Put": {
                        "TableName": self.transactions.table,
                        "Item": to_attributes(transaction.to_item()),
                        "ConditionExpression": "attribute_not_exists(transactionId)",
                    }
                },
                {"Put": {"TableName": self.table, "Item": to_attributes(pointer)}},
            ]
        )

    def transactions_of(self, notes: str, limit: int, after: str | None = None) -> Page:
        """The user's pointers, newest first, at most `limit`, those after the entry `after`."""
        start = {"notes": {"S": notes}, "entry": {"S": after}} if after is not None else None
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="notes = :notes AND begins_with(entry, :prefix)",
            ExpressionAttributeValues={":notes": {"S": notes}, ":prefix": {"S": "transaction#"}},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
            **({"ExclusiveStartKey": start} if start else {}),  # type: ignore[arg-type]  # an absent argument has no type
        )
        items = [of_attributes(item) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        pointers = [Pointer(item["transactionId"], item["entry"].split("#")[1]) for item in items]
        return Page(pointers, of_attributes(last)["entry"] if last else None)

    def accounts_of(self, notes: str) -> list[LinkedAccount]:
        """The user's linked broker accounts, the latest linked first."""
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="notes = :notes AND begins_with(entry, :prefix)",
            ExpressionAttributeValues={":notes": {"S": notes}, ":prefix": {"S": "account#"}},
            ConsistentRead=True,
        )
        accounts = [
            LinkedAccount(item["entry"].removeprefix("account#"), item.get("broker"), item["linkedAt"])
            for item in map(of_attributes, answer["Items"])
        ]
        return sorted(accounts, key=lambda account: account.linkedAt, reverse=True)

    def owner_of(self, smallcase_auth_id: str) -> str | None:
        """The `notes` of the user whose broker account this is, `None` where nobody has linked it."""
        answer = self.client.get_item(
            TableName=self.table, Key=to_attributes(_owner_key(smallcase_auth_id)), ConsistentRead=True
        )
        return str(of_attributes(answer["Item"])["owner"]) if "Item" in answer else None

    def standing(self, notes: str, smallcase_auth_id: str) -> Account:
        """What a claim of `notes` to a broker account amounts to: newly linked, known already, or a conflict."""
        owner = self.owner_of(smallcase_auth_id)
        return "linked" if owner is None else ("known" if owner == notes else "conflict")

    def link(
        self, stored: Transaction, change: Change, smallcase_auth_id: str, broker: str | None, now: datetime
    ) -> bool:
        """Write `change` to the transaction and link the account to its user, all or nothing.

        False where the transaction changed meanwhile or somebody else linked the account: read again and decide again.
        """
        account = {
            "notes": stored.notes,
            "entry": f"account#{smallcase_auth_id}",
            "linkedAt": timestamp_text(now),
        } | ({"broker": broker} if broker else {})
        update = self.transactions.change_arguments(stored, change)
        del update["ReturnValuesOnConditionCheckFailure"]
        return self._write_together(
            [
                {
                    "Update": {
                        "TableName": self.transactions.table,
                        "Key": {"transactionId": {"S": stored.transactionId}},
                        **update,
                    }
                },
                {
                    "Put": {
                        "TableName": self.table,
                        "Item": to_attributes(_owner_key(smallcase_auth_id) | {"owner": stored.notes}),
                        "ConditionExpression": "attribute_not_exists(notes)",
                    }
                },
                {"Put": {"TableName": self.table, "Item": to_attributes(account)}},
            ]
        )

    def forget(self, notes: str, smallcase_auth_id: str) -> bool:
        """Unlink an account from its user; False where it is not this user's."""
        owned: dict[str, Any] = {
            "ConditionExpression": "#owner = :notes",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":notes": {"S": notes}},
        }
        entry = {"notes": notes, "entry": f"account#{smallcase_auth_id}"}
        return self._write_together(
            [
                {
                    "Delete": {
                        "TableName": self.table,
                        "Key": to_attributes(_owner_key(smallcase_auth_id)),
                        **owned,
                    }
                },
                {"Delete": {"TableName": self.table, "Key": to_attributes(entry)}},
            ]
        )

    def _write_together(self, writes: Sequence[Mapping[str, Any]]) -> bool:
        try:
            after_conflicts(partial(self.client.transact_write_items, TransactItems=writes))  # type: ignore[arg-type]  # the writes are built as dictionaries
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
            if codes == {"ConditionalCheckFailed"}:
                return False
            raise
        return True


def _owner_key(smallcase_auth_id: str) -> dict[str, str]:
    return {"notes": f"owner#{smallcase_auth_id}", "entry": "owner"}
