"""`python -m operations.show TRANSACTION`: the stored item of a transaction as JSON, its orders and request decoded.

What cannot be decoded is shown as base64 with the error: an item that the product cannot read can still be looked at.
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
    """The item as it is now: the read is consistent. `None` where there is none."""
    answer = stage.dynamodb.get_item(
        TableName=stage.outputs["TransactionsTable"],
        Key={Attribute.TRANSACTION_ID.value: {"S": transaction_id}},
        ConsistentRead=True,
    )
    return decoded(of_attributes(answer["Item"])) if "Item" in answer else None


def decoded(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with plain values: in the order of `Attribute`, those that this version does not know at the end."""
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
        except Exception as error:  # whatever is wrong with it, the rest of the item is shown
            return {"base64": base64.b64encode(value).decode(), "error": f"{type(error).__name__}: {error}"}
    return {"base64": base64.b64encode(value).decode()}


def show(stage: Stage, transaction_id: str) -> int:
    """Print the item; 0, or 1 where there is none."""
    item = stored(stage, transaction_id)
    if item is None:
        print(f"{transaction_id} is not stored in {stage.name}", file=sys.stderr)
        return 1
    print(simplejson.dumps(item, indent=2, use_decimal=True, ensure_ascii=False))
    return 0


def main(arguments: list[str]) -> int:
    """0 where the item was printed, 1 where there is none or the stage cannot be reached."""
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
