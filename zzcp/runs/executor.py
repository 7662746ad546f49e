"""What runs searches, and the simplest of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from zzcp.interrupt import Interrupt

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Runs a function of a module on many tasks; it is a context manager that ends what it has begun."""

    jobs: int

    def run(
        self, work: Callable[[T], R], tasks: Sequence[T], interrupt: Interrupt
    ) -> Iterator[tuple[int, R]]:
        """Yield the numbers of tasks with what the function returned, as it comes.

        After an interrupt nothing is begun any more; what runs is asked to end with what it has.

        Parameters
        ----------
        work : callable
            Takes a task; searches in it heed SIGINT.
        tasks : sequence
            The tasks.
        interrupt : Interrupt
            Says when the user wants the end.
        """

    def __enter__(self) -> Executor:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End."""


class InProcess:
    """Runs one task after the other in this process."""

    jobs = 1

    def run(
        self, work: Callable[[T], R], tasks: Sequence[T], interrupt: Interrupt
    ) -> Iterator[tuple[int, R]]:
        """Yield the numbers of tasks with what the function returned; see `Executor`."""
        for number, task in enumerate(tasks):
            if interrupt.requested:
                return
            yield number, work(task)

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass
