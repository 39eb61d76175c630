"""A second stack beside the first, in one account and region, with every optional parameter set."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from operations import protect, smoke
from operations.stage import Stage
from operations.updates import Updates
from tests.clients.generated import Clients
from tests.integration.test_clients import scenario_of
from tests.integration.test_webhooks import filled, place, signed
from tools.local_stack import stack
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.process_supervisor import ROOT
from tools.local_stack.product import API_SECRET, GATEWAY_SECRET, Product
from tools.template_checks.templates import DOMAIN, EVERY_OPTION

SECOND = "securities-transactions-second"
HOST = "securities-transactions-domain"
CERTIFICATE = "arn:aws:acm:ap-south-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def second(product: Product) -> Iterator[Product]:
    """The first stack's parameters, and a value other than the default for each optional parameter."""
    parameters = {**product.parameters, **EVERY_OPTION}
    outputs = stack.deploy(product.aws, product.template_url, parameters, SECOND)
    stack.put_secret(product.aws, outputs["GatewaySecretArn"], GATEWAY_SECRET, API_SECRET)
    yield replace(product, outputs=outputs, parameters=parameters)
    product.aws.cloudformation.update_termination_protection(StackName=SECOND, EnableTerminationProtection=False)
    stack.delete(product.aws, SECOND)


def test_two_stacks_share_nothing_that_they_name(product: Product, second: Product) -> None:
    assert set(second.outputs) == set(product.outputs)
    shared = {name for name, value in second.outputs.items() if value == product.outputs[name]}
    assert shared == set()


def test_each_stack_has_its_own_transactions_and_events(product: Product, second: Product, user: str) -> None:
    order = {"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 1}]}
    with product.api(user) as first_api, second.api(user) as second_api:
        answer = second_api.post("/transactions", json=order)
        assert answer.status_code == 201, answer.text
        transaction = answer.json()["transactionId"]
        assert second_api.get(f"/transactions/{transaction}").status_code == 200
        assert first_api.get(f"/transactions/{transaction}").status_code == 404
    events = Updates(product.aws.sqs, second.outputs["UpdatesQueueUrl"])
    created = events.wait_for(transaction, lambda event: event["detail-type"] == "TransactionCreated")
    assert created["detail"]["notes"] == user


def smoked(product: Product, deployed: Product, name: str) -> list[str]:
    # The engine does not enable this from a template.
    for table in smoke.LASTING:
        product.aws.dynamodb.update_continuous_backups(
            TableName=deployed.outputs[table], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    return list(smoke.faults(smoke.gather(Stage("local", product.aws.url, name))))


def test_smoke_is_red_until_a_production_stack_is_protected(product: Product, second: Product) -> None:
    """The second stack says that it is production; the first does not, and is not asked for protection."""
    assert smoked(product, product, stack.NAME) == []
    assert smoked(product, second, SECOND) == ["the production stack can be deleted: make protect"]
    protect.protect(Stage("local", product.aws.url, SECOND))
    assert smoked(product, second, SECOND) == []


def test_only_pages_of_the_named_origins_may_call_the_second_api(second: Product) -> None:
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    with second.api(None) as api:
        allowed = api.options("/orders", headers=asked | {"origin": "https://app.example.com"})
        refused = api.options("/orders", headers=asked | {"origin": "https://elsewhere.example.com"})
    assert allowed.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-origin" not in refused.headers


def test_webhook_of_the_second_stack_has_a_url_that_cannot_be_guessed(
    product: Product, second: Product, gateway: GatewayDriver, user: str
) -> None:
    """Both segments are accepted, also with a slash behind them; nothing else is, and the first stack has none."""
    truth = place(second, gateway, user)[1]
    new, old = EVERY_OPTION["WebhookSegments"].split(",")
    with second.api(None) as api, product.api(None) as first:
        refused = [api.post(f"/webhooks/orders{rest}", json=signed(truth)) for rest in ("", "/", f"/{new}x", "/none")]
        accepted = [
            api.post(f"/webhooks/orders/{segment}", json=signed(truth, **filled(truth)))
            for segment in (new, old, f"{new}/")
        ]
        elsewhere = first.post(f"/webhooks/orders/{new}", json=signed(truth))
        forged = first.post("/webhooks/orders/", json={})
    assert [answer.status_code for answer in refused] == [404] * 4
    assert all(answer.json()["type"].endswith(":not-found") for answer in refused)
    assert [answer.status_code for answer in accepted] == [200] * 3
    assert accepted[0].json()["status"] == "accepted"
    assert (elsewhere.status_code, forged.status_code) == (404, 401)


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_generated_clients_reach_the_webhook_with_a_segment(
    clients: Clients, language: str, second: Product, gateway: GatewayDriver, user: str
) -> None:
    """With a segment, the URL without one does not exist."""
    scenario = scenario_of(second, gateway, user) | {"segment": EVERY_OPTION["WebhookSegments"].split(",")[0]}
    answered = {(each["operation"], each["status"]) for each in clients.calls(language, scenario)}
    assert ("ingestWebhookAtSegment", 200) in answered
    assert ("ingestWebhook", 404) in answered


def test_user_of_the_second_stack_can_create_so_many_transactions_in_a_minute(second: Product, user: str) -> None:
    order = {"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 1}]}
    most = int(EVERY_OPTION["CreationsPerMinute"])
    with second.api(user) as api:
        # A new minute may begin meanwhile, but not at every request.
        answers = [api.post("/transactions", json=order) for _ in range(2 * most + 1)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert len(answers) - len(refused) in range(most, 2 * most + 1)
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)


def test_service_of_one_stack_may_not_act_for_the_users_of_another(second: Product, user: str) -> None:
    """Each stack has a scope of its own, and a token of the first one's has another."""
    theirs, firsts = EVERY_OPTION["ServiceScope"], "securities-transactions:service"
    with second.api("backend", theirs) as service, second.api("backend", firsts) as stranger:
        answers = [api.get("/orders", params={"notes": user}).status_code for api in (service, stranger)]
    assert answers == [200, 403]


def answering(product: Product) -> str:
    """The stack that serves the host name: the second one's webhook has another URL."""
    headers = {"host": EVERY_OPTION["DomainName"]}
    answer = httpx.post(f"{product.aws.url}/webhooks/orders", json={}, headers=headers, timeout=60, trust_env=False)
    return {401: "first", 404: "second"}[answer.status_code] if "problem" in answer.text else answer.text


def test_host_name_can_be_led_to_another_stack_and_outlives_its_own(product: Product, second: Product) -> None:
    def deploy(api: str) -> dict[str, str]:
        parameters = {"DomainName": EVERY_OPTION["DomainName"], "CertificateArn": CERTIFICATE, "ApiId": api}
        return stack.deploy(product.aws, stack.upload(product.aws, ROOT / DOMAIN), parameters, HOST)

    assert deploy(product.outputs["ApiId"])["DnsTarget"]
    assert answering(product) == "first"
    deploy(second.outputs["ApiId"])
    assert answering(product) == "second"
    stack.delete(product.aws, HOST)
    assert answering(product) == "second"


def test_api_that_answers_nowhere_is_not_deployed(product: Product) -> None:
    """No host name of its own, and AWS's turned off."""
    nowhere = {**product.parameters, "ExecuteApiEndpoint": "false"}
    with pytest.raises(
        product.aws.cloudformation.exceptions.ClientError, match="ExecuteApiEndpoint=false requires DomainName"
    ):
        stack.deploy(product.aws, product.template_url, nowhere, "securities-transactions-nowhere")
