"""Issues tokens for the Gateway SDK: connected if a broker account is linked, else guest, or as selected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from securities_transactions.domain.account_linking import LinkedAccount
from securities_transactions.domain.errors import Fault, InvalidField
from securities_transactions.domain.order_config import NotesText
from securities_transactions.domain.secrets import GatewaySecret
from securities_transactions.gateway import tokens
from securities_transactions.gateway.credentials import CredentialsInUse
from securities_transactions.storage.users import Users

Connect = Literal["auto", "guest", "connected"]


class TokenRequest(BaseModel):
    """The requested token: "auto" is connected if a broker account is linked, else guest."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"connect": "guest"}]})

    connect: Connect = "auto"
    smallcaseAuthId: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    notes: NotesText | None = None


@dataclass(frozen=True)
class IssuedToken:
    """A token for the Gateway SDK, its account, if any, and its expiry (aware UTC)."""

    token: str
    account: LinkedAccount | None
    expires_at: datetime


@dataclass(frozen=True)
class IssueSdkToken:
    """Issues tokens. `clock` returns aware UTC."""

    users: Users
    credentials: CredentialsInUse
    clock: Callable[[], datetime]

    def account_for(self, user_id: str, connect: Connect, smallcase_auth_id: str | None) -> LinkedAccount | None:
        """The account of the token, or `None` for a guest. Raises `InvalidField` if it is not linked to the user."""
        return choose(self.users.accounts_of(user_id), connect, smallcase_auth_id)

    def issue(self, account: LinkedAccount | None) -> IssuedToken:
        """A token for `account`, or a guest token."""
        return self.sign(account, self.credentials.first.gateway)

    def sign(self, account: LinkedAccount | None, secret: GatewaySecret) -> IssuedToken:
        """The same, signed with a `secret` of ours."""
        now = self.clock()
        if account is None:
            token = tokens.mint_guest(secret, now)
        else:
            token = tokens.mint_connected(secret, account.smallcase_auth_id, now)
        return IssuedToken(token, account, now + tokens.LIFETIME)


def choose(accounts: Sequence[LinkedAccount], connect: Connect, smallcase_auth_id: str | None) -> LinkedAccount | None:
    """Select the account of the token from a user's `accounts`, most recently linked first. See `account_for`."""
    if smallcase_auth_id is not None:
        if connect == "guest":
            raise InvalidField("smallcaseAuthId", "a guest token names no account")
        account = next((each for each in accounts if each.smallcase_auth_id == smallcase_auth_id), None)
        if account is None:
            raise InvalidField("smallcaseAuthId", "is not linked to this user", Fault.MEANING)
        return account
    if connect == "connected" and not accounts:
        raise InvalidField("connect", "no broker account is linked to this user yet", Fault.MEANING)
    return accounts[0] if accounts and connect != "guest" else None
