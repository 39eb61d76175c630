"""`python -m tools.contracts`: generate contracts/, and its parts of the docs, from the models.

`python -m tools.contracts release` stores the contracts as those of a released version, to compare later ones with.
"""

import re
import shutil
import sys
from pathlib import Path

from securities_transactions.events.schemas import SCHEMA_VERSION
from tools.contracts import api_compatibility, known_values, openapi, storage_format
from tools.contracts.compatibility import missing
from tools.contracts.documents import catalogue, documents
from tools.contracts.schemas import schemas
from tools.contracts.store import API_VERSION, CONTRACTS, DOCS, MARKS, RELEASED, released, released_apis


def write() -> None:
    """Write every generated file."""
    for path, text in (documents() | {openapi.NAME: openapi.text()}).items():
        target = CONTRACTS / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    for stale in (CONTRACTS / "events").glob("*.json"):
        if f"events/{stale.name}" not in documents():
            stale.unlink()
    fill(DOCS, MARKS, catalogue())
    fill(known_values.PAGE, known_values.MARKS, known_values.page())
    fill(storage_format.PAGE, storage_format.MARKS, storage_format.section())


def fill(page: Path, marks: tuple[str, str], text: str) -> None:
    """Put `text` between the marks on a page."""
    begin, end = marks
    between = re.compile(re.escape(begin) + ".*" + re.escape(end), re.DOTALL)
    page.write_text(between.sub(lambda _: f"{begin}\n\n{text}\n{end}", page.read_text()))


def release() -> int:
    """Store the contracts of this version that are not released yet.

    Returns 1 if all are released already or if one breaks a released version.
    """
    events, api = RELEASED / SCHEMA_VERSION, RELEASED / f"api-{API_VERSION}"
    if events.exists() and api.exists():
        told = "are released: raise SCHEMA_VERSION in securities_transactions/events/schemas.py, or API_VERSION in"
        print(f"{SCHEMA_VERSION} and {api.name} {told} tools/contracts/store.py", file=sys.stderr)
        return 1
    broken = [line for version in released().values() for line in missing(version, schemas())]
    broken += [
        line for document in released_apis().values() for line in api_compatibility.broken(document, openapi.plain())
    ]
    if broken:
        print("\n".join(broken), file=sys.stderr)
        return 1
    write()
    if not events.exists():
        shutil.copytree(CONTRACTS / "events", events)
    if not api.exists():
        api.mkdir(parents=True)
        shutil.copy(CONTRACTS / openapi.NAME, api)
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["release"]:
        sys.exit(release())
    write()
