"""Schemas of the fields that the models declare as free JSON: the request, an error, the SDK's response."""

from typing import Any, Final

from tools.contracts.known_values import REASON, SDK_ERROR

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_NUMBER: Final[Schema] = {"type": "number"}
_CODE: Final[Schema] = {
    "type": "integer",
    "description": "The SDK's error code. Known: " + SDK_ERROR.text + ".",
    "examples": list(SDK_ERROR.meanings),
}
_MESSAGE: Final[Schema] = {"type": "string", "description": "The SDK's name of the error."}

REQUESTED: Final[Schema] = {
    "type": "object",
    "description": "The request. Empty if it is not known, or if it would be too large for an event.",
    "properties": {
        "orderConfig": {
            "type": "object",
            "properties": {
                "type": {"type": "string", "description": "SECURITIES."},
                "securities": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "ticker": {"type": "string", "description": "The NSE ticker."},
                            "type": {"type": "string", "description": "BUY or SELL; absent if the user chooses."},
                            "quantity": {"type": "integer", "description": "Shares; absent if the user chooses."},
                            "orderType": {"type": "string", "description": "MARKET, LIMIT, SL or SLM."},
                            "price": {**_NUMBER, "description": "Rupees per share, for LIMIT and SL."},
                            "triggerPrice": {**_NUMBER, "description": "Rupees per share, for SL and SLM."},
                            "validity": {"type": "string", "description": "DAY or IOC."},
                        },
                    },
                },
            },
        },
        "config": {
            "type": "object",
            "description": "The name and the logo of a basket.",
            "properties": {"orderName": _TEXT, "orderLogo": {**_TEXT, "format": "uri"}},
        },
    },
}
ERROR: Final[Schema] = {
    "type": "object",
    "description": "The reason why no orders follow.",
    "required": ["reason"],
    "properties": {
        "reason": {"type": "string", "description": f"Known: {REASON.text}.", "examples": list(REASON.meanings)},
        "code": _CODE,
        "message": _MESSAGE,
    },
}
SDK_GAVE: Final[Schema] = {
    "type": "object",
    "description": "The error that the SDK returned. It is not an outcome.",
    "properties": {"code": _CODE, "message": _MESSAGE},
}
# The fields of any object of the contract that the models declare as free JSON, by name.
FIELDS: Final[dict[str, Schema]] = {"requested": REQUESTED, "error": ERROR, "sdkError": SDK_GAVE}

_GIVEN: Final = "An object, or its JSON as text, as some native SDKs return it. Other fields are kept."
SDK_RESPONSES: Final[dict[str, Schema]] = {
    "SdkResolved": {
        "type": "object",
        "description": "The value that `triggerTransaction` resolved with or passed to its success callback.",
        "required": ["resolved"],
        "properties": {
            "resolved": {
                "description": _GIVEN,
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {
                            "transactionId": _TEXT,
                            "smallcaseAuthToken": {"type": "string", "description": "Verified before it counts."},
                            "broker": _TEXT,
                            "signup": {"type": "boolean"},
                            "orderBatches": {
                                "type": "array",
                                "items": {"type": "object", "additionalProperties": True},
                            },
                        },
                        "additionalProperties": True,
                    },
                    _TEXT,
                ],
            }
        },
        "additionalProperties": True,
    },
    "SdkRejected": {
        "type": "object",
        "description": "The error that `triggerTransaction` rejected with or passed to its error callback.",
        "required": ["rejected"],
        "properties": {
            "rejected": {
                "description": _GIVEN,
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {"errorCode": {"type": "integer"}, "message": _TEXT, "errorMessage": _TEXT},
                        "additionalProperties": True,
                    },
                    _TEXT,
                ],
            }
        },
        "additionalProperties": True,
    },
    "SdkResponse": {
        "description": "The SDK's response, unchanged. Any other JSON is a signal too, and causes a pull.",
        "oneOf": [{"$ref": "#/components/schemas/SdkResolved"}, {"$ref": "#/components/schemas/SdkRejected"}],
    },
}
