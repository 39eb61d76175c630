"""contracts/ matches the models, keeps released versions, and holds for every kind of event."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.events.schemas import CATALOGUE, SCHEMA_VERSION
from tools.contracts.compatibility import breaks, missing, unversioned
from tools.contracts.documents import catalogue, documents
from tools.contracts.examples import examples
from tools.contracts.schemas import draft_4, schemas
from tools.contracts.store import CONTRACTS, DOCS, MARKS, released
from tools.contracts.validation import violations

DOCUMENTS = documents()
NAMES = [model.detail_type for model in CATALOGUE]


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_a_contract_is_what_the_models_say(path: str) -> None:
    """If this fails, `make contracts` regenerates it."""
    assert (CONTRACTS / path).read_text() == DOCUMENTS[path]


def test_no_contract_is_left_of_an_event_that_is_gone() -> None:
    assert {path.name for path in (CONTRACTS / "events").iterdir()} == {f"{name}.schema.json" for name in NAMES}


def test_the_catalogue_in_the_docs_is_what_the_models_say() -> None:
    begin, end = MARKS
    assert DOCS.read_text().split(begin)[1].split(end)[0].strip() == catalogue().strip()


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_a_valid_schema_of_its_dialect(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schemas()[name])
    jsonschema.Draft4Validator.check_schema(draft_4(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_an_event_keeps_to_its_contract_in_both_dialects(name: str) -> None:
    event = loads(dumps(examples()[name]))

    assert violations(event) == []
    assert list(jsonschema.Draft4Validator(draft_4(name)).iter_errors(event)) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sequence": "4"}, "$.detail.sequence"),
        ({"buyAmount": "4494.60"}, "$.detail.buyAmount"),
        ({"broker": None}, "$.detail.broker"),
        ({"confirmation": "rumoured"}, "$.detail.confirmation"),
        ({"schemaVersion": "2.0"}, "$.detail.schemaVersion"),
        ({"surprise": 1}, "$.detail"),
    ],
    ids=lambda value: str(value),
)
def test_what_a_contract_does_not_allow_is_found(change: dict[str, Any], told: str) -> None:
    """Numbers as text, null for absent, values outside a closed list, fields that the schema does not know."""
    event = examples()["OrdersSettled"]
    event["detail"] |= change

    assert [line.split(": ")[0] for line in violations(event)] == [f"OrdersSettled {told}"]


def test_a_consumer_s_validator_does_not_mind_what_a_newer_minor_version_adds() -> None:
    detail = examples()["OrdersSettled"]["detail"] | {"schemaVersion": f"{SCHEMA_VERSION}1", "more": {"of": "it"}}
    detail["orders"][0]["more"] = True

    assert list(jsonschema.Draft202012Validator(schemas()["OrdersSettled"]).iter_errors(detail)) == []


def test_consumers_of_every_released_version_can_live_with_this_one() -> None:
    """Nothing removed, retyped, no longer promised; no new values in a closed list; no event gone."""
    assert [line for old in released().values() for line in missing(old, schemas())] == []


def test_a_released_version_stays_as_it_was_released() -> None:
    """For an addition raise SCHEMA_VERSION."""
    frozen = released().get(SCHEMA_VERSION)
    assert frozen is None or unversioned(frozen, schemas()) == []


def test_an_addition_needs_a_version_of_its_own_and_a_better_description_does_not() -> None:
    described = copy.deepcopy(schemas())
    described["OrdersSettled"]["description"] = "Better."
    described["OrdersSettled"]["properties"]["broker"] |= {"description": "Better.", "examples": ["kite"]}
    assert unversioned(schemas(), described) == []

    added = copy.deepcopy(schemas())
    added["OrdersSettled"]["properties"]["description"] = {"type": "string"}
    assert unversioned(schemas(), added) == ["OrdersSettled"]
    assert unversioned(schemas(), {**schemas(), "OrdersAmended": {}}) == ["OrdersAmended"]


def test_released_versions_are_read_by_version_and_event(tmp_path: Path) -> None:
    """Those of this major version alone, and nothing that lies beside them."""
    (tmp_path / "README.md").write_text("what is kept here")
    for version in ("1.0", "2.0"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "OrdersSettled.schema.json").write_text(json.dumps({"type": version}))

    assert released(tmp_path) == {"1.0": {"OrdersSettled": {"type": "1.0"}}}


def _without(schema: dict[str, Any]) -> None:
    del schema["properties"]["broker"]


def _retyped(schema: dict[str, Any]) -> None:
    schema["properties"]["sequence"]["type"] = "string"


def _deeply_retyped(schema: dict[str, Any]) -> None:
    schema["$defs"]["Order"]["properties"]["averagePrice"]["type"] = "string"


def _no_longer_promised(schema: dict[str, Any]) -> None:
    schema["required"].remove("eventId")


def _any_type(schema: dict[str, Any]) -> None:
    del schema["properties"]["notes"]["type"]


def _wider_list(schema: dict[str, Any]) -> None:
    schema["properties"]["confirmation"]["enum"].append("rumoured")


def _open_list(schema: dict[str, Any]) -> None:
    del schema["properties"]["confirmation"]["enum"]


def _looser_bound(schema: dict[str, Any]) -> None:
    schema["properties"]["sequence"]["minimum"] = 0


def _not_a_list(schema: dict[str, Any]) -> None:
    schema["properties"]["orders"] = {"type": "object"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_without, ".broker: removed"),
        (_retyped, ".sequence: is string, was integer"),
        (_deeply_retyped, ".orders[].averagePrice: is string, was integer or number"),
        (_no_longer_promised, ".eventId: was always there and may be absent now"),
        (_any_type, ".notes: has no type any more, was string"),
        (_wider_list, ".confirmation: may have other values than confirmed or reported"),
        (_open_list, ".confirmation: may have other values than confirmed or reported"),
        (_looser_bound, ".sequence: its minimum is not 1 any more"),
        (_not_a_list, ".orders: is object, was array"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_change_that_breaks_consumers_is_found(change: Any, told: str) -> None:
    newer = copy.deepcopy(schemas()["OrdersSettled"])
    change(newer)

    assert told in breaks(schemas()["OrdersSettled"], newer)


def test_a_change_that_only_adds_is_no_break() -> None:
    """A new field, a new promise, a narrower list, a number that is now always whole."""
    newer = copy.deepcopy(schemas()["OrdersSettled"])
    newer["properties"]["exchange"] = {"type": "string"}
    newer["required"] += ["exchange", "broker"]
    newer["properties"]["confirmation"]["enum"] = ["confirmed"]
    newer["properties"]["buyAmount"]["type"] = "integer"

    assert breaks(schemas()["OrdersSettled"], newer) == []


def test_an_event_that_is_gone_is_a_break() -> None:
    assert missing(schemas(), {}) == [f"{name}: the event is gone" for name in NAMES]


def test_the_asyncapi_document_refers_to_what_is_there() -> None:
    document = yaml.safe_load((CONTRACTS / "asyncapi.yaml").read_text())
    messages = document["components"]["messages"]

    assert document["asyncapi"] == "3.0.0"
    assert list(document["channels"]["bus"]["messages"]) == list(messages) == NAMES
    for name, message in messages.items():
        assert (CONTRACTS / message["payload"]["properties"]["detail"]["$ref"]).is_file(), name


def test_the_template_registers_every_schema() -> None:
    """The nested stack names each schema as EventBridge does, and the template deploys it."""
    resources = yaml.safe_load((CONTRACTS / "registry.yaml").read_text())["Resources"]
    registered = {each["Properties"]["SchemaName"] for each in resources.values() if "Content" in each["Properties"]}

    assert registered == {f"securities-transactions@{name}" for name in NAMES}
    for each in resources.values():
        assert len(each["Properties"]["Description"]) <= 256
        if "Content" in each["Properties"]:
            assert json.loads(each["Properties"]["Content"])["x-amazon-events-source"] == "securities-transactions"
    assert "TemplateURL: contracts/registry.yaml" in (CONTRACTS.parent / "template.yaml").read_text()
