"""The handler that the bootstrap loads: the handler under test, preceded by a mark for the instruction counter.

It imports nothing but `os` and `importlib` of the standard library, because imports are part of the measurement.
"""

import os

# callgrind writes its count whenever this C function is entered. Nothing else here calls it.
_mark = os.getppid
_mark()

import importlib  # noqa: E402  # behind the mark: what comes before it is Python and the bootstrap

_module, _, _name = os.environ["BENCH_HANDLER"].rpartition(".")
_handler = getattr(importlib.import_module(_module), _name)


def handler(event, context):  # type: ignore[no-untyped-def]  # typing would be imported
    """The handler under test."""
    _mark()
    if (report := os.environ.get("BENCH_MODULES")) is not None and not os.path.exists(report):  # noqa: PTH110  # pathlib would be imported
        import sys

        with open(report, "w") as opened:  # noqa: PTH123  # likewise
            opened.write(str(len(sys.modules)))
    return _handler(event, context)
