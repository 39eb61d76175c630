"""Which SDK token a user gets: connected where a broker account is linked, guest where not, unless they choose."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from securities_transactions.domain.order_config import NotesText
from securities_transactions.domain.times import timestamp_text
from securities_transactions.gateway import tokens
from securities_transactions.gateway.secrets import GatewaySecret
from securities_transactions.http import problems
from securities_transactions.http.problems import Problem
from securities_transactions.http.views import SdkToken
from securities_transactions.storage.users import LinkedAccount

Connect = Literal["auto", "guest", "connected"]


class TokenRequest(BaseModel):
    """Which token is wanted: "auto" is connected where a broker account is linked, else guest."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"connect": "guest"}]})

    connect: Connect = "auto"
    smallcaseAuthId: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    notes: NotesText | None = None


def choose(accounts: Sequence[LinkedAccount], connect: Connect, smallcase_auth_id: str | None) -> LinkedAccount | None:
    """The account to continue with, `None` for a guest. `Problem` 422 where what is asked for is not linked."""
    if smallcase_auth_id is not None:
        if connect == "guest":
            raise problems.of_field("smallcaseAuthId", "a guest token names no account")
        account = next((each for each in accounts if each.smallcaseAuthId == smallcase_auth_id), None)
        if account is None:
            raise problems.of_field("smallcaseAuthId", "is not linked to this user", problems.UNPROCESSABLE)
        return account
    if connect == "connected" and not accounts:
        raise Problem(problems.UNPROCESSABLE, "connect: no broker account is linked to this user yet")
    return accounts[0] if accounts and connect != "guest" else None


def mint(account: LinkedAccount | None, secret: GatewaySecret, now: datetime) -> SdkToken:
    """The token to initialise the Gateway SDK with."""
    expires_at = timestamp_text(now + tokens.LIFETIME)
    if account is None:
        return SdkToken(smallcaseAuthToken=tokens.mint_guest(secret, now), kind="guest", expiresAt=expires_at)
    return SdkToken(
        smallcaseAuthToken=tokens.mint_connected(secret, account.smallcaseAuthId, now),
        kind="connected",
        expiresAt=expires_at,
        smallcaseAuthId=account.smallcaseAuthId,
        broker=account.broker,
    )
