"""A value that is decoded on first use: most reads of a transaction never use its orders."""

from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar

T = TypeVar("T")


class Deferred(Generic[T]):
    """A lazily computed value: `make` runs once, on first use. Two are equal if their values are equal."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make

    @classmethod
    def of(cls, value: T) -> "Deferred[T]":
        """Wrap a value that is already computed."""
        return cls(lambda: value)

    @cached_property
    def value(self) -> T:
        """The value. If `make` raises, each access raises."""
        return self._make()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Deferred) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"Deferred({self.value!r})"
