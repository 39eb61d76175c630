"""The token in a resolved SDK response decides whose broker account is linked: it is verified, not just decoded."""

from copy import deepcopy
from datetime import timedelta
from typing import Any, Final

import pytest

from securities_transactions.domain.errors import Fault, InvalidField
from securities_transactions.domain.sdk_response import TOKEN_FIELD
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.domain.transaction import AccountLink, ConfirmPolicy
from securities_transactions.gateway import tokens
from securities_transactions.gateway.secrets import GatewaySecrets
from securities_transactions.services.accept_sdk_response import AcceptSdkResponse
from securities_transactions.storage.transactions import Transactions
from securities_transactions.storage.users import Users
from tests.simulation.dynamodb import DynamoDB, Table
from tests.simulation.world import Rates, World
from tests.unit import factories

NOW: Final = factories.CREATED
AUTH_ID: Final = "65a1b2c3d4e5f60718293a4b"
SECRETS: Final = GatewaySecrets(GatewaySecret("gateway-secret-for-the-tests-0123456789"), ApiSecret("api-secret"))
FORGERS_SECRET: Final = GatewaySecret("forgers-secret-for-the-tests-0123456789")
GENUINE: Final = tokens.mint_connected(SECRETS.gateway, AUTH_ID, NOW)
TRANSACTION: Final = factories.stored()


def read_secrets(*, fresh: bool = False) -> GatewaySecrets:
    """The secrets that genuine tokens are signed with."""
    return SECRETS


class App:
    """An app that posts responses about one stored transaction."""

    def __init__(self) -> None:
        self.tables = {"T": Table(("transactionId",)), "U": Table(("notes", "entry"))}
        client: Any = DynamoDB(World(0, Rates(), (0,), story=False), self.tables, lambda *_: None)
        self.users = Users(client, "U", Transactions(client, "T", lambda attempt: None))
        assert self.users.create(TRANSACTION)
        self.service = AcceptSdkResponse(self.users, read_secrets, ConfirmPolicy.FINAL, lambda: NOW)

    def post(self, token: str) -> None:
        """Post the resolved response with this token."""
        self.service.accept(TRANSACTION, {"resolved": {"smallcaseAuthToken": token, "broker": "kite"}})

    @property
    def items(self) -> list[Any]:
        """Everything that is stored."""
        return deepcopy([table.items for table in self.tables.values()])


@pytest.fixture
def app() -> App:
    """An app with its own tables."""
    return App()


@pytest.mark.parametrize(
    "token",
    [
        tokens.mint_connected(FORGERS_SECRET, AUTH_ID, NOW),
        tokens.mint_guest(SECRETS.gateway, NOW),
        tokens.mint_connected(SECRETS.gateway, AUTH_ID, NOW - timedelta(hours=1)),
        GENUINE[:-4],
        "not a token",
    ],
    ids=["forged", "guest", "expired", "cut", "not a token"],
)
def test_token_that_is_not_genuine_is_rejected_and_changes_nothing(app: App, token: str) -> None:
    """The error names the field and repeats no token."""
    before = app.items
    with pytest.raises(InvalidField) as caught:
        app.post(token)
    assert (caught.value.fault, caught.value.field) == (Fault.MEANING, TOKEN_FIELD)
    assert token not in str(caught.value)
    assert app.items == before


def test_genuine_token_links_its_account(app: App) -> None:
    app.post(GENUINE)
    stored = app.users.transactions.get("TRX_1")
    assert stored is not None
    assert (stored.smallcase_auth_id, stored.account, stored.broker) == (AUTH_ID, AccountLink.LINKED, "kite")
    assert stored.pull_requested_at == NOW
    assert app.users.owner_of(AUTH_ID) == "user=42"
