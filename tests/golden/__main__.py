"""`python -m tests.golden VERSION`: stored items as this code writes them, with what it reads from them.

A set of a released version is never written again: its items are what that version wrote. Without a version, the
answers of all sets are written again, and no item: for an answer that was changed on purpose.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from tests.golden.answers import READERS
from tests.golden.collect import records

ROOT: Final = Path(__file__).parent


def write(path: Path, stored: list[Any]) -> None:
    """Write the items of one table with what is read from each."""
    cases = [{"stored": each, "read": READERS[path.stem](each)} for each in stored]
    lines = ",\n".join(json.dumps(case, sort_keys=True, ensure_ascii=False) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")
    print(f"{path.relative_to(ROOT)}: {len(cases)}")


def main() -> int:
    """0 where a set, or the answers of all, were written."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("version", nargs="?", help="what this code is released as (1.0), or is to be (1.0-pre)")
    version = parser.parse_args().version
    if version is None:
        for path in sorted(ROOT.glob("*/*.json")):
            write(path, [case["stored"] for case in json.loads(path.read_text())])
        return 0
    directory = ROOT / version
    if directory.exists() and not version.endswith("-pre"):
        print(f"{version} is there: its items are what that version wrote", file=sys.stderr)
        return 1
    written = records()
    directory.mkdir(exist_ok=True)
    for name, stored in written.items():
        write(directory / f"{name}.json", stored)
    return 0


if __name__ == "__main__":
    sys.exit(main())
