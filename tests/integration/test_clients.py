"""The clients that public generators make from the contract: they compile strictly and get the documented responses."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from securities_transactions.domain.decimal_json import dumps
from securities_transactions.http.problems import ProblemType
from tests.clients.generated import Clients
from tests.contract.test_docs_money import PRICES, recipe
from tests.integration.test_webhooks import filled, place, signed
from tools.clients.__main__ import run
from tools.contracts.answers import problem_of
from tools.contracts.routes import ROUTES, Route
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import Product

# What API Gateway answers by itself.
STEPS = ("openCase", "claimCase", "commentOnCase", "resolveCase", "approveResolution")
_MESSAGES = (413, 429, 500, 503)


def scenario_of(product: Product, gateway: GatewayDriver, user: str) -> dict[str, Any]:
    """A transaction of `user` with a placed order, what the SDK resolved with, and a webhook about it."""
    transaction_id, truth = place(product, gateway, user)
    gateway.finish(transaction_id)
    return {
        "api": product.api_url,
        "token": product.token(user),
        "operatorToken": product.token("ann", "securities-transactions:operator"),
        "transactionId": transaction_id,
        "smallcaseAuthId": truth["smallcaseAuthId"],
        "resolved": gateway.sdk_result(transaction_id)["value"],
        "webhook": signed(truth, **filled(truth)),
    }


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_every_route_answers_through_a_generated_client(
    clients: Clients, language: str, product: Product, gateway: GatewayDriver, user: str
) -> None:
    """Each 2xx as its model, each 4xx as a problem or API Gateway's message: the callers check that themselves."""
    answered = defaultdict(set)
    for each in clients.calls(language, scenario_of(product, gateway, user)):
        answered[each["operation"]].add(each["status"])

    expected = {
        "createTransaction": {201, 400, 401, 403, 413, 422},
        "getTransaction": {200, 400, 401, 404},
        "getOrders": {200, 400, 401, 404},
        "getHistory": {200, 400, 401, 404},
        "listOrders": {200, 400, 401, 403},
        "listCases": {200, 400, 401, 403},
        **{step: {401, 403, 404} for step in STEPS},
        "acceptSdkResponse": {202, 401, 404, 422},
        "issueSdkToken": {201, 400, 401, 403, 422},
        "listAccounts": {200, 400, 401, 403},
        "forgetAccount": {204, 400, 401, 403, 404},
        "ingestWebhook": {200, 401},
        "ingestWebhookAtSegment": {404},  # this stack has none: test_two_stacks.py has one
    }
    assert answered == expected
    assert set(expected) == {route.name for route in ROUTES}


def test_python_client_passes_strict_mypy(clients: Clients) -> None:
    """With the caller of every route: what it takes for granted of an answer's type is what the client says."""
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", str(clients.python_caller)],
        cwd=clients.python,
        env=os.environ | {"MYPYPATH": str(clients.python)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ('signedIn.GET("/order")', "TS2554"),
        ('signedIn.GET("/orders", { params: { query: { limit: "1" } } })', "TS2322"),
        ('signedIn.POST("/transactions", { body: {} })', "TS2322"),
        ('signedIn.GET("/accounts").then(({ data }) => data?.items[0]?.linkedBy)', "TS2339"),
    ],
    ids=["path", "parameter", "required-member", "member-of-an-answer"],
)
def test_typescript_client_rejects_what_the_contract_does_not_have(
    clients: Clients, tmp_path: Path, wrong: str, error: str
) -> None:
    with pytest.raises(subprocess.CalledProcessError, match="tsc") as failed:
        clients.compile(
            'import createClient from "openapi-fetch";\n'
            'import type { paths } from "securities-transactions-client";\n'
            f'const signedIn = createClient<paths>({{ baseUrl: "" }});\nvoid {wrong};\n',
            tmp_path,
        )
    assert re.findall(r"error (TS\d+)", failed.value.stdout) == [error]


def test_typescript_recipe_for_money_keeps_every_digit(clients: Clients, tmp_path: Path) -> None:
    """The recipe of docs/reference/clients.md, on the prices of the Python recipe's test."""
    text = dumps({"items": [{"averagePrice": price} for price in PRICES]})
    program = f"{recipe('typescript')}\nconsole.log(JSON.stringify(exact({json.dumps(text)})));\n"
    clients.compile(program, tmp_path)
    shown = json.loads(run("node", "program.js", directory=tmp_path))
    assert [Decimal(each["averagePrice"]) for each in shown["items"]] == PRICES
    assert all(isinstance(each["averagePrice"], str) for each in shown["items"])


def canned() -> list[Any]:
    """Every problem that every route is documented with, and API Gateway's message where that may come instead."""
    return [
        pytest.param(route, status, cause, id=f"{route.name}-{status}-{cause.name if cause else 'message'}")
        for route in ROUTES
        for status in sorted({each.status for each in route.problems} | {429} | ({401} if not route.is_open else set()))
        for cause in [
            *(each for each in route.problems if each.status == status),
            *([None] if status in _MESSAGES or (status == 401 and not route.is_open) else []),
        ]
    ]


@pytest.mark.parametrize(("route", "status", "cause"), canned())
def test_python_client_gives_every_documented_problem(
    clients: Clients, route: Route, status: int, cause: ProblemType | None
) -> None:
    document = problem_of(cause) if cause else {"message": "Too Many Requests"}
    answer = clients.answer(route, httpx.Response(status, json=document))
    assert answer.parsed is not None
    assert answer.parsed.to_dict() == document
    assert type(answer.parsed).__name__ == ("Problem" if cause else "Message")
