"""`python -m tools.local_stack run` and `python -m tools.local_stack demo`: the complete product, and three orders."""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final, NoReturn

from operations.timeline import Timeline
from operations.updates import Updates
from tools.console.app import serving
from tools.local_stack import consumers, env_file, forward, walkthrough
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.engine import REGION, is_free
from tools.local_stack.process_supervisor import ROOT, RUNS, Failed
from tools.local_stack.product import Ports, Product, running

USER = "asha"
_TESTER: Final = "asha-tests"
DATA: Final = ROOT / ".local" / "data"
_LAST_PORT: Final = 65535


def main(arguments: list[str]) -> int:
    """Returns 0 on success, 1 on a failure, 130 or 143 if interrupted."""
    options = _options(arguments)
    ports = Ports(options.port, options.gateway_port, options.issuer_port)
    if taken := _taken(options):
        print("\n".join(taken), file=sys.stderr)
        return 1
    # Also SIGINT, which a shell has its jobs ignore: `make run &` is stopped with it, too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    timeline = Timeline()
    try:
        with running(
            ports, lambda step, seconds: timeline.note(f"· {step} ({seconds:.1f} s)"), _state(options)
        ) as product:
            if options.command == "demo":
                good = _show(product, timeline)
                timeline.note("\nAll checks passed." if good else "\nA check failed, see above.")
                return 0 if good else 1
            _stay(product, options, timeline)
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _state(options: argparse.Namespace, data: Path = DATA) -> Path | None:
    """`data`, the directory of data that survives this run, emptied for `--keep new`. None without `--keep`."""
    if options.keep is None:
        return None
    if options.keep == "new":
        shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, exist_ok=True)
    return data


def _stay(product: Product, options: argparse.Namespace, timeline: Timeline) -> NoReturn:
    with contextlib.ExitStack() as up:
        if options.forward_to:
            up.enter_context(forward.forwarding(product, options.forward_to, timeline.note))
        console_url = up.enter_context(serving(product, options.console_port))
        up.enter_context(env_file.written(product, console_url, USER))
        if kept := _orders_of_the_run_before(product):
            timeline.note(
                f"\nThe data of the run before is here, {kept} orders of {USER} among it. The Gateway simulator"
            )
            timeline.note("has none of its transactions: open ones stay open. `--keep new` begins without data.")
        else:
            _show(product, timeline)
        _next_things(product, timeline, console_url)
        # The first thing at the end: the processes end while the console does.
        up.callback(product.let_go)
        while True:
            time.sleep(3600)


def _orders_of_the_run_before(product: Product) -> int:
    with product.api(USER) as api:
        answer = api.get("/orders")
        answer.raise_for_status()
        return len(answer.json()["items"])


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.local_stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, what, first in (
        ("run", "deploy locally, place three orders, stay up", 4566),
        ("demo", "deploy locally, check every step and end", 0),
    ):
        sub = commands.add_parser(command, help=what, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        for offset, (name, whose) in enumerate(
            (
                ("port", "the API and all of AWS"),
                ("gateway-port", "the Gateway simulator"),
                ("issuer-port", "the token issuer"),
                ("console-port", "the console (`run` only)"),
            )
        ):
            variable = f"LOCAL_{name.upper().replace('-', '_')}"
            usual = "0: any free one" if offset == 0 else f"default: --port + {offset}, or any free one"
            sub.add_argument(
                f"--{name}",
                type=_port_number,
                default=os.environ.get(variable),
                help=f"of {whose}; {usual}; or {variable}",
            )
        if command == "run":
            sub.add_argument(
                "--keep",
                nargs="?",
                const="on",
                choices=["on", "new"],
                help=f"data survives the run, in {DATA.relative_to(ROOT)}; `--keep new` begins with none",
            )
            sub.add_argument(
                "--forward-to", type=_address, metavar="URL", help="post every event to a consumer of your own"
            )
        sub.set_defaults(first=first, **({} if command == "run" else {"keep": None}))
    options = parser.parse_args(arguments)
    if options.port is None:
        options.port = options.first
    for offset, name in enumerate(("gateway_port", "issuer_port", "console_port"), 1):
        if getattr(options, name) is None:
            setattr(options, name, options.port + offset if options.port else 0)
            if getattr(options, name) > _LAST_PORT:
                parser.error(
                    f"--port {options.port} leaves no room for the ports behind it: give one below {_LAST_PORT - 2}"
                )
    return options


def _address(text: str) -> str:
    try:
        return forward.address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= _LAST_PORT and len(text) <= len(str(_LAST_PORT))):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to {_LAST_PORT}")
    return int(text)


def _taken(options: argparse.Namespace) -> list[str]:
    """A line for each port that cannot be had, all at once."""
    wanted = ("port", "gateway-port", "issuer-port", *(["console-port"] if options.command == "run" else []))
    lines: list[str] = []
    seen: dict[int, str] = {}
    for name in wanted:
        port = getattr(options, name.replace("-", "_"))
        if port and port in seen:
            lines.append(f"Port {port} is given twice: pick another with --{name} or --{seen[port]}.")
        elif port and not is_free(port):
            lines.append(f"Port {port} is in use: stop its process, or choose another with --{name}.")
        seen[port] = name
    return lines


def _interrupted(number: int, _: object) -> NoReturn:
    # A second signal must not interrupt the cleanup. The supervisor works in any case.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    print("\nstopping…", file=sys.stderr, flush=True)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)


def _show(product: Product, timeline: Timeline) -> bool:
    """Place three orders, one after the other. Returns True if all checks passed."""
    updates = Updates(product.aws.sqs, product.outputs["UpdatesQueueUrl"])
    with GatewayDriver(product.gateway_url) as gateway:
        gateway.settings(fill_webhooks="always")
    try:
        # The first order links the user's broker account, so the second gets a connected token.
        walkthrough.place(product, updates, USER, walkthrough.SINGLE, timeline, expect_token="guest")
        walkthrough.place_in_a_test_account(product, updates, _TESTER, timeline)
        walkthrough.place(product, updates, USER, walkthrough.BASKET, timeline, expect_token="connected")
        consumers.show(product, updates, USER, timeline)
        consumers.show_nothing(product, _TESTER, timeline)
    except Exception as wrong:  # report every error, and keep the product up for inspection
        timeline.note(f"\n✗ {type(wrong).__name__}: {wrong}")
        for name, process in product.logs.items():
            timeline.note(f"\nthe last lines of {name}:\n{process.last_words(12)}")
        return False
    return True


def _port(product: Product) -> str:
    """The options that `make tail` needs if the product is not at its usual port."""
    port = product.aws.url.rpartition(":")[2]
    return "" if port == "4566" else f" PORT={port}"


def _next_things(product: Product, timeline: Timeline, console_url: str) -> None:
    bearer = '-H "authorization: Bearer $TOKEN"'
    order = '{"securities": [{"ticker": "TCS", "type": "BUY", "quantity": 1}]}'
    unsigned = f'{{"timestamp": "2026-01-15T04:30:12.345Z", "smallcaseAuthId": "{"0" * 24}", "checksum": "{"0" * 64}"}}'
    timeline.note(f"""
Press Ctrl-C to stop it.

  API                {product.api_url}
  Gateway simulator  {product.gateway_url}
  token issuer       {product.issuer_url}
  AWS                {product.aws.url}   (any credentials, region {REGION})
  updates queue      {product.outputs["UpdatesQueueUrl"]}
  logs               {RUNS.relative_to(ROOT)}/*/log

Try next, in a browser: place orders, inject faults, and watch the backend process them:

  {console_url}

Or in another terminal:

  . {env_file.PATH.relative_to(ROOT)}          # API, GATEWAY, ISSUER, CONSOLE, HEALTH, TOKEN, SERVICE_TOKEN
  curl -s $API/orders {bearer}
  curl -s $API/transactions {bearer} -d '{order}'

  # with the transactionId of the response, act as the user in the Gateway, and read the orders again:
  TX=TRX_…
  curl -s $GATEWAY/_sim/transactions/$TX/login -d '{{"broker": "kite"}}'
  curl -s $GATEWAY/_sim/transactions/$TX/confirm -d '{{}}'
  curl -s $API/transactions/$TX/orders {bearer}

  # or a whole story in one command (make trigger lists them):
  make trigger SCENARIO=rejected

  # follow the events:
  make tail{_port(product)}

  # a webhook without a valid checksum is rejected:
  curl -si $API/webhooks/orders -d '{unsigned}'
""")
