"""Opaque cursors: where a page ends, for the user it was made for."""

import base64
from typing import Final

from securities_transactions.http import problems

# What DynamoDB takes as a sort key.
MOST_ENTRY_BYTES: Final = 1024


def encode(user_id: str, entry: str) -> str:
    """The cursor after `entry` of the pages of `user_id`."""
    return base64.urlsafe_b64encode(f"{entry}\n{user_id}".encode()).decode().rstrip("=")


def decode(user_id: str, cursor: str | None) -> str | None:
    """The entry that `cursor` stands for; `Problem` 400 where it is not one of the pages of `user_id`."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:  # not base64, not ASCII or not UTF-8
        text = ""
    entry, _, owner = text.partition("\n")
    if owner != user_id or not entry.startswith("transaction#") or len(entry.encode()) > MOST_ENTRY_BYTES:
        raise problems.of_field("cursor", "is not one that this list has given")
    return entry
