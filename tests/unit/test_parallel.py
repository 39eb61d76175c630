"""Running things at once in threads."""

import threading
import time
from contextvars import ContextVar

import pytest

from securities_transactions.parallel import in_threads

NAME: ContextVar[str] = ContextVar("name", default="nobody")


def test_results_come_in_the_order_of_the_tasks() -> None:
    def task(number: int) -> int:
        time.sleep(0.003 * (3 - number))
        return number

    assert in_threads([lambda n=number: task(n) for number in range(4)], 4) == [0, 1, 2, 3]  # type: ignore[misc]
    assert in_threads([], 4) == []


def test_no_more_run_at_once_than_most() -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def task() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.001)
        with lock:
            inside -= 1

    in_threads([task] * 20, 3)
    assert most <= 3


def test_all_end_before_an_error_is_raised() -> None:
    ended = []

    def fails() -> None:
        raise ValueError("first")

    def works() -> None:
        time.sleep(0.01)
        ended.append(True)

    with pytest.raises(ValueError, match="first"):
        in_threads([fails, works, works], 2)
    assert len(ended) == 2


def test_tasks_have_the_callers_context() -> None:
    NAME.set("caller")
    assert in_threads([NAME.get, NAME.get], 2) == ["caller", "caller"]
