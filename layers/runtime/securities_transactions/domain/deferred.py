"""A value that is decoded when it is first looked at: most reads of a transaction never look at its orders."""

from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar

T = TypeVar("T")


class Deferred(Generic[T]):
    """`value` is what `make` returns, made once. Two are equal where their values are."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make

    @classmethod
    def of(cls, value: T) -> "Deferred[T]":
        """A value that is there already."""
        return cls(lambda: value)

    @cached_property
    def value(self) -> T:
        """The value; whatever `make` raises is raised here, each time."""
        return self._make()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Deferred) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"Deferred({self.value!r})"
