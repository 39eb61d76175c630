"""Webhook bodies that no sender should send: malformed, hostile, and nearly genuine in every known way."""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from securities_transactions.domain.times import timestamp_text

API_SECRET: Final = "fuzzed_api_secret_not_real"
GATEWAY_SECRET: Final = "fuzzed_gateway_secret_not_real_0"
AUTH_ID: Final = "65a1b2c3d4e5f60718293a4b"
KNOWN: Final = "TRX_0123456789abcdef0123456789abcdef"
NOTES: Final = "user=42"

Body = dict[str, Any]
Event = dict[str, Any]


def sign(timestamp: str, subject: str, secret: str = API_SECRET) -> str:
    """The genuine checksum."""
    return hmac.new(secret.encode(), (timestamp + subject).encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class Bodies:
    """Makes bodies by `random`, at `now`."""

    def __init__(self, chance: random.Random, now: datetime) -> None:
        self.chance = chance
        self.now = now

    def event(self) -> tuple[str, Event]:
        """The name of a kind of body and an API Gateway event that carries one."""
        kind = self.chance.choice(_KINDS)
        raw = kind(self)
        return kind.__name__.strip("_"), self._carried(raw)

    def _carried(self, raw: bytes) -> Event:
        event: Event = {"version": "2.0", "headers": {}, "isBase64Encoded": False}
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = None
        if text is None or self.chance.random() < 0.1:
            return {**event, "isBase64Encoded": True, "body": base64.b64encode(raw).decode()}
        return {**event, "body": text}

    # --- pieces

    def genuine(self) -> Body:
        """A body with nothing wrong."""
        timestamp = timestamp_text(self.now - timedelta(seconds=self.chance.randrange(600)))
        status = self.chance.choice(["PLACED", "COMPLETE", "REJECTED", "ERROR", "CANCELLED_AMO"])
        order = {
            "tradingsymbol": self.chance.choice(["INFY", "M&M"]),
            "transactionType": "BUY",
            "status": status,
            "quantity": 10,
            "filledQuantity": 10 * (status == "COMPLETE"),
            "averagePrice": 1575.0900000000001,
        }
        return {
            "batchId": "65b0000000000000000000a1",
            "variety": "regular",
            "status": "PLACED",
            "buyAmount": 0,
            "completedDate": None,
            "orders": [order] * self.chance.choice([1, 1, 2, 5]),
            "unplaced": [],
            "transactionId": self.chance.choice([KNOWN, KNOWN, "TRX_unknown"]),
            "broker": "kite",
            "notes": NOTES,
            "smallcaseAuthId": AUTH_ID,
            "timestamp": timestamp,
            "checksum": sign(timestamp, AUTH_ID),
        }

    def strange(self, depth: int = 0) -> Any:
        """A value that no field is made for."""
        chance = self.chance
        plain: list[Any] = [
            None, True, False, 0, -1, 10**18, 10**400, -(10**30), 2**63, -(2**63) - 1, 1e308, 5e-324, 0.1,
            "", " ", "0", "NaN",
            "\x00", "\x0b\x1f", "\uffff", "a\ufffe", "\ud83d", "\u202e",
            "x" * 300, "9" * 5_000, "'; DROP TABLE", "{{7*7}}", "../../etc",
            "\U0001f4a9", 10**63, 10**64, "1E+99999", [], {}, [[]], {"": 0},
            {"!": 2, "a": [1]}, {"$ref": "#"}, ["orders"], "PLACED", "2026-01-15T04:30:12.345Z",
        ]  # fmt: skip
        if depth < 3 and chance.random() < 0.2:
            return [self.strange(depth + 1) for _ in range(chance.randrange(4))]
        if depth < 3 and chance.random() < 0.2:
            return {chance.choice(_HOSTILE_KEYS): self.strange(depth + 1) for _ in range(chance.randrange(4))}
        return chance.choice(plain)


def dump(body: Any) -> bytes:
    """JSON as a careless sender writes it."""
    return json.dumps(body).encode()


_BATCH_FIELDS: Final = (
    "variety", "status", "buyAmount", "sellAmount", "unplacedQty", "completedDate", "quantity", "filled", "broker",
    "label", "originalLabel", "scid", "iscid",
)  # fmt: skip
_ORDER_FIELDS: Final = (
    "tradingsymbol", "transactionType", "status", "quantity", "filledQuantity", "averagePrice", "orderType", "price",
    "triggerPrice", "product", "exchange", "exchangeOrderId", "errorCode", "statusMessage", "orderTimestamp",
)  # fmt: skip
_HOSTILE_KEYS: Final = (
    "__proto__", "__class__", "__dict__", "__pydantic_extra__", "model_config", "model_dump", "as_sent", "is_final",
    "derived_status", "", "!", "#version", ":one", "version", "settledAt", "confirmation", "snapshot", "revision",
    "orders", "unplaced", "batchId", "status", "notes", "securities", "intent", "iscid", "filledQuantity", "quantity",
)  # fmt: skip


def _noise(made: Bodies) -> bytes:
    return made.chance.randbytes(made.chance.randrange(200))


def _cut(made: Bodies) -> bytes:
    raw = dump(made.genuine())
    return raw[: made.chance.randrange(len(raw))]


def _flipped(made: Bodies) -> bytes:
    raw = bytearray(dump(made.genuine()))
    for _ in range(made.chance.randrange(1, 4)):
        raw[made.chance.randrange(len(raw))] = made.chance.randrange(256)
    return bytes(raw)


def _other_encoding(made: Bodies) -> bytes:
    text = json.dumps({**made.genuine(), "broker": "kité"}, ensure_ascii=False)
    return text.encode(made.chance.choice(["utf-16", "utf-32", "latin-1", "utf-8-sig", "cp1252", "utf-7"]))


def _not_an_object(made: Bodies) -> bytes:
    return dump(made.strange())


def _wrong_type(made: Bodies) -> bytes:
    body = made.genuine()
    body[made.chance.choice(list(body))] = made.strange()
    return dump(body)


def _wrong_type_in_order(made: Bodies) -> bytes:
    body = made.genuine()
    order = dict(body["orders"][0])
    order[made.chance.choice(list(order))] = made.strange()
    body[made.chance.choice(["orders", "unplaced"])] = [order, made.strange()][: made.chance.choice([1, 1, 2])]
    return dump(body)


def _every_field(made: Bodies) -> bytes:
    """One field, or several, of all that the Gateway documents, of the batch and of each kind of row."""
    body = made.genuine()
    row = dict.fromkeys(_ORDER_FIELDS) | body["orders"][0]
    for target, names in ((body, (*_BATCH_FIELDS, "more")), (row, (*_ORDER_FIELDS, "more"))):
        for name in made.chance.sample(names, made.chance.choice([0, 1, 1, 2, len(names) - 4])):
            target[name] = made.strange()
    body[made.chance.choice(["orders", "orders", "unplaced"])] = [row] * made.chance.choice([1, 2])
    return dump(body)


def _missing(made: Bodies) -> bytes:
    body = made.genuine()
    for _ in range(made.chance.randrange(1, 4)):
        body.pop(made.chance.choice(list(body)), None)
    return dump(body)


def _hostile_keys(made: Bodies) -> bytes:
    body = made.genuine()
    for _ in range(made.chance.randrange(1, 5)):
        target = made.chance.choice([body, body["orders"][0]])
        key = made.chance.choice(_HOSTILE_KEYS)
        target.setdefault(key, made.strange())
    return dump(body)


def _duplicate_keys(made: Bodies) -> bytes:
    body = made.genuine()
    key = made.chance.choice(list(body))
    again = f"{json.dumps(key)}: {json.dumps(made.strange())}"
    text = json.dumps(body)
    return (f"{{{again}, {text[1:]}" if made.chance.random() < 0.5 else f"{text[:-1]}, {again}}}").encode()


def _constants(made: Bodies) -> bytes:
    text = json.dumps(made.genuine())
    odd = [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999999999",
        "-0",
        "1E+400",
        "0x10",
        "01",
        "1e-400",
        "1" * 4_400,
        "1e99999999999999999999",
        "9" * 40,
        "9" * 40 + "e0",
        "1.5E30",
        "9223372036854775808",
    ]
    return text.replace("1575.0900000000001", made.chance.choice(odd)).encode()


def _deep(made: Bodies) -> bytes:
    depth = made.chance.choice([30, 60, 63, 64, 65, 66, 100, 255, 300, 900, 1_100, 5_000, 100_000])
    opening, closing = made.chance.choice([("[", "]"), ('{"a":', "}")])
    nested = f"{opening * depth}1{closing * depth}"
    body = made.genuine()
    if made.chance.random() < 0.3:
        del body["orders"], body["unplaced"], body["batchId"]
    return f'{json.dumps(body)[:-1]}, "{made.chance.choice(["more", "orders", "config"])}": {nested}}}'.encode()


def _huge(made: Bodies) -> bytes:
    body = made.genuine()
    size = made.chance.choice([90_000, 110_000, 300_000, 500_000, 1_200_000])
    filling = made.chance.choice(["x" * size, base64.b64encode(made.chance.randbytes(size)).decode()])
    match made.chance.randrange(5):
        case 0:
            body[made.chance.choice([*body, "more"])] = filling
        case 1:
            body["orders"] = [{**body["orders"][0], "statusMessage": filling}]
        case 2:
            body["orders"] = body["orders"][:1] * (size // 150)
        case 3:
            del body["batchId"]
            body["securities"] = filling
        case _:
            body["notes"] = filling
    return dump(body)


def _wrong_checksum(made: Bodies) -> bytes:
    body = made.genuine()
    timestamp = body["timestamp"]
    good = sign(timestamp, AUTH_ID)
    body["checksum"] = made.chance.choice(
        [
            sign(AUTH_ID, timestamp),
            base64.b64encode(bytes.fromhex(good)).decode(),
            hashlib.sha256((timestamp + AUTH_ID + API_SECRET).encode()).hexdigest(),
            sign(timestamp, AUTH_ID, GATEWAY_SECRET),
            sign(timestamp, body["transactionId"]),
            sign(timestamp, ""),
            sign(f"{timestamp}+", AUTH_ID),
            good.upper() if good.upper() != good else "0" * 64,
            good[:-1],
            good + "0",
            f" {good}",
            f"{good}\n",
            f"sha256={good}",
            good.translate(str.maketrans("0123456789", "０１２３４５６７８９")),
            "",
            None,
            [good],
            int(good, 16),
        ]
    )
    return dump(body)


def _moved_boundary(made: Bodies) -> bytes:
    """The characters that were signed, cut elsewhere: the HMAC matches, the parts do not."""
    body = made.genuine()
    signed = body["timestamp"] + AUTH_ID
    cut = made.chance.choice([each for each in range(len(signed) + 1) if each != 24])
    body["timestamp"], body["smallcaseAuthId"] = signed[:cut], signed[cut:]
    return dump(body)


def _odd_timestamp(made: Bodies) -> bytes:
    body = made.genuine()
    good = body["timestamp"]
    body["timestamp"] = made.chance.choice(
        [good.replace("T", " "), good[:-1], good.replace("Z", "+00:00"), f"{good} ", good.replace(".", ","),
         "٢" + good[1:], "9999-99-99T99:99:99.999Z", "0000-01-01T00:00:00.000Z",
         "0001-01-01T00:00:00.000Z", "2026-02-30T00:00:00.000Z",
         good[:20] + "000001Z", "1768451412345", timestamp_text(made.now - timedelta(days=3)),
         timestamp_text(made.now + timedelta(hours=1)), "9999-12-31T23:59:59.999Z"]
    )  # fmt: skip
    body["checksum"] = sign(body["timestamp"], AUTH_ID)
    return dump(body)


def _odd_auth_id(made: Bodies) -> bytes:
    body = made.genuine()
    odd = [
        "",
        " " + AUTH_ID,
        AUTH_ID.upper(),
        AUTH_ID[:-1],
        AUTH_ID + "0",
        AUTH_ID + "\n",
        "owner#x",
        "６5a1b2c3d4e5f60718293a4b",
        "f" * 24,
    ]
    body["smallcaseAuthId"] = made.chance.choice(odd)
    body["checksum"] = sign(body["timestamp"], body["smallcaseAuthId"])
    return dump(body)


def _replayed(made: Bodies) -> bytes:
    """A genuine checksum on an attacker's body."""
    body = made.genuine()
    body["transactionId"] = made.chance.choice([KNOWN, "TRX_made_up", "", "a b", "x" * 129, "../..", "ключ"])
    body["batchId"] = made.chance.choice([body["batchId"], "", "f" * 24, "b" * 65, 7, None])
    body["notes"] = made.chance.choice([NOTES, "somebody else", "", None, 42, "n" * 257])
    body["broker"] = made.chance.choice(["kite", "", None, "b" * 65, 5])
    return dump(body)


def _another_kind(made: Bodies) -> bytes:
    body = made.genuine()
    for key in ("batchId", "orders", "unplaced"):
        del body[key]
    body[made.chance.choice(["securities", "smallcases", "iscid", "scid", "intent", "nothing"])] = made.strange()
    if made.chance.random() < 0.4:
        del body["smallcaseAuthId"]
        body["checksum"] = sign(body["timestamp"], body["transactionId"])
    return dump(body)


def _right(made: Bodies) -> bytes:
    return dump(made.genuine())


_LIGHT: Final[tuple[Callable[[Bodies], bytes], ...]] = (
    _noise, _cut, _flipped, _other_encoding, _not_an_object, _wrong_type, _wrong_type_in_order,
    _every_field, _missing, _hostile_keys, _duplicate_keys, _constants, _deep, _wrong_checksum, _moved_boundary,
    _odd_timestamp, _odd_auth_id, _replayed, _another_kind, _right,
)  # fmt: skip
_KINDS: Final = (*_LIGHT * 12, _huge)
