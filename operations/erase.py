"""`python -m operations.erase NOTES`: erase a user from the tables, for a request under a privacy law.

Deleted: links to broker accounts, pointers and references, stored webhooks, and each transaction without orders with
its history. A transaction with orders is a record that the law says to keep: it stays under a pseudonym, without
reference and account, or the erasure is rejected with `--records refuse`. An erasure is rejected as well while a
transaction is open, or was over a few days ago: its check or its correction would name the user again.
docs/guides/operator.md has the copies that expire by themselves.
"""

import getpass
import hashlib
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import simplejson
from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from securities_transactions.domain.cause import Cause, CauseKind
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import Transaction
from securities_transactions.storage.dynamodb import of_attributes, to_attributes
from securities_transactions.storage.mapper import Attribute, of_cause, of_item

# The vendor repeats a webhook for two days, and brokers correct for some days after the trade.
QUIET: Final = timedelta(days=7)
PSEUDONYM: Final = "erased-"
# The attributes of a transaction, beside its user, that name the user or the user's account.
NAMING: Final = (Attribute.SMALLCASE_AUTH_ID, Attribute.ACCOUNT, Attribute.SDK_ERROR, Attribute.REFERENCE)


class Rejected(Exception):
    """The user cannot be erased now; the message has the reason."""


@dataclass
class Erased:
    """Counts of deleted items, and of transactions that stay under the pseudonym."""

    links: int = 0
    entries: int = 0
    webhooks: int = 0
    transactions: int = 0
    history: int = 0
    pseudonymized: int = 0


def erase(
    stage: Stage,
    user_id: str,
    *,
    keeps_records: bool = True,
    by: str,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Erased:
    """Erase a user; `by` names the operator in the audit record. Raises `Rejected` before anything is changed.

    The user's own entries are deleted last: an erasure that was interrupted finds them, and is completed by another.
    """
    now, erased = clock(), Erased()
    entries = list(_entries(stage, user_id))
    stored = list(_transactions(stage, entries))
    _check(stored, now, _quiet(stage), keeps_records=keeps_records)
    accounts = {each["entry"].removeprefix("account#") for each in entries if each["entry"].startswith("account#")}
    accounts |= {each.smallcase_auth_id for each in stored if each.smallcase_auth_id is not None}
    erased.webhooks = _delete_webhooks(stage, user_id, {each.transaction_id for each in stored}, accounts)
    pseudonym = f"{PSEUDONYM}{secrets.token_hex(16)}"
    for transaction in stored:
        if transaction.orders is None:
            erased.history += _delete_history(stage, transaction.transaction_id)
            _delete(stage, "TransactionsTable", {"transactionId": transaction.transaction_id})
            erased.transactions += 1
        elif transaction.user_id == user_id:
            _pseudonymize(stage, transaction, pseudonym, by)
            erased.pseudonymized += 1
    erased.links = sum(_delete_owner(stage, account, user_id) for account in sorted(accounts))
    erased.entries = len(entries)
    _audit(stage, user_id, by, now, erased)
    for each in entries:
        _delete(stage, "UsersTable", {"notes": user_id, "entry": each["entry"]})
    return erased


def _quiet(stage: Stage) -> timedelta:
    """A closing of the books pulls each transaction of its window, and a pull names the user."""
    return max(QUIET, timedelta(days=int(stage.parameters.get("BooksWindowDays", 1)) + 1))


def _check(stored: Sequence[Transaction], now: datetime, quiet: timedelta, *, keeps_records: bool) -> None:
    for each in stored:
        if not each.is_over or each.next_check_at is not None:
            raise Rejected(f"{each.transaction_id} is open: erase the user once it is over")
        if each.booked_at is not None and each.booked_at > now - quiet:
            raise Rejected(f"{each.transaction_id} was over less than {quiet.days} days ago: a correction may follow")
        if each.orders is not None and not keeps_records:
            raise Rejected(f"{each.transaction_id} has orders, whose record is to be kept")


def _entries(stage: Stage, user_id: str) -> Iterator[dict[str, Any]]:
    """Every entry under the user's key."""
    return _query(stage, "UsersTable", "notes", user_id)


def _query(stage: Stage, table: str, name: str, value: str) -> Iterator[dict[str, Any]]:
    pages = stage.dynamodb.get_paginator("query").paginate(
        TableName=stage.outputs[table],
        KeyConditionExpression="#name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": {"S": value}},
        ConsistentRead=True,
    )
    for page in pages:
        yield from map(of_attributes, page["Items"])


def _transactions(stage: Stage, entries: Sequence[dict[str, Any]]) -> Iterator[Transaction]:
    for transaction_id in dict.fromkeys(each["transactionId"] for each in entries if "transactionId" in each):
        answer = stage.dynamodb.get_item(
            TableName=stage.outputs["TransactionsTable"],
            Key={"transactionId": {"S": transaction_id}},
            ConsistentRead=True,
        )
        if "Item" in answer:
            yield of_item(of_attributes(answer["Item"]))


def _delete_webhooks(stage: Stage, user_id: str, ids: set[str], accounts: set[str]) -> int:
    """Delete those about the user's transactions or accounts, or that name the user. Returns the number of them."""
    count = 0
    for attributes in stage.items(stage.outputs["WebhooksTable"], ConsistentRead=True):
        item = of_attributes(attributes)
        named = item.get("notes") == user_id or item.get("smallcaseAuthId") in accounts
        if named or item.get("transactionId") in ids:
            _delete(stage, "WebhooksTable", {"webhookId": item["webhookId"]})
            count += 1
    return count


def _delete_history(stage: Stage, transaction_id: str) -> int:
    entries = [each["entry"] for each in _query(stage, "HistoryTable", "transactionId", transaction_id)]
    for entry in entries:
        _delete(stage, "HistoryTable", {"transactionId": transaction_id, "entry": entry})
    return len(entries)


def _pseudonymize(stage: Stage, transaction: Transaction, pseudonym: str, by: str) -> None:
    """Keep the orders, without a user and an account. The version stays the same: no event is published."""
    changed: dict[str, Any] = {
        Attribute.NOTES: pseudonym,
        Attribute.CAUSE: of_cause(Cause(kind=CauseKind.PERSON, subject=by)),
    }
    names = (*NAMING, *changed, Attribute.VERSION)
    stage.dynamodb.update_item(
        TableName=stage.outputs["TransactionsTable"],
        Key={"transactionId": {"S": transaction.transaction_id}},
        UpdateExpression=f"SET {', '.join(f'#{name} = :{name}' for name in changed)}"
        f" REMOVE {', '.join(f'#{name}' for name in NAMING)}",
        ConditionExpression="#version = :version",
        ExpressionAttributeNames={f"#{name}": str(name) for name in names},
        ExpressionAttributeValues=to_attributes(
            {":version": transaction.version} | {f":{name}": value for name, value in changed.items()}
        ),
    )


def _delete_owner(stage: Stage, account: str, user_id: str) -> bool:
    """True if the account was this user's; it is not linked any more."""
    key = to_attributes({"notes": f"owner#{account}", "entry": "owner"})
    found = stage.dynamodb.get_item(TableName=stage.outputs["UsersTable"], Key=key, ConsistentRead=True).get("Item")
    if found is None or of_attributes(found)["owner"] != user_id:
        return False
    stage.dynamodb.delete_item(TableName=stage.outputs["UsersTable"], Key=key)
    return True


def _delete(stage: Stage, table: str, key: dict[str, str]) -> None:
    stage.dynamodb.delete_item(TableName=stage.outputs[table], Key=to_attributes(key))


def fingerprint(user_id: str, salt: str) -> str:
    """The user in an audit record: it shows that a given user was erased, and names none.

    It is slow on purpose: user ids are often phone numbers, which are quickly tried out.
    """
    secret = user_id.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32).hex()


def _audit(stage: Stage, user_id: str, by: str, now: datetime, erased: Erased) -> None:
    salt = secrets.token_hex(16)
    record = {
        "book": "erasure",
        "day": timestamp_text(now),
        "user": fingerprint(user_id, salt),
        "salt": salt,
        "by": by,
        **asdict(erased),
    }
    stage.dynamodb.put_item(TableName=stage.outputs["BooksTable"], Item=to_attributes(record))


def main(arguments: list[str]) -> int:
    """0 where the user was erased, 1 where that was rejected or failed: then run it again."""
    parser = stages.parser(__doc__)
    parser.add_argument("notes", help="the user's id, as the Gateway has it")
    parser.add_argument("--records", choices=("pseudonymize", "refuse"), default="pseudonymize", help="of orders")
    parser.add_argument("--by", default=getpass.getuser(), help="the operator, for the audit record")
    options = parser.parse_args(arguments)
    stage, keeps = stages.of(options), options.records == "pseudonymize"
    try:
        erased = erase(stage, options.notes, keeps_records=keeps, by=options.by)
    except Rejected as error:
        print(f"rejected: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"not everything was erased: {error}", file=sys.stderr)
        return 1
    print(simplejson.dumps(asdict(erased), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
