"""Stocks order details, row by row of docs/reference/gateway.md §3."""

from collections.abc import Callable

import pytest

from tests.simulator.harness import Rig, token


def test_one_or_several_transactions_can_be_requested(rig: Rig) -> None:
    """§3: repeated transactionId=, each a row with the batch, transactionId, broker and notes."""
    one, two = rig.trade(), rig.trade("rejected")
    rows = rig.orders(f"transactionId={one}&transactionId={two}")
    assert [(row["transactionId"], row["status"]) for row in rows] == [(one, "COMPLETED"), (two, "UNFILLED")]
    assert {(row["broker"], row["notes"]) for row in rows} == {("kite", "user=42")}
    assert rows[0] == rig.truth(one)["batch"] | {"transactionId": one, "broker": "kite", "notes": "user=42"}


def test_batches_and_transactions_can_be_mixed(rig: Rig) -> None:
    """§3: batchId= beside transactionId=; a batch asked for twice is one row."""
    one, two = rig.trade(), rig.trade()
    batch = rig.truth(two)["batch"]["batchId"]
    rows = rig.orders(f"transactionId={one}&batchId={batch}&transactionId={two}")
    assert [row["transactionId"] for row in rows] == [one, two]


@pytest.mark.parametrize("scenario", ["open", "unknown"])
def test_an_open_transaction_has_no_orders_by_its_id(rig: Rig, scenario: str) -> None:
    """§3: a transactionId counts only once COMPLETED, and that is no error; the batchId shows what is open."""
    transaction_id = rig.trade(scenario)
    batch = rig.truth(transaction_id)["batch"]["batchId"]
    assert rig.orders(f"transactionId={transaction_id}") == []
    assert [row["batchId"] for row in rig.orders(f"batchId={batch}")] == [batch]


@pytest.mark.parametrize("query", ["transactionId=TRX_0", "batchId=0"])
def test_unknown_ids_give_no_rows(rig: Rig, query: str) -> None:
    """§3: if none qualifies, no orders are returned."""
    assert rig.orders(query) == []


def test_a_guest_must_name_an_id(rig: Rig) -> None:
    """§3: guest token: at least one transactionId or batchId."""
    assert rig.server("GET", "/v1/demo-gw/engine/orders/sst").status_code == 400


def test_a_connected_token_shows_its_own_orders_only(rig: Rig) -> None:
    """§3: ids of another smallcaseAuthId are not shown, and without ids all of the user's own are."""
    transaction_id = rig.trade()
    mine = token(smallcaseAuthId=rig.truth(transaction_id)["smallcaseAuthId"])
    assert rig.orders(f"transactionId={transaction_id}", auth=token(smallcaseAuthId="f" * 24)) == []
    assert [row["transactionId"] for row in rig.orders("", auth=mine)] == [transaction_id]


def test_path_key_and_open_transactions_are_settings(make_rig: Callable[..., Rig]) -> None:
    """§3: neither path nor envelope is published, so each can be set."""
    rig = make_rig(orders_path="/v2/{gatewayName}/stocks", orders_key="orders", orders_of_open_transactions=True)
    transaction_id = rig.trade("open")
    answer = rig.server("GET", f"/v2/demo-gw/stocks?transactionId={transaction_id}")
    assert [row["transactionId"] for row in answer.json()["data"]["orders"]] == [transaction_id]


def test_api_for_smallcase_orders_returns_no_securities_orders(rig: Rig) -> None:
    """§3: without /sst it is the sibling for smallcase orders, which returns success and an empty list."""
    transaction_id = rig.trade()
    batch = rig.truth(transaction_id)["batch"]["batchId"]
    for query in (
        f"transactionId={transaction_id}",
        f"batchId={batch}",
        f"transactionId={transaction_id}&batchId={batch}",
    ):
        answer = rig.server("GET", f"/v1/demo-gw/engine/orders?{query}")
        assert (answer.status_code, answer.json()["success"], answer.json()["data"]) == (
            200,
            True,
            {"orderBatches": []},
        )
        assert len(rig.orders(query)) == 1


@pytest.mark.parametrize("path", ["/v1/demo-gw/engine/orders", "/v1/demo-gw/engine/orders/sst"])
def test_both_order_apis_check_who_calls(rig: Rig, path: str) -> None:
    """§3: gateway name, secret and token as everywhere; a guest must name an id."""
    query = f"{path}?transactionId=TRX_0"
    assert rig.server("GET", path).status_code == 400
    assert rig.server("GET", query.replace("demo-gw", "other")).status_code == 404
    assert rig.server("GET", query, auth="no token").status_code == 401
    assert rig.call("GET", query).status_code == 401


def test_smallcase_orders_do_not_replace_orders_at_their_path(make_rig: Callable[..., Rig]) -> None:
    """§3: should the vendor's answer be that securities orders are there, the setting has the last word."""
    rig = make_rig(orders_path="/v1/{gatewayName}/engine/orders")
    transaction_id = rig.trade()
    answer = rig.server("GET", f"/v1/demo-gw/engine/orders?transactionId={transaction_id}")
    assert [row["transactionId"] for row in answer.json()["data"]["orderBatches"]] == [transaction_id]


def test_both_ids_in_one_call_can_be_refused(make_rig: Callable[..., Rig]) -> None:
    """§3: it is unknown whether transactionId and batchId may be combined; either alone is answered."""
    rig = make_rig(orders_refuse_both_ids=True)
    transaction_id = rig.trade()
    batch = rig.truth(transaction_id)["batch"]["batchId"]
    both = f"/v1/demo-gw/engine/orders/sst?transactionId={transaction_id}&batchId={batch}"
    answer = rig.server("GET", both)
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "success": False,
            "errors": ["transactionId and batchId cannot be combined"],
            "data": None,
            "errorType": "InputException",
        },
    )
    for query in (f"transactionId={transaction_id}", f"batchId={batch}"):
        assert [row["transactionId"] for row in rig.orders(query)] == [transaction_id]
    rig.sim("PUT", "/settings", {"ordersRefuseBothIds": False})
    assert rig.server("GET", both).status_code == 200


def test_notes_are_absent_where_none_were_given(rig: Rig) -> None:
    """§4.3: notes come back only if given, here and in webhooks."""
    answer = rig.server("POST", "/gateway/demo-gw/transaction", {"intent": "TRANSACTION", "orderConfig": _ONE})
    transaction_id = answer.json()["data"]["transactionId"]
    rig.login(transaction_id)
    rig.confirm(transaction_id)
    rig.advance(60)
    assert "notes" not in rig.orders(f"transactionId={transaction_id}")[0]
    assert "notes" not in rig.received[-1]


_ONE = {"type": "SECURITIES", "securities": [{"ticker": "ITC"}]}


HONORED = {"all": [True, True, True], "first": [True, False, False], "last": [False, False, True]}


@pytest.mark.parametrize("spelling", ["transactionId", "transactionId[]", "transactionIds", "transactionIds,"])
@pytest.mark.parametrize("several", HONORED)
def test_several_ids_in_a_call_are_honored_as_set(make_rig: Callable[..., Rig], several: str, spelling: str) -> None:
    """§3: how several transactionIds are spelled, and whether each of them counts, is not published."""
    rig = make_rig(orders_several_ids=several, orders_ids_parameter=spelling)
    ids = [rig.trade() for _ in range(3)]
    name = spelling.removesuffix(",")
    query = f"{name}={','.join(ids)}" if name != spelling else "&".join(f"{name}={each}" for each in ids)
    found = {row["transactionId"] for row in rig.orders(query)}
    assert [each in found for each in ids] == HONORED[several]
    assert len(rig.orders(f"transactionId={ids[1]}")) == 1


@pytest.mark.parametrize("several", ["refused", "ignored"])
def test_several_ids_in_a_call_are_refused_or_ignored_as_set(make_rig: Callable[..., Rig], several: str) -> None:
    """§3: one id is always honored."""
    rig = make_rig(orders_several_ids=several)
    ids = [rig.trade() for _ in range(2)]
    answer = rig.server("GET", f"/v1/demo-gw/engine/orders/sst?transactionId={ids[0]}&transactionId={ids[1]}")
    assert answer.status_code == 400
    assert len(rig.orders(f"transactionId={ids[0]}")) == 1
