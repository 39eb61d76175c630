"""The filters of a list of transactions, from the query of a request or from the cursor of the previous page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode

from securities_transactions.domain.order_config import MOST_REFERENCE_CHARACTERS, REFERENCE_PATTERN
from securities_transactions.domain.selection import Selection, State
from securities_transactions.domain.statuses import Side
from securities_transactions.http import cursor, problems
from securities_transactions.http.request import Request

NAMES: Final = ("from", "to", "state", "tradingsymbol", "side", "reference", "sort")
SORTS: Final = ("newest", "oldest")
MOST_SYMBOL_CHARACTERS: Final = 64


@dataclass(frozen=True)
class Place:
    """The start of a page, and the selection of its list. `filters` are the parameters for it."""

    filters: Mapping[str, str]
    selection: Selection
    entry: str | None = None

    def cursor(self, user_id: str, entry: str) -> str:
        """The cursor of the next page of this list, after `entry`."""
        return cursor.encode(user_id, entry, urlencode(sorted(self.filters.items())))


FIRST_PAGE_OF_ALL: Final = Place({}, Selection())


def place_of(request: Request, user_id: str) -> Place:
    """The place in a request. Raises `Problem` 400 for an invalid filter, or for one that differs from its cursor's."""
    given = {name: value for name in NAMES if (value := request.query(name)) is not None}
    after = cursor.decode(user_id, request.query("cursor"))
    if after is None:
        return Place(given, _selection(given))
    entry, text = after
    kept = dict(parse_qsl(text))
    if kept.keys() - set(NAMES):
        raise cursor.unknown()
    selection = _selection(kept)
    if given and _selection(given) != selection:
        detail = "has other filters than its cursor keeps: give the same ones, or none"
        raise problems.of_field(_differing(given, kept), detail)
    return Place(kept, selection, entry)


def _differing(given: Mapping[str, str], kept: Mapping[str, str]) -> str:
    return next(name for name in NAMES if given.get(name) != kept.get(name))


def _selection(filters: Mapping[str, str]) -> Selection:
    since, until = _moment(filters, "from"), _moment(filters, "to")
    if since is not None and until is not None and since >= until:
        raise problems.of_field("to", "must be later than from")
    state, side, sort = (
        _one_of(filters, name, allowed) for name, allowed in (("state", State), ("side", Side), ("sort", SORTS))
    )
    symbol, reference = filters.get("tradingsymbol"), filters.get("reference")
    if symbol is not None and not 1 <= len(symbol) <= MOST_SYMBOL_CHARACTERS:
        raise problems.of_field("tradingsymbol", f"must have 1 to {MOST_SYMBOL_CHARACTERS} characters")
    if reference is not None and not _is_reference(reference):
        raise problems.of_field("reference", f"must be 1 to {MOST_REFERENCE_CHARACTERS} visible ASCII characters")
    return Selection(
        since=since,
        until=until,
        state=None if state is None else State(state),
        tradingsymbol=None if symbol is None else symbol.upper(),
        side=None if side is None else Side(side),
        reference=reference,
        oldest_first=sort == "oldest",
    )


def _moment(filters: Mapping[str, str], name: str) -> datetime | None:
    text = filters.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise problems.of_field(name, "must be a time with its zone, such as 2026-01-15T00:00:00Z or …T00:00:00%2B05:30")


def _one_of(filters: Mapping[str, str], name: str, allowed: type[State] | type[Side] | tuple[str, ...]) -> str | None:
    value, words = filters.get(name), [str(each) for each in allowed]
    if value is not None and value not in words:
        raise problems.of_field(name, f"must be {', '.join(words[:-1])} or {words[-1]}")
    return value


def _is_reference(text: str) -> bool:
    return len(text) <= MOST_REFERENCE_CHARACTERS and re.fullmatch(REFERENCE_PATTERN, text) is not None
