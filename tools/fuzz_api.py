"""`make fuzz-api`: run schemathesis, from contracts/openapi.yaml, against the local product.

It runs twice: with made-up ids, which do not exist, and with the id of a transaction that has orders. No response may
have a 5xx status, nor a status, a content type or a body that the description does not list.
"""

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from operations.timeline import Timeline
from operations.updates import Updates
from tools.contracts.openapi import NAME
from tools.contracts.store import CONTRACTS
from tools.local_stack import walkthrough
from tools.local_stack.engine import environment
from tools.local_stack.product import Product, running

USER = "fuzz"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def main(arguments: list[str]) -> int:
    """Returns 0 if every response matched the description, else 1."""
    parser = argparse.ArgumentParser(prog="make fuzz-api")
    parser.add_argument("--n", type=int, default=50, help="examples for each route, each time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with running(progress=lambda what, seconds: print(f"· {what} ({seconds:.1f} s)")) as product:
        updates = Updates(product.aws.sqs, product.outputs["UpdatesQueueUrl"])
        told = Timeline(io.StringIO())
        known = walkthrough.place(product, updates, USER, walkthrough.SINGLE, told, expect_token="guest")
        codes = [fuzz(product, None, options.n, options.seed), fuzz(product, known, options.n, options.seed)]
    return int(any(codes))


def fuzz(product: Product, transaction_id: str | None, examples: int, seed: int) -> int:
    """schemathesis's exit code. Every path uses `transaction_id` if one is given."""
    print(f"\n· {'made-up ids' if transaction_id is None else transaction_id}\n", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        settings = f'[parameters]\n"path.transactionId" = "{transaction_id}"\n' if transaction_id else ""
        (Path(directory) / "schemathesis.toml").write_text(settings)
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            str(CONTRACTS / NAME),
            f"--url={product.api_url}",
            # A service may act for every user, so that random users do not all get 403.
            f"--header=authorization: Bearer {product.token(USER, 'securities-transactions:service')}",
            f"--checks={','.join(CHECKS)}",
            "--phases=examples,coverage,fuzzing",
            f"--max-examples={examples}",
            f"--seed={seed}",
            "--request-timeout=60",
            "--continue-on-failure",
            "--generation-database=none",
            "--warnings=off",
            "--no-color",
        ]
        # The directory is empty, so schemathesis finds no settings and no corpus of the developer.
        return subprocess.run(command, cwd=directory, env=environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
