"""Opaque cursors: where a page ends, for its owner (a user or a transaction) and the list that it was made for."""

import base64
import re
from typing import Final

from securities_transactions.http import problems
from securities_transactions.http.problems import Problem

# The maximum size of a DynamoDB sort key.
MOST_ENTRY_BYTES: Final = 1024


# What the entries of a user's list begin with; those of a transaction's history with the digits of a version.
OF_A_USER: Final = re.compile("transaction#")
OF_A_HISTORY: Final = re.compile("[0-9]{10}#[0-9]{40}", re.ASCII)


def encode(owner_id: str, entry: str, filters: str = "") -> str:
    """The cursor after `entry` of the pages of `owner_id` under `filters`, which are text without line breaks."""
    return base64.urlsafe_b64encode(f"{entry}\n{filters}\n{owner_id}".encode()).decode().rstrip("=")


def decode(owner_id: str, cursor: str | None, form: re.Pattern[str] = OF_A_USER) -> tuple[str, str] | None:
    """The entry that `cursor` stands for, and the filters; `Problem` 400 where it is not one of the owner's pages."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:  # not base64, not ASCII or not UTF-8
        text = ""
    entry, _, rest = text.partition("\n")
    filters, _, owner = rest.partition("\n")
    if owner != owner_id or not form.match(entry) or len(entry.encode()) > MOST_ENTRY_BYTES:
        raise unknown()
    return entry, filters


def unknown() -> Problem:
    """The problem for a cursor of another list."""
    return problems.of_field("cursor", "is not a cursor of this list")
