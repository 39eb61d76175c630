"""The file that `make run` keeps while it is up: addresses and tokens, for the shell (`. .local/env`) and for tools."""

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tools.local_stack.process_supervisor import ROOT, Failed
from tools.local_stack.product import Product

PATH: Final = ROOT / ".local" / "env"
SERVICE_SCOPE: Final = "securities-transactions:service"  # the template's default
_TOKEN_SECONDS: Final = 12 * 3600  # a working day


@contextlib.contextmanager
def written(product: Product, console_url: str, user: str, path: Path = PATH) -> Iterator[None]:
    """The file while the context lasts: a reader takes the product for up as long as it is there."""
    values = {
        "API": product.api_url,
        "GATEWAY": product.gateway_url,
        "ISSUER": product.issuer_url,
        "CONSOLE": console_url,
        "HEALTH": f"{console_url}/health",
        "TOKEN": product.token(user, seconds=_TOKEN_SECONDS),
        "SERVICE_TOKEN": product.token("local-service", SERVICE_SCOPE, _TOKEN_SECONDS),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read(path: Path = PATH) -> Mapping[str, str]:
    """The values by their names; `Failed` where no `make run` is up."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        raise Failed("Nothing runs here: start it with `make run` in another terminal.") from None
    words = (shlex.split(line)[1] for line in lines)
    return dict(word.partition("=")[::2] for word in words)
