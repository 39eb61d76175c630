"""`python -m tests.matrix [text]`: the walk-through in every cell, or in those with `text` in their names.

Each is printed with its outcome, and one that is silent fails the command.
"""

import sys
import time

from tests.matrix.cells import CELLS
from tests.matrix.walk import walk


def main() -> int:
    """0 where the product works in each cell, or names the setting that is wrong."""
    start, silent = time.monotonic(), 0
    cells = [cell for cell in CELLS if len(sys.argv) < 2 or sys.argv[1] in cell.name]
    for cell in cells:
        outcome = walk(cell)
        silent += outcome.is_silent
        print(f"  {cell.name:<75} {outcome}", flush=True)
    print(f"{len(cells)} cells in {time.monotonic() - start:.0f} s, {silent} silent")
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
