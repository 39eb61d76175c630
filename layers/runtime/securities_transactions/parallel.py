"""Running several things at once that wait for others most of their time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Protocol, TypeVar

T = TypeVar("T")


class InParallel(Protocol):
    """A way to run things at once: in threads, or one after another in a world without them."""

    def __call__(self, tasks: Sequence[Callable[[], T]], most: int) -> list[T]:
        """Return the results of `tasks`, in their order, at most `most` at once; raises the first error at the end."""


def in_threads(tasks: Sequence[Callable[[], T]], most: int) -> list[T]:
    """`InParallel` in threads, each with the caller's context variables."""
    if len(tasks) < 2:
        return [task() for task in tasks]
    with ThreadPoolExecutor(min(most, len(tasks))) as pool:
        futures = [pool.submit(copy_context().run, task) for task in tasks]
    return [future.result() for future in futures]
