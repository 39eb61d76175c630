"""The decoder in docs/reference/storage-format.md: Python without this product, with the dictionary of format 1."""

import base64
import textwrap
from typing import Final

from securities_transactions.storage.snapshot_codec import _DICTIONARY
from tools.contracts.store import ROOT

PAGE: Final = ROOT / "docs" / "reference" / "storage-format.md"
# The text between them is generated from the code.
MARKS: Final = ("<!-- decoder: made by `make contracts` -->", "<!-- end of the decoder -->")
_DECODER: Final = '''\
import base64, decimal, json, zlib

DICTIONARY = base64.b64decode("""
{dictionary}
""")

def decode(data):
    if data[:1] != b"\\x01":
        raise ValueError("a format that is not described here")
    text = zlib.decompressobj(-15, DICTIONARY).decompress(data[1:])
    return {{name: rows(value) for name, value in json.loads(text, parse_float=decimal.Decimal).items()}}

def rows(value):
    if not isinstance(value, dict):
        return value
    if "" in value:
        return value[""]
    columns = {{name: column for name, column in value.items() if name != "!"}}
    return [{{name: column[n] if isinstance(column, list) else column for name, column in columns.items()}}
            for n in range(value["!"])]
'''


def decoder() -> str:
    """The Python that decodes `snapshot` and `request`."""
    encoded = base64.b64encode(_DICTIONARY).decode()
    return _DECODER.format(dictionary=textwrap.fill(encoded, 110))


def section() -> str:
    """The section between the marks on the page."""
    return f"```python\n{decoder()}```"
