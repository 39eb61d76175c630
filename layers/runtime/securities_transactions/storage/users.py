"""The Users table: everything stored about a user, under the user's `notes`.

notes                     entry
<notes>                   transaction#<createdAt>#<transactionId>   a pointer, in creation order
<notes>                   reference#<reference>                     the transaction with this reference
<notes>                   account#<smallcaseAuthId>                 a linked broker account
owner#<smallcaseAuthId>   owner                                     the owner of an account: at most one user

No user has an entry named `owner`, so a user whose `notes` look like an owner key cannot read another user's entries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from securities_transactions.domain.account_linking import LinkedAccount
from securities_transactions.domain.errors import InvalidField
from securities_transactions.domain.selection import EVERYTHING, Selection
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction
from securities_transactions.domain.transitions import ClaimAccount, Transition
from securities_transactions.storage import mapper
from securities_transactions.storage.dynamodb import after_conflicts, of_attributes, to_attributes
from securities_transactions.storage.transactions import Transactions

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Pointer:
    """A user's pointer to a transaction. `created_at` is aware UTC."""

    transaction_id: str
    created_at: datetime

    @property
    def entry(self) -> str:
        """The sort key: in the order of creation."""
        return f"transaction#{timestamp_text(self.created_at)}#{self.transaction_id}"


@dataclass(frozen=True)
class Page:
    """A page of a user's pointers, and the entry after which the next page begins."""

    pointers: Sequence[Pointer]
    after: str | None


class Users:
    """The Users table named `table`, and the Transactions table that is written together with it."""

    def __init__(self, client: "DynamoDBClient", table: str, transactions: Transactions) -> None:
        self.client = client
        self.table = table
        self.transactions = transactions

    def create(self, transaction: Transaction) -> bool:
        """Store a new transaction, the user's pointer to it and its reference, or none of them.

        Returns False if the transaction exists or another one has the reference.
        """
        pointer = Pointer(transaction.transaction_id, transaction.created_at)
        stored = {"notes": transaction.user_id, "transactionId": transaction.transaction_id}
        writes: list[Mapping[str, Any]] = [
            {
                "Put": {
                    "TableName": self.transactions.table,
                    "Item": to_attributes(mapper.to_item(transaction)),
                    "ConditionExpression": "attribute_not_exists(transactionId)",
                }
            },
            {"Put": {"TableName": self.table, "Item": to_attributes(stored | {"entry": pointer.entry})}},
        ]
        if transaction.reference is not None:
            named = stored | {
                "entry": f"reference#{transaction.reference}",
                "createdAt": timestamp_text(transaction.created_at),
            }
            put = {
                "TableName": self.table,
                "Item": to_attributes(named),
                "ConditionExpression": "attribute_not_exists(entry)",
            }
            writes.append({"Put": put})
        return self._write_together(writes)

    def of_reference(self, user_id: str, reference: str) -> Pointer | None:
        """The user's transaction with this reference, with a consistent read."""
        response = self.client.query(
            TableName=self.table,
            KeyConditionExpression="notes = :notes AND entry = :entry",
            ExpressionAttributeValues={":notes": {"S": user_id}, ":entry": {"S": f"reference#{reference}"}},
            ConsistentRead=True,
        )
        found = [of_attributes(item) for item in response["Items"]]
        return Pointer(found[0]["transactionId"], mapper.time_of(found[0]["createdAt"])) if found else None

    def transactions_of(
        self, user_id: str, limit: int, after: str | None = None, selection: Selection = EVERYTHING
    ) -> Page:
        """The user's pointers in the time and order of `selection`, at most `limit`, after the entry `after`.

        Raises `InvalidField` if `after` is outside that time.
        """
        first = f"transaction#{timestamp_text(selection.since)}" if selection.since else "transaction#"
        # An entry continues after its time with characters that sort before the tilde.
        last = f"transaction#{timestamp_text(selection.until)}" if selection.until else "transaction#~"
        start = {}
        if after is not None:
            if not first <= after <= last:
                raise InvalidField("cursor", "is not one that this list has given")
            start = {"ExclusiveStartKey": {"notes": {"S": user_id}, "entry": {"S": after}}}
        response = self.client.query(
            TableName=self.table,
            KeyConditionExpression="notes = :notes AND entry BETWEEN :first AND :last",
            ExpressionAttributeValues={":notes": {"S": user_id}, ":first": {"S": first}, ":last": {"S": last}},
            ScanIndexForward=selection.oldest_first,
            ConsistentRead=True,
            Limit=limit,
            **start,  # type: ignore[arg-type]  # an absent argument has no type
        )
        items = [of_attributes(item) for item in response["Items"]]
        last_key = response.get("LastEvaluatedKey")
        pointers = [Pointer(item["transactionId"], mapper.time_of(item["entry"].split("#")[1])) for item in items]
        return Page(pointers, of_attributes(last_key)["entry"] if last_key else None)

    def accounts_of(self, user_id: str) -> list[LinkedAccount]:
        """The user's linked broker accounts, most recently linked first."""
        response = self.client.query(
            TableName=self.table,
            KeyConditionExpression="notes = :notes AND begins_with(entry, :prefix)",
            ExpressionAttributeValues={":notes": {"S": user_id}, ":prefix": {"S": "account#"}},
            ConsistentRead=True,
        )
        accounts = [
            LinkedAccount(item["entry"].removeprefix("account#"), item.get("broker"), mapper.time_of(item["linkedAt"]))
            for item in map(of_attributes, response["Items"])
        ]
        return sorted(accounts, key=lambda account: account.linked_at, reverse=True)

    def owner_of(self, smallcase_auth_id: str) -> str | None:
        """The user to whom this broker account is linked, or `None`."""
        response = self.client.get_item(
            TableName=self.table, Key=to_attributes(_owner_key(smallcase_auth_id)), ConsistentRead=True
        )
        return str(of_attributes(response["Item"])["owner"]) if "Item" in response else None

    def link(self, stored: Transaction, transition: Transition, account: ClaimAccount, now: datetime) -> bool:
        """Write `transition` to the transaction and link `account` to its user, or neither.

        Returns False if the transaction has changed or the account was linked to another user: the caller must read and
        decide again.
        """
        linked = {
            "notes": stored.user_id,
            "entry": f"account#{account.smallcase_auth_id}",
            "linkedAt": timestamp_text(now),
        } | ({"broker": account.broker} if account.broker else {})
        update = self.transactions.transition_arguments(stored, transition)
        del update["ReturnValuesOnConditionCheckFailure"]
        return self._write_together(
            [
                {
                    "Update": {
                        "TableName": self.transactions.table,
                        "Key": {"transactionId": {"S": stored.transaction_id}},
                        **update,
                    }
                },
                {
                    "Put": {
                        "TableName": self.table,
                        "Item": to_attributes(_owner_key(account.smallcase_auth_id) | {"owner": stored.user_id}),
                        "ConditionExpression": "attribute_not_exists(notes)",
                    }
                },
                {"Put": {"TableName": self.table, "Item": to_attributes(linked)}},
            ]
        )

    def unlink(self, user_id: str, smallcase_auth_id: str) -> bool:
        """Unlink an account from its user. Returns False if it is not linked to this user."""
        owned: dict[str, Any] = {
            "ConditionExpression": "#owner = :notes",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":notes": {"S": user_id}},
        }
        entry = {"notes": user_id, "entry": f"account#{smallcase_auth_id}"}
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
            write = partial(self.client.transact_write_items, TransactItems=writes)  # type: ignore[arg-type]  # the writes are built as dictionaries
            after_conflicts(write, self.transactions.pause)
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
            if codes == {"ConditionalCheckFailed"}:
                return False
            raise
        return True


def _owner_key(smallcase_auth_id: str) -> dict[str, str]:
    return {"notes": f"owner#{smallcase_auth_id}", "entry": "owner"}
