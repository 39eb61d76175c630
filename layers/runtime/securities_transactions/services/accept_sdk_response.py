"""Accepts the SDK response that an app posts: links the account, reports the orders and requests a pull.

The response is only a signal. Its token is verified, and only the Gateway decides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from securities_transactions.domain import sdk_response
from securities_transactions.domain.account_linking import token_adds_account
from securities_transactions.domain.cause import Cause
from securities_transactions.domain.errors import Contended, Fault, InvalidField
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.sdk_response import TOKEN_FIELD, Resolved, Signal
from securities_transactions.domain.secrets import GatewaySecret
from securities_transactions.domain.transaction import ConfirmPolicy, Source, Transaction
from securities_transactions.domain.transitions import Report, Transition
from securities_transactions.gateway import tokens
from securities_transactions.gateway.secrets import ReadSecrets
from securities_transactions.services.link_account import LinkAccount
from securities_transactions.storage.users import Users

_ATTEMPTS: Final = 4

VerifyToken = Callable[[str, Sequence[GatewaySecret], datetime], Mapping[str, Any]]


@dataclass(frozen=True)
class AcceptSdkResponse:
    """Accepts SDK responses under the `confirm` policy. `clock` returns aware UTC.

    `verify` returns the claims of a token that the Gateway signed with any of our gateway secrets, and raises
    `TokenError` for any other.
    """

    users: Users
    read_secrets: ReadSecrets
    confirm: ConfirmPolicy
    clock: Callable[[], datetime]
    verify: VerifyToken = tokens.verify_with_any

    def accept(self, transaction: Transaction, posted: Any, cause: Cause | None = None) -> None:
        """Store what `posted` reports about `transaction`, with its `cause`, and request a pull.

        `posted` is any JSON. Raises `InvalidField` for another transaction's and for a token that is not genuine.
        """
        now = self.clock()
        response = sdk_response.read(posted, transaction.transaction_id)
        if isinstance(response, Signal):
            self.users.transactions.request_pull(transaction.transaction_id, now, response.error, cause)
        else:
            self._accept_resolved(transaction, response, now, cause)

    def _accept_resolved(
        self, transaction: Transaction, resolved: Resolved, now: datetime, cause: Cause | None
    ) -> None:
        """Link the account in the verified token, and report the batch that the SDK showed.

        The first write is complete without the second: it requests a pull, which returns the orders in any case.
        """
        auth_id = self._verified(resolved.token, now)
        stored: Transaction | None = transaction
        transition = Transition(pull_requested_at=now, cause=cause)
        for _ in range(_ATTEMPTS):
            if stored is None or self._link(stored, auth_id, resolved.broker, transition, now):
                break
            stored = self.users.transactions.get(transaction.transaction_id)
        else:
            raise Contended(transaction.transaction_id)
        if resolved.batch is None:
            return
        # Even if webhooks are trusted, a report from a browser never settles a transaction.
        confirm = ConfirmPolicy.FINAL if self.confirm is ConfirmPolicy.NONE else self.confirm
        self.users.transactions.report(
            Report.under(
                confirm,
                Snapshot(resolved.batch, now),
                transaction_id=transaction.transaction_id,
                smallcase_auth_id=auth_id,
                broker=resolved.broker,
                user_id=None,
                source=Source.SDK,
                at=now,
                cause=cause,
            )
        )

    def _verified(self, token: str, now: datetime) -> str:
        try:
            auth_id = tokens.auth_id_of(self._claims(token, now))
        except tokens.TokenError as error:
            raise InvalidField(TOKEN_FIELD, str(error), Fault.MEANING) from None
        if auth_id is None:
            raise InvalidField(TOKEN_FIELD, "is a guest token without a smallcaseAuthId", Fault.MEANING)
        return auth_id

    def _claims(self, token: str, now: datetime) -> Mapping[str, Any]:
        try:
            return self.verify(token, self.read_secrets().gateway_keys, now)
        except tokens.NotSigned:  # the secret may have changed
            return self.verify(token, self.read_secrets(fresh=True).gateway_keys, now)

    def _link(
        self, stored: Transaction, auth_id: str, broker: str | None, transition: Transition, now: datetime
    ) -> bool:
        if token_adds_account(stored, auth_id):
            return LinkAccount(self.users).save(stored, transition, auth_id, broker, now)
        return self.users.transactions.apply(stored, transition)
