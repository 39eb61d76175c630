"""`python -m operations.history TRANSACTION`: what happened to a transaction, who did it, and what happens next.

It asks the API, so a service token is enough: put it into the environment variable TOKEN. No AWS credentials are used
where `--api` names the API's URL.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.api import Api, ApiError
from operations.timeline import order_line

_PAGE = 50


def read(api: Api, transaction_id: str) -> dict[str, Any]:
    """The whole history: the first page's answer with the items of all. Raises `ApiError`."""
    found: dict[str, Any] = {}
    cursor = None
    while True:
        parameters = {"limit": _PAGE} | ({"cursor": cursor} if cursor else {})
        page = api.call("GET", f"/transactions/{transaction_id}/history", params=parameters)
        found = found or {**page, "items": []}
        found["items"] += page["items"]
        cursor = page.get("cursor")
        if cursor is None:
            found.pop("cursor", None)
            return found


def lines(history: Mapping[str, Any]) -> Iterator[str]:
    """A history as text: where it stands, each change with its cause, what changed nothing, and what is next."""
    words = [history["status"], history.get("confirmation"), "settled" if history["settled"] else None]
    yield f"{history['transactionId']}: {', '.join(filter(None, words))} (version {history['version']})"
    for change in history["items"]:
        yield f"  v{change['version']:<3} {change['at']}  {_what(change)}{_cause(change.get('cause'))}"
        for order in change.get("orders") or []:
            before = order.get("previousStatus")
            was = f"  (was {order.get('previousFilledQuantity') or 0} {before})" if before else ""
            yield f"         {order_line(order)}{was}{_reason(order)}"
    for webhook in history.get("webhooks") or []:
        why = f"suspicious: {webhook['suspicion']}" if "suspicion" in webhook else webhook["kind"]
        yield f"       {webhook['receivedAt']}  a webhook changed nothing ({why})  webhook {webhook['webhookId'][:32]}"
    yield f"next: {history['next']}"


def _what(change: Mapping[str, Any]) -> str:
    error = change.get("sdkError") or change.get("error") or {}
    why = " ".join(str(error[name]) for name in ("reason", "code", "message") if name in error) or change.get("reason")
    more = {"gateway status": change.get("gatewayStatus"), "account": change.get("account")}.get(change["change"])
    status = change.get("status") if more is None else more
    return " ".join(filter(None, [change["change"], status, f"({why})" if why else None]))


def _reason(order: Mapping[str, Any]) -> str:
    return f"  {order['errorCode']}" if order.get("errorCode") else ""


def _cause(cause: Mapping[str, Any] | None) -> str:
    if cause is None:
        return ""
    named = {"webhookId": "webhook", "subject": "subject", "client": "client", "requestId": "request"}
    known = [f"{word} {cause[name]}" for name, word in named.items() if name in cause]
    return f"  by {cause['kind']}{' (' + ', '.join(known) + ')' if known else ''}"


def main(arguments: list[str]) -> int:
    """0 where the history was printed, 1 where it cannot be read."""
    parser = stages.parser(__doc__)
    parser.add_argument("transaction", help="a transactionId")
    parser.add_argument("--api", help="the API's URL, for those without AWS credentials")
    options = parser.parse_args(arguments)
    try:
        with Api(stages.of(options), url=options.api) as api:
            history = read(api, options.transaction)
    except (ApiError, BotoCoreError, ClientError, httpx.HTTPError) as error:
        print(f"the history cannot be read: {error}", file=sys.stderr)
        return 1
    for line in lines(history):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
