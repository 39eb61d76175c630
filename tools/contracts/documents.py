"""The files in `contracts/` and the catalogue in docs/reference/events.md, as text generated from the models."""

import inspect
import json
from typing import Any, Final

import simplejson
import yaml

from securities_transactions.events.schemas import CATALOGUE, SCHEMA_VERSION
from tools.contracts.examples import examples
from tools.contracts.schemas import draft_4, envelope, schemas
from tools.contracts.store import CONTACT_AND_LICENSE

_MADE: Final = (
    "# Generated from layers/runtime/securities_transactions/events/schemas.py by `make contracts`: change it there.\n"
)
_WHEN: Final = {
    "TransactionCreated": "A transaction was created at the Gateway and stored.",
    "TransactionFailed": "A pull from the Gateway showed it: errored (with the SDK's code), expired before the user"
    " began, or abandoned after.",
    "OrdersPlaced": "A webhook or the SDK reported orders for the first time, or a pull showed them.",
    "OrdersProgressed": "An order was filled, rejected or cancelled, or changed price; a final state that is only"
    " reported is sent as this, with `confirmation` `reported`.",
    "OrdersSettled": "Every order is final, and a pull with our credentials confirmed it. With `Confirm=none`"
    " a final report counts.",
    "OrdersUnknown": "Only ERROR is left open, nothing was settled in three days, or the Gateway no longer shows"
    " confirmed orders: an operator must ask the broker.",
    "OrdersRetracted": "Orders were reported that the Gateway does not have: a forged or mistaken report.",
    "BrokerAccountLinked": "The Gateway named the broker account of a transaction, and it was not linked before.",
    "BrokerAccountConflict": "The Gateway named a broker account that is linked to another user.",
    "WebhookReceived": "A webhook with a genuine checksum that is not about a securities order was stored.",
    "BooksClosed": "In the evening, once all that settled or failed since the last one was compared with the Gateway.",
}


def documents() -> dict[str, str]:
    """Text by path below `contracts/`: a schema per event, the AsyncAPI document, the registry's template."""
    texts = {f"events/{name}.schema.json": _json(schema) for name, schema in schemas().items()}
    return texts | {"asyncapi.yaml": _MADE + _yaml(asyncapi()), "registry.yaml": _MADE + _yaml(registry())}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of the bus."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Securities transactions: events",
            "version": SCHEMA_VERSION,
            "description": "Facts about securities transactions, on an EventBridge bus. docs/reference/events.md says "
            "how to consume them: repeats, gaps, corrections, patterns for rules.",
            "contact": CONTACT_AND_LICENSE["contact"],
            # AsyncAPI has no identifier of a license.
            "license": {"name": CONTACT_AND_LICENSE["license"]["name"]},
            "tags": [{"name": "transactions", "description": "Securities transactions through the smallcase Gateway."}],
        },
        "defaultContentType": "application/json",
        "servers": {
            "eventbridge": {
                "host": "events.ap-south-1.amazonaws.com",
                "protocol": "eventbridge",
                "description": "Amazon EventBridge in the region of the stack. Rules on the bus deliver the events.",
            }
        },
        "channels": {
            "bus": {
                "address": "{stack}",
                "description": "An Amazon EventBridge event bus.",
                "parameters": {
                    "stack": {
                        "description": "The name of the stack that has the bus.",
                        "examples": ["securities-transactions-dev", "securities-transactions-prod"],
                    }
                },
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _WHEN},
            }
        },
        "operations": {
            "publish": {
                "action": "send",
                "channel": {"$ref": "#/channels/bus"},
                "summary": "Each change of a transaction, at least once.",
                "description": "Published by this product. A consumer has its own rule and target on the bus.",
            }
        },
        "components": {"messages": {name: _message(name, event) for name, event in examples().items()}},
    }


def _message(name: str, example: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "title": name,
        "summary": meanings()[name],
        "description": _WHEN[name],
        "contentType": "application/json",
        "payload": envelope(name, {"$ref": f"events/{name}.schema.json"}),
        "examples": [{"payload": json.loads(_json(example))}],
    }


def registry() -> dict[str, Any]:
    """The nested template that registers every schema in EventBridge Schema Registry."""
    named = {"RegistryName": {"Fn::GetAtt": "Registry.RegistryName"}}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The schemas of the events, for code bindings and for search.",
        "Parameters": {"RegistryName": {"Type": "String", "MaxLength": 64}},
        "Resources": {
            "Registry": {
                "Type": "AWS::EventSchemas::Registry",
                "Properties": {
                    "RegistryName": {"Ref": "RegistryName"},
                    "Description": "Events of securities transactions",
                },
            },
            **{
                name: {
                    "Type": "AWS::EventSchemas::Schema",
                    "Properties": {
                        **named,
                        "SchemaName": f"securities-transactions@{name}",
                        "Type": "JSONSchemaDraft4",
                        "Description": meanings()[name],
                        "Content": json.dumps(draft_4(name), separators=(",", ":"), ensure_ascii=False),
                    },
                }
                for name in _WHEN
            },
        },
    }


def catalogue() -> str:
    """The events with their meaning, their cause and an example, as Markdown for docs/reference/events.md."""
    parts = []
    for name, event in examples().items():
        detail = simplejson.dumps(event["detail"], indent=2, use_decimal=True, ensure_ascii=False)
        parts.append(f"### {name}\n\n{meanings()[name]}\n\n*When:* {_WHEN[name]}\n\n```json\n{detail}\n```\n")
    return "\n".join(parts)


def meanings() -> dict[str, str]:
    """The meaning of each event in a sentence, by detail-type."""
    return {model.detail_type: " ".join(inspect.getdoc(model).split()) for model in CATALOGUE}  # type: ignore[union-attr]  # every model says what it means


def _json(value: Any) -> str:
    return simplejson.dumps(value, indent=2, use_decimal=True, ensure_ascii=False) + "\n"


class _Plain(yaml.SafeDumper):
    """Writes repeated values out: CloudFormation's parser does not accept every alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
    return text
