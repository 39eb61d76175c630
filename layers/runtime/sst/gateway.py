"""The smallcase Gateway's API over httpx: create a transaction, pull its details, pull its orders.

Nothing here retries: a create is not idempotent at the Gateway (docs/gateway.md §9), and pulls are repeated by what
asked for them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import httpx

from sst import tokens
from sst.exact import dumps, loads
from sst.gateway_errors import RETRY_AFTER_SECONDS, GatewayRefused, GatewayUnavailable
from sst.secrets import GatewaySecrets
from sst.times import parse_time
from sst.truth import Truth, UnreadableTruth, truth_of, with_orders

# The paths that the vendor's public pages leave open stand here alone (docs/gateway.md §3).
CREATE_PATH: Final = "/gateway/{gateway}/transaction"
DETAILS_PATH: Final = "/v1/{gateway}/engine/transactiondetails"
ORDERS_PATH: Final = "/v1/{gateway}/engine/orders"

# httpx counts each step apart, and connecting twice (TCP and TLS): at worst a call takes 9 s. The two calls of a pull
# stay below the functions' own timeout, and that below the HTTP API's 30 s.
DEADLINE: Final = httpx.Timeout(5.0, connect=1.5, write=1.0)
# Many servers end a connection that was idle for 5 s: one that is nearly as old may be ended just as it is used.
_CONNECTIONS: Final = httpx.Limits(keepalive_expiry=3.0)
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Created:
    """A transaction that the Gateway just made. `expire_at` is aware UTC, or `None` where the answer has none."""

    transaction_id: str
    expire_at: datetime | None


@dataclass(frozen=True)
class Gateway:
    """One gateway of the vendor's, as named in `name`, called with our secrets."""

    http: httpx.Client
    name: str
    secrets: Callable[[], GatewaySecrets]

    def create_transaction(self, body: Mapping[str, Any], auth_token: str) -> Created:
        """Make a transaction of `body` (docs/gateway.md §1.2) for the user in `auth_token`.

        Raises `GatewayRefused` or `GatewayUnavailable`; after the latter a transaction may exist that nobody will use.
        """
        data = self._call("POST", CREATE_PATH, auth_token, content=dumps(body))
        transaction_id = data.get("transactionId")
        if not isinstance(transaction_id, str) or not transaction_id:
            raise GatewayUnavailable("the Gateway's answer has no transactionId")
        return Created(transaction_id, parse_time(data.get("expireAt")))

    def pull(self, transaction_id: str, now: datetime, batch_id: str | None = None) -> Truth:
        """What the Gateway knows of a transaction, its orders included.

        Raises `GatewayRefused` (an unknown transactionId, for one) or `GatewayUnavailable`.
        """
        secrets = self.secrets()
        guest = tokens.mint_guest(secrets.gateway, now)

        def auth_id_in(token: str) -> str | None:
            try:
                return tokens.auth_id_of(tokens.verify(token, secrets.gateway, now, allow_expired=True))
            except tokens.TokenError:
                return None

        data = self._call("GET", DETAILS_PATH, guest, params=[("transactionId", transaction_id)])
        try:
            truth = truth_of(data, now, auth_id_in)
        except UnreadableTruth as error:
            raise GatewayUnavailable(str(error)) from error
        if truth.transaction_id not in ("", transaction_id):
            raise GatewayUnavailable("transaction details of another transaction")
        truth = replace(truth, transaction_id=transaction_id)
        if truth.batch is not None or not truth.may_have_orders:
            return truth
        # By transactionId the orders API answers only once COMPLETED; by batchId it also shows what is open.
        named = truth.batch_id or batch_id
        asked = [("transactionId", transaction_id)] + ([("batchId", named)] if named else [])
        found = self._call("GET", ORDERS_PATH, guest, params=asked)
        rows: list[Any] = next(
            (found[key] for key in ("orders", "orderBatches") if isinstance(found.get(key), list)), []
        )
        return with_orders(truth, [row for row in rows if isinstance(row, Mapping)])

    def _call(
        self,
        method: str,
        path: str,
        auth_token: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        content: str | None = None,
    ) -> Mapping[str, Any]:
        headers = {
            "x-gateway-secret": self.secrets().api.value,
            "x-gateway-authtoken": auth_token,
            "accept": "application/json",
            "content-type": "application/json",
        }
        url = path.format(gateway=quote(self.name, safe=""))
        try:
            answer = self.http.request(method, url, params=tuple(params), content=content, headers=headers)
        except httpx.HTTPError as error:
            raise GatewayUnavailable(f"the Gateway did not answer ({type(error).__name__})") from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.status_code >= 500:
            raise GatewayUnavailable(f"the Gateway answered {answer.status_code}", _retry_after(answer))
        try:
            envelope = loads(answer.content)
        except ValueError:
            envelope = None
        if not isinstance(envelope, dict):
            if answer.is_success:
                raise GatewayUnavailable("the Gateway's answer is not a JSON object")
            envelope = {}
        if not answer.is_success or envelope.get("success") is False:
            raise GatewayRefused(answer.status_code, _errors(envelope), _error_type(envelope))
        data = envelope.get("data")
        if isinstance(data, list):
            return {"orderBatches": data}
        if not isinstance(data, Mapping):
            raise GatewayUnavailable("the Gateway's answer has no data")
        return data


def client(base_url: str) -> httpx.Client:
    """The HTTP client that `Gateway` is called through: kept between calls, with deadlines on every step."""
    return httpx.Client(base_url=base_url, timeout=DEADLINE, limits=_CONNECTIONS, follow_redirects=False)


def _retry_after(answer: httpx.Response) -> int:
    text = answer.headers.get("retry-after", "")
    return min(int(text), 3600) if _SECONDS.fullmatch(text) else RETRY_AFTER_SECONDS


def _errors(envelope: Mapping[str, Any]) -> tuple[str, ...]:
    errors = envelope.get("errors")
    return tuple(str(error) for error in errors) if isinstance(errors, list) else ()


def _error_type(envelope: Mapping[str, Any]) -> str | None:
    value = envelope.get("errorType")
    return value if isinstance(value, str) else None
