"""The promises (docs/reference/guarantees.md), checked after every write and every event, and once all has come to
rest."""

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from securities_transactions.domain.pull_request import PullOutcome
from securities_transactions.storage.snapshot_codec import decode
from tests.simulation.product import Pulls
from tests.simulation.vendor import MOST_LAG, Document, Vendor, VendorTransaction
from tests.simulation.world import DAY, SECOND, Violation, World

Material = tuple[tuple[str, str, str, str, int, int, float], ...]

# A pull for each request, at most one in half a minute, and the scheduled ones: far below this.
MOST_PULLS: Final = 90
PULL_INTERVAL: Final = timedelta(seconds=30)

# What can have caused each change in the history of a transaction.
_CAUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "created": ("api",),
    "adopted": ("pull",),
    "reported": ("webhook", "sdk"),
    "confirmed": ("pull",),
    "settled": ("pull", "webhook"),
    "corrected": ("pull",),
    "retracted": ("pull",),
    "failed": ("pull",),
    "escalated": ("pull",),
    "account": ("pull", "sdk"),
    "sdk error": ("sdk",),
    "gateway status": ("pull",),
}
_BESIDE_VERSIONS: Final = ("account", "sdk error", "gateway status")


def material(batch: Mapping[str, Any]) -> Material:
    """The financial content of a batch, independent of the product's code, which is under test."""
    return tuple(
        sorted(
            (
                place,
                str(order["tradingsymbol"]),
                str(order["transactionType"]),
                str(order["status"]).replace(" ", "_"),
                int(order["quantity"]),
                int(order.get("filledQuantity") or 0),
                float(order.get("averagePrice") or 0),
            )
            for place in ("orders", "unplaced")
            for order in batch.get(place) or ()
        )
    )


def _progress(content: Material) -> tuple[bool, int, int]:
    final = ("COMPLETE", "PARTIAL", "REJECTED", "CANCELLED", "CANCELLED_AMO")
    done = [row for row in content if row[0] == "unplaced" or row[3] in final]
    return len(done) == len(content), len(done), sum(row[5] for row in content)


def _moved(content: Material) -> int:
    """The number of orders that have left PLACED, the initial status. One at ERROR does not look placed again."""
    return sum(row[0] == "unplaced" or row[3] != "PLACED" for row in content)


def is_as_far(content: Material, other: Material) -> bool:
    """True if `content` has progressed as far as `other`."""
    return (_progress(content), _moved(content)) >= (_progress(other), _moved(other))


def _true(made: VendorTransaction) -> list[Material]:
    """Every batch that the Gateway has of a transaction, in the order in which they become true."""
    return [material(state.batch) for state in made.states if state.batch is not None]


class Promises(Pulls):
    """The promises so far, checked."""

    def __init__(self, world: World, vendor: Vendor, confirm: str, skewed: bool) -> None:
        self.world = world
        self.vendor = vendor
        self.confirm = confirm
        self.skewed = skewed
        # A replica that is hours behind is more than the promises allow for: only what was confirmed has to hold.
        self.beyond = vendor.moods.lag > MOST_LAG
        self.confirmed: dict[str, Material] = {}
        self.events: dict[str, dict[str, Any]] = {}
        # By transaction, the event of the state with each sequence.
        self.sequences: dict[str, dict[int, str]] = defaultdict(dict)
        # By event id.
        self.types: dict[str, str] = {}
        self.newest: dict[str, dict[str, Any]] = {}
        self.answered: list[tuple[Document, bool]] = []
        self.created: set[str] = set()
        self.suspicious: set[str] = set()
        self.items: dict[str, Any] = {}
        # Accounts that their users have unlinked: they are linked again with the next transaction.
        self.unlinked: set[str] = set()
        # The invocation that wrote each transaction's latest lease, and when each invocation's pull began.
        self.lessees: dict[str, object] = {}
        self.began: dict[int, int] = {}

    # --- after every write

    def watch(self, table: str, old: Any, new: Any) -> None:
        """A write has happened."""
        if table == "Transactions" and new is not None:
            self._transaction(old, new)
        elif table == "Users" and new is not None and new["entry"]["S"] == "owner":
            auth_id = new["notes"]["S"].removeprefix("owner#")
            users = {each.notes for each in self.vendor.transactions.values() if each.auth_id == auth_id}
            if old is not None and old["owner"] != new["owner"]:
                raise Violation("no silent relink", f"{auth_id} from {old['owner']['S']} to {new['owner']['S']}")
            if new["owner"]["S"] not in users:
                raise Violation("no forged link", f"{auth_id} linked to {new['owner']['S']}, traded by {users}")

    def _transaction(self, old: Any, new: Any) -> None:
        id_, version = new["transactionId"]["S"], int(new["version"]["N"])
        self.items[id_] = new
        if old is None or old.get("pulledAt") != new.get("pulledAt"):
            self.lessees[id_] = self.world.task
        before = int(old["version"]["N"]) if old is not None else 0
        self.world.tell(f"  {id_} v{version} {_text(new, 'status')} {_text(new, 'confirmation')} {_settled(new)}")
        if version - before not in ((1,) if old is None else (0, 1)):
            raise Violation("version counts by one", f"{id_} went from {before} to {version}")
        self._leased(id_, old, new)
        if self.confirm == "none":
            return
        made = self.vendor.transactions.get(id_)
        if made is None:
            raise Violation("nothing made up", f"{id_} is stored, the Gateway does not know it")
        self._forward(made, old, new)
        if old is not None and "settledAt" in old and "settledAt" not in new:
            raise Violation("settled stays settled", id_)
        if _text(new, "confirmation") != "confirmed":
            if "settledAt" in new:
                raise Violation("settled is confirmed", id_)
            return
        if old is None or any(old.get(name) != new.get(name) for name in ("confirmedAt", "snapshot", "status")):
            if self.beyond and old is not None and _text(old, "confirmation") == "reported":
                self.confirmed.pop(id_, None)  # a report lay over it: what it hid is not known any more
            self._confirmed(made, new)

    def _forward(self, made: VendorTransaction, old: Any, new: Any) -> None:
        """A shown state that was true does not go back. One that was never true may."""
        if (
            self.beyond
            or old is None
            or "snapshot" not in old
            or old["snapshot"] == new.get("snapshot")
            or made.is_corrected
        ):
            return
        true = _true(made)
        before = material(decode(old["snapshot"]["B"]))
        if before not in true:
            return
        after = material(decode(new["snapshot"]["B"])) if "snapshot" in new else ()
        if after and after not in true and _text(new, "confirmation") == "reported":
            return  # forged: shown as reported until the Gateway has been asked
        if not after or (_progress(after), _moved(after)) < (_progress(before), _moved(before)):
            raise Violation("the state never goes back", f"{made.id} from {before} to {_text(new, 'status')}")

    def _leased(self, id_: str, old: Any, new: Any) -> None:
        """Two pulls of a transaction are an interval apart, but for the one of its first outcome.

        Clocks that are wrong may differ on when the interval is over.
        """
        if old is None or old.get("pulledAt") == new.get("pulledAt") or self.skewed:
            return
        first_final = "finalPulledAt" in new and "finalPulledAt" not in old
        if "pulledAt" in old and not first_final:
            before, after = (datetime.fromisoformat(each["pulledAt"]["S"]) for each in (old, new))
            if after - before < PULL_INTERVAL:
                raise Violation("pulls are bounded", f"{id_} pulled after {after - before}")

    def _confirmed(self, made: VendorTransaction, new: Any) -> None:
        status = _text(new, "status")
        if "snapshot" not in new:
            if status == "FAILED" and made.last.batch is not None and not self.beyond:
                raise Violation("failed has no orders", f"{made.id} ({made.plan}) trades after all")
            if made.id in self.confirmed:
                raise Violation("confirmed never goes back", f"{made.id} from orders to {status}")
            return
        content = material(decode(new["snapshot"]["B"]))
        said = [state for state in made.states if state.at <= self.world.now and state.batch is not None]
        if not any(content == material(state.batch or {}) for state in said):
            raise Violation("confirmed is the Gateway's word", f"{made.id} confirmed as {content}")
        known = self.confirmed.get(made.id)
        if known is not None and _progress(content) < _progress(known) and not made.is_corrected:
            raise Violation("confirmed never goes back", f"{made.id} from {known} to {content}")
        if known is not None and made.is_corrected and not self.skewed:
            true = _true(made)
            if content in true and known in true and true.index(content) < true.index(known):
                raise Violation("confirmed never goes back", f"{made.id} from a correction to {content}")
        self.confirmed[made.id] = content
        if "settledAt" in new and not any(state.final and content == material(state.batch or {}) for state in said):
            raise Violation("settled is the truth", f"{made.id} settled as {content}")

    # --- after every pull

    def started(self, transaction_id: str) -> None:
        """A pull begins: a lease that the same task had before was for another one."""
        if self.lessees.get(transaction_id) is self.world.task:
            del self.lessees[transaction_id]
        self.began[id(self.world.task)] = self.world.now

    def ended(self, transaction_id: str, outcome: PullOutcome) -> None:
        """A pull ends: it has used its lease, and its answer is saved, with the next check or the end of checks."""
        began = self.began.pop(id(self.world.task))
        item = self.items.get(transaction_id)
        if outcome is PullOutcome.BUSY and self.lessees.get(transaction_id) is self.world.task:
            raise Violation("a lease is used", f"{transaction_id} was leased and not pulled")
        if outcome is PullOutcome.PULLED and not self.skewed and item is not None and "nextCheckAt" in item:
            due = datetime.fromisoformat(item["nextCheckAt"]["S"])
            if due <= self.world.moment(began):
                raise Violation("a pull is saved", f"{transaction_id} was pulled, its check of {due} is still due")

    # --- after every answer to the Gateway

    def genuine(self, body: Document, raw: str, status: int | None, tables: Mapping[str, Any], keys: list[str]) -> None:
        """A genuine webhook was answered; `keys` are the API secrets that the operator has stored for long enough."""
        signed = body["timestamp"] + body["smallcaseAuthId"]
        known = any(_hmac(key, signed) == body["checksum"] for key in keys)
        if status is not None and status not in (200, 503) and known:
            raise Violation("genuine is never refused", f"{status} for {raw[:200]}")
        if status != 200:
            return
        self.answered.append((body, "batchId" in body))
        if (hashlib.sha256(raw.encode()).hexdigest(),) in tables["Webhooks"].items or "batchId" not in body:
            return
        item = tables["Transactions"].items.get((body["transactionId"],))
        snapshot = material(decode(item["snapshot"]["B"])) if item is not None and "snapshot" in item else ()
        if not snapshot or _progress(snapshot) < _progress(material(body)):
            raise Violation("nothing accepted is lost", f"answered 200, neither shown nor kept: {raw[:200]}")

    # --- after every event

    def accepted(self, event: dict[str, Any]) -> None:
        """The bus accepted an event."""
        detail = event["detail"]
        known = self.events.setdefault(detail["eventId"], detail)
        if known is detail:
            self.types[detail["eventId"]] = event["detail-type"]
            self.world.tell(f"  event {event['detail-type']} {detail['eventId']}")
            self.world.covered[f"event {event['detail-type']}"] += 1
        elif known != detail:
            raise Violation("one event, one id", f"{detail['eventId']} said two things")
        if detail.get("previousSequence", 0) >= detail.get("sequence", 1):
            raise Violation("in order per transaction", f"{detail['eventId']} follows {detail['previousSequence']}")
        if "sequence" in detail:
            self._ordered(detail["transactionId"], detail["sequence"], detail, _is_of_state(event["detail-type"]))
        if event["detail-type"] == "BooksClosed":
            self._closed(detail)
        if event["detail-type"] == "OrdersSettled" and self.confirm != "none":
            made = self.vendor.transactions[detail["transactionId"]]
            finals = [material(state.batch or {}) for state in made.states if state.final]
            if detail.get("confirmation") != "confirmed" or material(detail) not in finals:
                raise Violation("settled is the truth", f"published {json.dumps(detail)}")

    def _closed(self, detail: dict[str, Any]) -> None:
        """A transaction that the evening calls compared is as the Gateway has it now, or had it meanwhile."""
        self.world.covered["corrected in the evening"] += detail["corrected"]
        unresolved = {each["transactionId"] for each in detail["unresolved"]}
        if len(unresolved) != detail["drift"]:
            raise Violation("the evening finds what differs", f"drift {detail['drift']}, listed {unresolved}")
        if self.beyond or self.skewed or self.world.now < self.world.rates.calm + DAY // 4:
            return
        settled = 0
        for id_, item in self.items.items():
            if "bookedAt" not in item or not detail["since"] < item["bookedAt"]["S"] <= detail["until"]:
                continue
            settled += "settledAt" in item
            made = self.vendor.transactions[id_]
            true = [material(made.state(at).batch or {}) for at in (self.world.now, self.world.now - DAY // 4)]
            shown = material(decode(item["snapshot"]["B"])) if "snapshot" in item else ()
            if id_ not in unresolved and shown not in true:
                raise Violation("the evening finds what differs", f"{id_} is {shown}, the Gateway has {true}")
        if settled != detail["transactions"]:
            raise Violation("the evening finds what differs", f"{detail['transactions']} counted of {settled}")

    # --- after every message to the pull queue

    def requested(self, body: str) -> None:
        """The pull queue accepted a request."""
        message = json.loads(body)
        if message.get("suspicious"):
            self.suspicious.add(message["transactionId"])

    def _ordered(self, id_: str, sequence: int, detail: dict[str, Any], of_state: bool) -> None:
        seen = self.sequences[id_]
        if sequence not in seen and sequence != 1 and sequence - 1 not in seen:
            raise Violation("in order per transaction", f"{id_}: {sequence} before {sequence - 1}")
        if detail["previousSequence"] != sequence - 1:
            raise Violation("contiguous", f"{id_}: {sequence} names {detail['previousSequence']} as the one before")
        if of_state and seen.setdefault(sequence, detail["eventId"]) != detail["eventId"]:
            raise Violation("contiguous", f"{id_}: two states have the sequence {sequence}")
        if id_ not in self.newest or self.newest[id_]["sequence"] <= sequence:
            self.newest[id_] = detail

    # --- at rest

    def at_rest(self, tables: Mapping[str, Any]) -> None:
        """Everything has come to rest: nothing is lost, and all is as the Gateway has it."""
        stored = {key[0]: item for key, item in tables["Transactions"].items.items()}
        for id_, item in stored.items():
            version = int(item["version"]["N"])
            missing = set(range(1, version + 1)) - self.sequences[id_].keys()
            if missing:
                raise Violation("every change is published", f"{id_} has {version} versions, unpublished: {missing}")
            if self.newest[id_]["status"] != _text(item, "status"):
                raise Violation("every change is published", f"{id_} is {_text(item, 'status')}, not said")
        for id_ in self.created - stored.keys():
            raise Violation("nothing accepted is lost", f"{id_} was created and answered")
        kept = {key[0]: item for key, item in tables["Webhooks"].items.items()}
        for name, item in kept.items():
            if "suspicion" not in item and name not in self.events:
                raise Violation("nothing accepted is lost", f"stored webhook {name[:8]} was never published")
            if "suspicion" in item and "transactionId" in item and _text(item, "transactionId") not in self.suspicious:
                raise Violation("nothing accepted is lost", f"suspicious webhook {name[:8]} requested no pull")
        for body, securities in self.answered:
            if not securities and not any("suspicion" not in item for item in kept.values()):
                raise Violation("nothing accepted is lost", f"a webhook of another kind: {sorted(body)}")
            if securities and body["transactionId"] not in stored:
                raise Violation("nothing accepted is lost", f"{body['transactionId']} was never adopted")
        self._booked(stored, tables["Positions"].items.values())
        self._recorded(stored, tables["History"].items.values())
        days = (self.world.now - DAY // 2) // DAY
        reports = {each["day"] for each in self.events.values() if "drift" in each}
        if len(reports) < days:
            raise Violation("each evening is closed", f"{len(reports)} reports of {days} days")
        if not self.beyond:
            for id_, item in stored.items():
                self._converged(self.vendor.transactions[id_], item, tables)
        self._bounded()

    def _recorded(self, stored: Mapping[str, Any], entries: Iterable[Any]) -> None:
        """The history has every version once, in order, each with a cause that can have had that effect."""
        histories: dict[str, list[Any]] = {id_: [] for id_ in stored}
        for entry in sorted(entries, key=lambda entry: _text(entry, "entry")):
            histories[_text(entry, "transactionId")].append(entry)
        for id_, history in histories.items():
            versions, last = list[int](), dict[str, Any]()
            for entry in history:
                change = entry["facts"]["M"]["change"]["S"]
                kind = entry.get("cause", {"M": {"kind": {"S": "none"}}})["M"]["kind"]["S"]
                if kind not in _CAUSES[change]:
                    raise Violation("every change has its cause", f"{id_} was {change} by {kind}")
                if change not in _BESIDE_VERSIONS:
                    versions.append(int(entry["version"]["N"]))
                    last = entry["facts"]["M"]
            expected = list(range(1, int(stored[id_]["version"]["N"]) + 1))
            if versions != expected:
                raise Violation("the history is whole", f"{id_} has versions {versions}, not {expected}")
            if last["status"]["S"] != _text(stored[id_], "status"):
                raise Violation("the history is whole", f"{id_} ends as {last['status']['S']} in its history")

    def _booked(self, stored: Mapping[str, Any], positions: Iterable[Any]) -> None:
        """The ledger has what was settled, exact to the share and the paisa."""
        expected: dict[tuple[str, str], tuple[int, Decimal]] = {}
        for item in stored.values():
            for order in decode(item["snapshot"]["B"])["orders"] if "settledAt" in item else ():
                shares = int(order["filledQuantity"]) * (1 if order["transactionType"] == "BUY" else -1)
                spent = (shares * Decimal(order["averagePrice"])).quantize(Decimal("0.01"))
                key = f"user#{_text(item, 'notes')}", order["tradingsymbol"]
                before = expected.get(key, (0, Decimal(0)))
                expected[key] = before[0] + shares, before[1] + spent
        booked = {
            (item["holder"]["S"], item["security"]["S"]): (int(item["shares"]["N"]), Decimal(item["spent"]["N"]))
            for item in positions
            if "shares" in item
        }
        for key in expected.keys() | booked.keys():
            if expected.get(key, (0, 0)) != booked.get(key, (0, 0)):
                raise Violation("the ledger is exact", f"{key}: {booked.get(key)} for {expected.get(key)}")

    def _converged(self, made: VendorTransaction, item: Any, tables: Mapping[str, Any]) -> None:
        last, status = made.last, _text(item, "status")
        self.world.covered[f"ended {status}{' settled' if 'settledAt' in item else ''}"] += 1
        if status == "FAILED" or "settledAt" in item:
            for name, value in (("smallcaseAuthId", made.auth_id), ("broker", made.broker)):
                if _text(item, name) not in (value, "-" if status == "FAILED" else value):
                    raise Violation("the account is the Gateway's", f"{made.id} has {name} {_text(item, name)}")
        if last.batch is None:
            if status != "FAILED":
                raise Violation("all converge", f"{made.id} ({made.plan}) is {status}, the Gateway has no orders")
            return
        shown = "snapshot" in item and material(decode(item["snapshot"]["B"])) == material(last.batch)
        if last.final and not (shown and "settledAt" in item):
            raise Violation("all converge", f"{made.id} ({made.plan}) is {status}, should be settled")
        is_linked = ("owner#" + made.auth_id, "owner") in tables["Users"].items or made.auth_id in self.unlinked
        if last.final and not is_linked:
            raise Violation("all converge", f"{made.auth_id} of {made.id} is linked to nobody")
        if not last.final and not shown and self.vendor.moods.batches == "full":
            raise Violation("all converge", f"{made.id} ({made.plan}) is {status}, shows something else")
        if last.status == "COMPLETED" and not last.final and "escalatedAt" not in item:
            raise Violation("the unknown is escalated", f"{made.id} stands at {status}")
        if "escalatedAt" in item and "escalation" not in item:
            raise Violation("the unknown is escalated", f"{made.id} does not say why")
        unanswered = _text(item, "settledAt") < _text(item, "escalatedAt") if "escalatedAt" in item else False
        if ("openCase" in item) is not unanswered:
            raise Violation("an open case is listed", f"{made.id}, {status}, escalated {_text(item, 'escalatedAt')}")

    def _bounded(self) -> None:
        made_up = sorted(at for id_, times in self.vendor.pulls.items() if "made_up" in id_ for at in times)
        close = any(later - at < 20 * SECOND for at, later in zip(made_up, made_up[4:], strict=False))
        if close and not self.skewed:  # three users, each with a lease that clocks agree on
            raise Violation("pulls are bounded", "five pulls of made-up transactions in twenty seconds")
        for id_, times in self.vendor.pulls.items():
            self.world.covered["pulls"] += len(times)
            if len(times) > MOST_PULLS:
                raise Violation("pulls are bounded", f"{len(times)} of {id_}")


def _hmac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _text(item: Any, name: str) -> str:
    return str(item[name]["S"]) if name in item else "-"


def _settled(item: Any) -> str:
    return "settled" if "settledAt" in item else ""


def _is_of_state(detail_type: str) -> bool:
    """Of an account that becomes linked, or is another user's, there is an event beside that of the state."""
    return not detail_type.startswith("BrokerAccount")
