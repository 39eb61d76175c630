"""`python -m operations.show TRANSACTION`: print the stored item of a transaction as JSON, with orders and request
decoded.

A value that cannot be decoded is printed as base64 with its error, so an unreadable item can be inspected.
"""

import base64
import sys
from collections.abc import Mapping
from typing import Any, Final

import simplejson
from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from securities_transactions.storage.dynamodb import of_attributes, present
from securities_transactions.storage.mapper import Attribute, to_cause
from securities_transactions.storage.snapshot_codec import decode

_ENCODED: Final = frozenset({Attribute.SNAPSHOT, Attribute.REQUEST})


def stored(stage: Stage, transaction_id: str) -> dict[str, Any] | None:
    """The current item, with a consistent read, or `None` if it does not exist."""
    answer = stage.dynamodb.get_item(
        TableName=stage.outputs["TransactionsTable"],
        Key={Attribute.TRANSACTION_ID.value: {"S": transaction_id}},
        ConsistentRead=True,
    )
    return decoded(of_attributes(answer["Item"])) if "Item" in answer else None


def decoded(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with plain values, in the order of `Attribute`. Unknown attributes come last."""
    known = [name.value for name in Attribute if name in item]
    return {name: _plain(name, item[name]) for name in [*known, *sorted(item.keys() - set(known))]}


def _plain(name: str, value: Any) -> Any:
    if name == Attribute.CAUSE:
        return present(vars(to_cause(value)))
    if not isinstance(value, bytes):
        return value
    if name in _ENCODED:
        try:
            return decode(value)
        except Exception as error:  # an undecodable value must not hide the rest of the item
            return {"base64": base64.b64encode(value).decode(), "error": f"{type(error).__name__}: {error}"}
    return {"base64": base64.b64encode(value).decode()}


def show(stage: Stage, transaction_id: str) -> int:
    """Print the item. Returns 0, or 1 if it does not exist."""
    item = stored(stage, transaction_id)
    if item is None:
        print(f"{transaction_id} is not stored in {stage.name}", file=sys.stderr)
        return 1
    print(simplejson.dumps(item, indent=2, use_decimal=True, ensure_ascii=False))
    return 0


def main(arguments: list[str]) -> int:
    """Returns 0 if the item was printed, 1 if it does not exist or the stage cannot be reached."""
    parser = stages.parser(__doc__)
    parser.add_argument("transaction", help="a transactionId")
    options = parser.parse_args(arguments)
    try:
        return show(stages.of(options), options.transaction)
    except (BotoCoreError, ClientError) as error:
        print(f"{options.stage} cannot be reached: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
