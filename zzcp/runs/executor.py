"""What runs searches, who is told of them, and the simplest executor of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from zzcp.errors import InputError
from zzcp.interrupt import Interrupt

T = TypeVar("T")
R = TypeVar("R")
Tell = Callable[[Any], None]
"""Takes what a task reports while it runs."""
Work = Callable[[T, Tell], R]
"""A function of a module: takes a task and whom to tell, and returns a result. Its searches heed `Interrupt`."""


class Watcher(Protocol):
    """Is told what becomes of the tasks, by their numbers."""

    def started(self, number: int) -> None:
        """A task begins (again, where what ran it was lost)."""

    def progress(self, number: int, message: Any) -> None:
        """A task reports."""

    def ended(self, number: int) -> None:
        """A task has ended."""


class Unwatched:
    """A watcher who takes no notice."""

    def started(self, number: int) -> None:
        """A task begins."""

    def progress(self, number: int, message: Any) -> None:
        """A task reports."""

    def ended(self, number: int) -> None:
        """A task has ended."""


class LostError(InputError):
    """Tasks whose processes were ended from outside, again and again; all others have been done."""


class Executor(Protocol):
    """Runs a function of a module on many tasks; it is a context manager that ends what it has begun.

    Attributes
    ----------
    jobs : int
        Tasks that run side by side.
    """

    jobs: int

    def run(
        self, work: Work[T, R], tasks: Sequence[T], interrupt: Interrupt, watcher: Watcher | None = None
    ) -> Iterator[tuple[int, R]]:
        """Yield the numbers of tasks with what the function returned, as it comes, each once.

        After an interrupt nothing is begun any more; what runs is asked to end with what it has, and that is yielded.

        Parameters
        ----------
        work : callable
            Takes a task and a function for messages.
        tasks : sequence
            The tasks.
        interrupt : Interrupt
            Says when the user wants the end.
        watcher : Watcher, optional
            Is told what happens.

        Raises
        ------
        LostError
            After everything else, if a task was lost each time that it was tried.
        Exception
            Whatever a task raised.
        """

    def __enter__(self) -> Executor:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End."""


class InProcess:
    """Runs one task after the other in this process."""

    jobs = 1

    def run(
        self, work: Work[T, R], tasks: Sequence[T], interrupt: Interrupt, watcher: Watcher | None = None
    ) -> Iterator[tuple[int, R]]:
        """Yield the numbers of tasks with what the function returned; see `Executor`."""
        watcher = watcher or Unwatched()
        for number, task in enumerate(tasks):
            if interrupt.requested:
                return
            watcher.started(number)

            def tell(message: Any, number: int = number) -> None:
                watcher.progress(number, message)

            result = work(task, tell)
            watcher.ended(number)
            yield number, result

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass
