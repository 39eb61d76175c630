"""The recipe for money in docs/reference/clients.md keeps every digit that the API writes, in Python."""

import json
import re
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

from securities_transactions.domain.decimal_json import dumps

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "clients.md").read_text()
PRICES = [Decimal("0.1"), Decimal("1498.2000"), Decimal("99999999999.123456789012"), Decimal(3)]


def recipe(language: str) -> str:
    """The snippet for a language."""
    found = re.search(rf"<!-- tested: {language} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_python_recipe_gives_the_exact_amount() -> None:
    """A binary fraction does not: that is why there is a recipe."""
    orders = [{"averagePrice": price, "filledQuantity": 3} for price in PRICES]
    content = dumps({"orders": orders})
    names = {"answer": SimpleNamespace(content=content.encode())}
    exec(recipe("python"), names)  # noqa: S102  # what the page says, as a reader runs it

    assert names["total"] == sum(PRICES) * 3
    binary = sum(each["averagePrice"] * each["filledQuantity"] for each in json.loads(content)["orders"])
    assert Decimal(binary) != names["total"]
