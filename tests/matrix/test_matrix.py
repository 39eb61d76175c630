"""The walk-through of an order under each unknown of the Gateway: one value of each; `make matrix` has them all."""

import pytest

from tests.matrix.cell import Cell, End
from tests.matrix.cells import CELLS
from tests.matrix.walk import walk

# The last value of each: the first is what the simulator does by itself.
_REDUCED = list({cell.unknown: cell for cell in CELLS}.values())


@pytest.mark.long
@pytest.mark.parametrize("cell", _REDUCED, ids=[cell.name for cell in _REDUCED])
def test_product_works_or_logs_which_setting_is_wrong(cell: Cell) -> None:
    """A setting that is right never makes the product fail; a wrong one never does so in silence."""
    outcome = walk(cell)
    assert not outcome.is_silent, str(outcome)
    assert cell.wrong is not None or outcome.fault is None


def test_every_cell_has_a_name_of_its_own() -> None:
    names = [cell.name for cell in CELLS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "cell",
    [
        Cell("order", "unplaced", confirm={"scenario": "unplaced"}, end=End.FAILED),
        Cell("order", "executed", end=End.UNKNOWN),
        Cell("ticker", "taken", end=End.REFUSED, reason="not tradable"),
        Cell("account", "not linked", end=End.SETTLED, logs_in=False),
    ],
    ids=lambda cell: cell.value,
)
def test_walk_notices_another_end_than_the_cell_expects(cell: Cell) -> None:
    assert walk(cell).is_silent
