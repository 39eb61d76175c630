"""The smallcase Gateway's API over httpx: create a transaction, pull its details, pull its orders.

This client does not retry failed calls. A create is not idempotent at the Gateway (docs/reference/gateway.md §9), and
the callers repeat pulls. A call whose credentials are rejected did nothing, so it is made again with the other stored
ones.
"""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

import httpx

from securities_transactions import logging
from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.secrets import GatewaySecret
from securities_transactions.domain.statuses import GatewayStatus
from securities_transactions.domain.times import parse_time
from securities_transactions.gateway import tokens
from securities_transactions.gateway.credentials import Credentials, CredentialsInUse
from securities_transactions.gateway.errors import (
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    GatewayUnreadable,
    NotTheGateway,
)
from securities_transactions.gateway.exchange import CALL_SECONDS, Answer, OutOfBounds, SendsRequests
from securities_transactions.gateway.transaction_details import UnreadableDetails, transaction_of, with_orders

CREATE_PATH: Final = "/gateway/{gatewayName}/transaction"
DETAILS_PATH: Final = "/v1/{gatewayName}/engine/transactiondetails"
# The vendor documents the path of the orders API on no public page (docs/reference/gateway.md §3), so it is a stack
# parameter. The template has the same pattern.
ORDERS_PATH_PATTERN: Final = r"(/[A-Za-z0-9._~-]+)*/\{gatewayName\}(/[A-Za-z0-9._~-]+)*/?"

# A pull makes up to three calls. Together they stay below the functions' own timeout, which stays below the HTTP API's
# 30 s. A call that begins late in a pull or in an invocation has proportionally shorter deadlines.
PULL_SECONDS: Final = 18.0
# A call with less time than this would only load the Gateway: the response would rarely arrive in time.
_LEAST_CALL_SECONDS: Final = 3.0
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
# The longest wait that the Gateway can ask for: an hour later it is called again.
MOST_WAIT_SECONDS: Final = 3600
# How several transactionIds can be asked for in one call (docs/reference/gateway.md §3): under this name once for each,
# or together in one value where a comma follows the name. The template has the same list.
IDS_PARAMETERS: Final = (
    "transactionId",
    "transactionId[]",
    "transactionIds",
    "transactionIds[]",
    "transactionId,",
    "transactionIds,",
)
# The server gave up waiting for the request: it was not judged.
_TIMEOUTS: Final = frozenset({408, 425})
# The Gateway has too much to do (docs/reference/gateway.md §9), or what stands before it gets no answer from it.
_OVERLOADED: Final = frozenset({429, 502, 503, 504})
# What a server answers where it serves nothing: not found, wrong method, gone, moved.
_NOTHING_HERE: Final = frozenset({301, 302, 303, 307, 308, 404, 405, 410})

_logger = logging.logger()

# Signs the token of a call with a gateway secret.
Mint = Callable[[GatewaySecret], str]


@dataclass(frozen=True)
class Created:
    """A transaction that the Gateway just created. `expire_at` is aware UTC, or `None` if the response has none."""

    transaction_id: str
    expire_at: datetime | None


@dataclass(frozen=True)
class Gateway:
    """The vendor's gateway `name`, called with the `credentials` that it accepts.

    `orders_path` is the stack parameter GatewayOrdersPath, and `ids_parameter` GatewayIdsParameter. `monotonic` gives
    seconds from any start, `seconds_left` those that the invocation has for the Gateway, and `clock` aware UTC.
    `refuses_credentials` are the statuses that mean just that.
    """

    http: SendsRequests
    name: str
    credentials: CredentialsInUse
    orders_path: str
    monotonic: Callable[[], float] = time.monotonic
    seconds_left: Callable[[], float] = lambda: math.inf
    # The vendor publishes no status codes (docs/reference/gateway.md §1.4). These are HTTP's.
    refuses_credentials: frozenset[int] = frozenset({401, 403})
    ids_parameter: str = IDS_PARAMETERS[0]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        """Check the settings at start-up; raises `GatewayMisconfigured`."""
        if self.ids_parameter not in IDS_PARAMETERS:
            raise GatewayMisconfigured(f"GatewayIdsParameter must be one of {', '.join(map(repr, IDS_PARAMETERS))}")
        if not re.fullmatch(ORDERS_PATH_PATTERN, self.orders_path):
            raise GatewayMisconfigured(
                f"GatewayOrdersPath must be a path with the placeholder {{gatewayName}}, but is {self.orders_path!r}"
            )

    def create_transaction(self, body: Mapping[str, Any], mint: Mint) -> Created:
        """Create a transaction from `body` (docs/reference/gateway.md §1.2) for the user in the token that `mint`
        signs.

        Raises `GatewayRefused` or `GatewayUnavailable`. After the latter, an unused transaction may exist.
        """
        data = self._call("POST", CREATE_PATH, mint, content=dumps(body), until=self._until(CALL_SECONDS))
        transaction_id = data.get("transactionId")
        if not isinstance(transaction_id, str) or not transaction_id:
            raise GatewayUnavailable("the Gateway's response has no transactionId")
        return Created(transaction_id, parse_time(data.get("expireAt")))

    def pull(
        self,
        transaction_id: str,
        now: datetime,
        batch_id: str | None = None,
        known_open: GatewayStatus | None = None,
    ) -> GatewayTransaction:
        """Return the Gateway's state of a transaction, its orders included.

        With `known_open` the orders are left out where the status still is this one and no batch but `batch_id` is
        named: one call is enough to see that nothing has ended.

        Raises `GatewayRefused` (an unknown transactionId, for one), `GatewayUnavailable`, or `GatewayMisconfigured`
        where the orders API rejects a COMPLETED transaction.
        """
        until = self._until(PULL_SECONDS)

        def guest(secret: GatewaySecret) -> str:
            return tokens.mint_guest(secret, now)

        def auth_id_in(token: str) -> str | None:
            keys = self.credentials.read_secrets().gateway_keys
            try:
                return tokens.auth_id_of(tokens.verify_with_any(token, keys, now, allow_expired=True))
            except tokens.TokenError:
                return None

        data = self._call("GET", DETAILS_PATH, guest, params=[("transactionId", transaction_id)], until=until)
        try:
            found = transaction_of(data, now, auth_id_in)
        except UnreadableDetails as error:
            raise GatewayUnreadable(str(error)) from error
        if found.transaction_id not in ("", transaction_id):
            raise GatewayUnavailable("transaction details of another transaction")
        found = replace(found, transaction_id=transaction_id)
        if found.batch is not None or not found.may_have_orders:
            return found
        if found.status == known_open and found.batch_id in (None, batch_id) and not found.has_several_batches:
            return found
        try:
            found = with_orders(found, self._orders(found, found.batch_id or batch_id, guest, until))
        except UnreadableDetails as error:
            raise GatewayUnreadable(str(error)) from error
        if found.batch is None and found.status == GatewayStatus.COMPLETED:
            # The response may be stale. If this persists, the path belongs to another API, such as smallcase orders.
            _logger.warning(
                "no orders of a completed transaction", transaction_id=transaction_id, setting="GatewayOrdersPath"
            )
        return found

    def pull_completed(self, transaction_ids: Sequence[str], now: datetime) -> dict[str, GatewayTransaction]:
        """Those of the transactions, by transactionId, whose outcome one call of the orders API shows.

        By transactionId the orders API returns orders of COMPLETED transactions alone (docs/reference/gateway.md §3):
        a batch in which every order is final, and whose completedDate is set, shows all that settles it but the
        account. What is not in the response is unknown: it may be refused, ignored or behind. The response is empty
        where the Gateway refuses the ids.

        Raises `GatewayUnavailable`, or `GatewayRefused` where it is about our credentials.
        """

        def guest(secret: GatewaySecret) -> str:
            return tokens.mint_guest(secret, now)

        params, until = self._ids(transaction_ids), self._until(CALL_SECONDS)
        try:
            rows = _rows(self._call("GET", self.orders_path, guest, params=params, until=until))
        except GatewayRefused as error:
            if error.is_about_us:
                raise
            return {}
        except NotTheGateway as error:
            if error.status not in _NOTHING_HERE:
                raise
            return {}
        asked = {
            each: GatewayTransaction(transaction_id=each, status=GatewayStatus.COMPLETED, pulled_at=now)
            for each in transaction_ids
        }
        found = {each: _completed(transaction, rows) for each, transaction in asked.items()}
        return {each: transaction for each, transaction in found.items() if transaction is not None}

    def _ids(self, transaction_ids: Sequence[str]) -> list[tuple[str, str]]:
        """The query for one transaction, which is documented, or for several, which `ids_parameter` spells."""
        if len(transaction_ids) == 1:
            return [("transactionId", transaction_ids[0])]
        name = self.ids_parameter
        if name.endswith(","):
            return [(name.removesuffix(","), ",".join(transaction_ids))]
        return [(name, each) for each in transaction_ids]

    def _orders(
        self, transaction: GatewayTransaction, batch_id: str | None, mint: Mint, until: float
    ) -> Sequence[Mapping[str, Any]]:
        """The rows of the orders API for a transaction.

        By transactionId, the API returns orders only once the transaction is COMPLETED; by batchId, also open ones. It
        is not known whether it accepts both in one call, so after a refusal of both this calls again with the
        transactionId alone.
        """
        by_transaction = [("transactionId", transaction.transaction_id)]
        attempts = [[*by_transaction, ("batchId", batch_id)], by_transaction] if batch_id else [by_transaction]
        refused: GatewayRefused | NotTheGateway | None = None
        for params in attempts:
            try:
                found = self._call("GET", self.orders_path, mint, params=params, until=until)
            except GatewayRefused as error:
                if error.is_about_us:
                    raise
                refused = error
            except NotTheGateway as error:
                if error.status not in _NOTHING_HERE:
                    raise
                refused = error
            else:
                return _rows(found)
        if transaction.status == GatewayStatus.COMPLETED and refused is not None:
            # The Gateway has just returned this transaction's details, so the orders API must know it once it is
            # COMPLETED.
            raise GatewayMisconfigured(self._about_orders(refused)) from refused
        return []  # an open transaction may have no orders to show yet

    def _about_orders(self, refused: GatewayRefused | NotTheGateway) -> str:
        error_type = refused.error_type if isinstance(refused, GatewayRefused) else None
        answered = f"{refused.status}, {error_type or 'no type'}"
        if refused.status in _NOTHING_HERE:
            return f"the Gateway has no orders API at {self.orders_path} ({answered}): correct GatewayOrdersPath"
        return (
            f"the orders API at {self.orders_path} rejects a COMPLETED transaction ({answered}): "
            "check GatewayOrdersPath, then consult the vendor"
        )

    def _safe(self, errors: Sequence[str], auth_token: str) -> tuple[str, ...]:
        """The reasons without our secrets and the token: the Gateway may repeat them from the request."""
        secrets = self.credentials.read_secrets()
        hidden = [auth_token, *(key.value for key in (*secrets.gateway_keys, *secrets.api_keys))]
        return tuple(_without(error, hidden) for error in errors)

    def _until(self, seconds: float) -> float:
        return self.monotonic() + min(seconds, self.seconds_left())

    def _call(
        self,
        method: str,
        path: str,
        mint: Mint,
        *,
        until: float,
        params: Sequence[tuple[str, str]] = (),
        content: str | None = None,
    ) -> Mapping[str, Any]:
        """The data of the response, with the credentials in use, or with the others after a rejection."""

        def attempt(credentials: Credentials) -> Mapping[str, Any] | GatewayRefused:
            """The data, or the rejection of these credentials."""
            try:
                found = self._attempt(method, path, credentials, mint, until, params, content)
            except GatewayRefused as error:
                if error.is_about_us:
                    return error
                self.credentials.accepted(credentials)
                raise
            self.credentials.accepted(credentials)
            return found

        first = self.credentials.first
        refused = attempt(first)
        if not isinstance(refused, GatewayRefused):
            return refused
        for other in self.credentials.others(first):
            found = attempt(other)
            if not isinstance(found, GatewayRefused):
                return found
        raise refused

    def _attempt(
        self,
        method: str,
        path: str,
        credentials: Credentials,
        mint: Mint,
        until: float,
        params: Sequence[tuple[str, str]],
        content: str | None,
    ) -> Mapping[str, Any]:
        auth_token = mint(credentials.gateway)
        headers = {
            "x-gateway-secret": credentials.api.value,
            "x-gateway-authtoken": auth_token,
            "accept": "application/json",
            "content-type": "application/json",
        }
        url = path.format(gatewayName=quote(self.name, safe=""))
        seconds = min(CALL_SECONDS, until - self.monotonic())
        if seconds < _LEAST_CALL_SECONDS:
            raise GatewayUnavailable("too little time is left to call the Gateway")
        try:
            answer = self.http.request(method, url, params=params, content=content, headers=headers, seconds=seconds)
        except OutOfBounds as error:
            raise GatewayUnavailable(f"the Gateway did not answer: {error}", is_overloaded=True) from error
        except httpx.HTTPError as error:
            reason = f"the Gateway did not answer ({type(error).__name__})"
            raise GatewayUnavailable(reason, is_overloaded=True) from error
        if answer.status == httpx.codes.TOO_MANY_REQUESTS or answer.status >= 500:
            raise GatewayUnavailable(
                f"the Gateway answered {answer.status}",
                _asked_wait(answer, self.clock),
                is_overloaded=answer.status in _OVERLOADED,
            )
        try:
            envelope = loads(answer.content)
        except ValueError:
            envelope = None
        if not isinstance(envelope, dict):
            envelope = {}
        # A proxy in front of the Gateway may reject credentials too.
        if answer.status in self.refuses_credentials:
            reasons, error_type = self._safe(_errors(envelope), auth_token), _error_type(envelope)
            raise GatewayRefused(answer.status, reasons, error_type, is_about_us=True)
        if not _is_the_gateways(envelope) or answer.status in _TIMEOUTS or 300 <= answer.status < 400:
            raise NotTheGateway(answer.status)
        if not answer.is_success or envelope.get("success") is False:
            errors, error_type = _errors(envelope), _error_type(envelope)
            if answer.is_success and not errors and error_type is None:
                raise GatewayUnavailable("the Gateway refused without a reason")
            raise GatewayRefused(answer.status, self._safe(errors, auth_token), error_type)
        data = envelope.get("data")
        if isinstance(data, list):
            return {"orderBatches": data}
        if not isinstance(data, Mapping):
            raise GatewayUnavailable("the Gateway's response has no data")
        return data


def _is_the_gateways(envelope: Mapping[str, Any]) -> bool:
    """True if a response has the Gateway's own envelope (docs/reference/gateway.md §1.3, §1.4)."""
    return bool(envelope.keys() & {"success", "errors", "errorType"}) or isinstance(
        envelope.get("data"), Mapping | list
    )


def _rows(found: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    rows: list[Any] = next((found[key] for key in ("orders", "orderBatches") if isinstance(found.get(key), list)), [])
    return [row for row in rows if isinstance(row, Mapping)]


def _completed(transaction: GatewayTransaction, rows: Sequence[Mapping[str, Any]]) -> GatewayTransaction | None:
    """`transaction` with its orders in `rows`; `None` unless they show that nothing of it is open or doubtful."""
    try:
        found = with_orders(transaction, rows)
    except UnreadableDetails:
        return None
    batch = found.batch
    shown = batch is not None and batch.is_final and bool(batch.completedDate) and not batch.is_unclear
    return found if shown and not found.has_several_batches else None


def _asked_wait(answer: Answer, clock: Callable[[], datetime]) -> int | None:
    """The seconds in a Retry-After header, which has seconds or a date (RFC 9110 §10.2.3); `None` without one."""
    text = answer.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return min(int(text), MOST_WAIT_SECONDS)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date without a zone is UTC by the RFC's grammar; Python reads the obsolete forms without any.
    wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - clock()
    return max(0, min(math.ceil(wait.total_seconds()), MOST_WAIT_SECONDS))


def _without(text: str, hidden: Sequence[str]) -> str:
    for each in hidden:
        # Every secret has at least eight characters. Replacing shorter text would only make the message unreadable.
        text = text.replace(each, "…") if len(each) >= 8 else text
    return text


def _errors(envelope: Mapping[str, Any]) -> tuple[str, ...]:
    """The reasons of a refusal: a list, one text, or the text of `message`. At most twenty, of 500 characters each."""
    errors = envelope.get("errors") or envelope.get("message")
    texts = errors if isinstance(errors, list) else [errors]
    return tuple(str(error)[:500] for error in texts[:20] if error)


def _error_type(envelope: Mapping[str, Any]) -> str | None:
    value = envelope.get("errorType")
    return value if isinstance(value, str) else None
