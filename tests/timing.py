"""How long something takes, where a busy machine makes processor time longer, too: the best of three counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def best_of_three(measured: Callable[[], tuple[T, float]], limit: float) -> tuple[T, float]:
    """Return the last of up to three results, and the least of their seconds; the first below a limit is enough."""
    seconds = []
    for _ in range(3):
        result, taken = measured()
        seconds.append(taken)
        if taken < limit:
            break
    return result, min(seconds)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return what some work returns, and the seconds of processor time that it took."""
    start = time.process_time()
    return work(), time.process_time() - start
