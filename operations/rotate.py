"""`python -m operations.rotate`: rotate one of the Gateway's secrets step by step, and show the progress.

Steps: *next* stores the new secret from the vendor beside the current one; *switch* makes it the current one and keeps
the previous one; *finish* removes that one; *abort* removes the next one. A secret is read from the terminal or from
standard input. It is never in an argument, an output or a log.
"""

import argparse
import contextlib
import getpass
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TextIO

from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from securities_transactions.domain.decimal_json import loads
from securities_transactions.gateway import exchange
from securities_transactions.gateway.client import Gateway
from securities_transactions.gateway.credentials import Credentials, CredentialsInUse
from securities_transactions.gateway.errors import GatewayRefused, GatewayUnavailable, SecretsError
from securities_transactions.gateway.exchange import SendsRequests
from securities_transactions.gateway.secrets import GatewaySecrets, Role, parse
from securities_transactions.settings import statuses_in

Kind = Literal["api", "gateway"]
Step = Literal["show", "next", "switch", "finish", "abort"]
MEMBERS: Final[dict[Kind, dict[Role, str]]] = {
    "api": {"current": "apiSecret", "next": "nextApiSecret", "previous": "previousApiSecret"},
    "gateway": {"current": "gatewaySecret", "next": "nextGatewaySecret", "previous": "previousGatewaySecret"},
}
# The Gateway retries a webhook until three days after it was signed.
RETRIES: Final = timedelta(days=3)
# An id of no transaction: the Gateway rejects either the call's credentials or the id.
_NO_TRANSACTION: Final = "TRX_00000000000000000000000000000000"


class Refused(Exception):
    """A step after which genuine requests would be rejected. The message has the reason."""


@dataclass(frozen=True)
class State:
    """The progress of a rotation.

    `calls` has the Gateway's response to each secret, `webhooks` the number each signed.
    """

    stored: tuple[Role, ...]
    calls: dict[Role, Literal["accepted", "refused", "unknown"]]
    webhooks: Counter[str]


def step(members: dict[str, str], kind: Kind, name: Step, secret: str | None = None) -> dict[str, str]:
    """The stored JSON after a step. Raises `Refused`, and `SecretsError` for an invalid secret."""
    current, following, previous = (MEMBERS[kind][role] for role in ("current", "next", "previous"))
    changed = dict(members)
    match name:
        case "next":
            if secret in (members.get(current), members.get(previous)):
                raise Refused("this secret is stored already")
            changed[following] = secret or ""
        case "switch":
            if following not in members:
                raise Refused("no next secret is stored: STEP=next stores it")
            changed |= {current: members[following], previous: members[current]}
            del changed[following]
        case "finish":
            changed.pop(previous, None)
        case "abort":
            changed.pop(following, None)
        case "show":
            pass
    if name == "next" and changed[following] == "":
        raise Refused("no secret was given")
    parse(json.dumps(changed))
    return changed


def members_of(stage: Stage) -> dict[str, str]:
    """The stored JSON."""
    found = stage.secretsmanager.get_secret_value(SecretId=stage.outputs["GatewaySecretArn"])
    members: dict[str, str] = loads(found["SecretString"])
    parse(found["SecretString"])
    return members


def store(stage: Stage, members: dict[str, str]) -> None:
    """Store the JSON. Functions read it within `SecretAgeSeconds`, and at once after a failed verification."""
    stage.secretsmanager.put_secret_value(SecretId=stage.outputs["GatewaySecretArn"], SecretString=json.dumps(members))


def current_state(stage: Stage, kind: Kind, members: dict[str, str]) -> State:
    """The current state, from the stage's own Gateway."""
    http = exchange.client(stage.parameters["GatewayUrl"])
    with contextlib.closing(http.http):
        return state(stage, kind, members, datetime.now(UTC), http)


def state(stage: Stage, kind: Kind, members: dict[str, str], now: datetime, http: SendsRequests) -> State:
    """Call the Gateway to check which stored secrets it accepts, and read from the log which ones signed webhooks."""
    secrets = parse(json.dumps(members))
    roles = tuple(role for role, name in MEMBERS[kind].items() if members.get(name))
    calls = {role: _answer(stage, _pair(secrets, kind, role), now, http) for role in roles}
    return State(roles, calls, Counter(_signers(stage, now) if kind == "api" else []))


def _pair(secrets: GatewaySecrets, kind: Kind, role: Role) -> Credentials:
    if kind == "api":
        api = {"current": secrets.api, "next": secrets.next_api, "previous": secrets.previous_api}[role]
        return Credentials(api or secrets.api, secrets.gateway)
    gateway = {"current": secrets.gateway, "next": secrets.next_gateway, "previous": secrets.previous_gateway}[role]
    return Credentials(secrets.api, gateway or secrets.gateway)


def _answer(
    stage: Stage, pair: Credentials, now: datetime, http: SendsRequests
) -> Literal["accepted", "refused", "unknown"]:
    given = stage.parameters
    alone = GatewaySecrets(pair.gateway, pair.api)
    gateway = Gateway(
        http,
        given["GatewayName"],
        CredentialsInUse(lambda *, fresh=False: alone),
        given["GatewayOrdersPath"],
        refuses_credentials=statuses_in(given["CredentialsRefused"]),
    )
    try:
        gateway.pull(_NO_TRANSACTION, now)
    except GatewayRefused as error:
        return "refused" if error.is_about_us else "accepted"
    except GatewayUnavailable:
        return "unknown"
    return "accepted"


def _signers(stage: Stage, now: datetime) -> Iterator[str]:
    pages = stage.logs.get_paginator("filter_log_events").paginate(
        logGroupName=stage.outputs["LogGroup"],
        startTime=int((now - RETRIES).timestamp() * 1000),
        filterPattern='{ $.message = "webhook" && $.api_secret = * }',
    )
    for page in pages:
        for event in page["events"]:
            try:
                line = loads(event["message"])
            except ValueError:
                continue
            if isinstance(line, dict) and line.get("message") == "webhook" and isinstance(line.get("api_secret"), str):
                yield line["api_secret"]


def lines_of(kind: Kind, found: State) -> Iterator[str]:
    """The state as lines for the operator, with the next step."""
    for role in found.stored:
        signed = f", signed {found.webhooks[role]} webhooks in {RETRIES.days} days" if kind == "api" else ""
        yield f"{MEMBERS[kind][role]}: {found.calls[role]} in calls{signed}"
    if "next" in found.stored:
        accepted = found.calls["next"] == "accepted"
        yield "the vendor accepts the next secret: STEP=switch" if accepted else "wait until the vendor has switched"
    elif "previous" in found.stored:
        yield f"STEP=finish once the vendor has switched and {RETRIES.days} days have passed since"
    else:
        yield "no change is under way"


def check(name: Step, found: State) -> None:
    """Raises `Refused` for a step after which genuine webhooks or calls would be rejected."""
    if name == "finish" and "previous" in found.stored:
        if found.calls["current"] != "accepted":
            raise Refused("the Gateway does not accept the current secret")
        if found.webhooks["previous"]:
            raise Refused(f"the previous secret has signed webhooks within {RETRIES.days} days")
    if name == "abort" and found.calls.get("next") == "accepted" and found.calls["current"] != "accepted":
        raise Refused("the Gateway accepts the next secret alone")


def main(arguments: list[str]) -> int:
    """Returns 0 if the step was done, 1 if it was refused or the stage does not respond."""
    parser = stages.parser(__doc__)
    parser.add_argument("step", choices=["show", "next", "switch", "finish", "abort"], nargs="?", default="show")
    parser.add_argument("--secret", choices=list(MEMBERS), default="api", help="which of the two secrets is changed")
    parser.add_argument("--force", action="store_true", help="also where genuine requests would be refused")
    options = parser.parse_args(arguments)
    try:
        return _run(stages.of(options), options)
    except (Refused, SecretsError) as error:
        print(f"nothing was changed: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"{options.stage} does not answer: {error}", file=sys.stderr)
    return 1


def _run(stage: Stage, options: argparse.Namespace) -> int:
    kind: Kind = options.secret
    name: Step = options.step
    members = members_of(stage)
    if name in ("finish", "abort") and not options.force:
        check(name, current_state(stage, kind, members))
    secret = entered(MEMBERS[kind]["next"], sys.stdin) if name == "next" else None
    changed = step(members, kind, name, secret)
    if changed != members:
        store(stage, changed)
    for line in lines_of(kind, current_state(stage, kind, changed)):
        print(line)
    return 0


def entered(name: str, source: TextIO) -> str:
    """The secret that the operator types without an echo, or the first line of standard input."""
    return getpass.getpass(f"{name}: ") if source.isatty() else source.readline().rstrip("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
