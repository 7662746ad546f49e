"""What is going on during a search: on a terminal line by line as it changes, else a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from zzcp.cli.output import PAUSE
from zzcp.cli.program import say
from zzcp.report.solved import progress_line
from zzcp.report.style import duration
from zzcp.runs import Estimate
from zzcp.solver import Progress

_FEW = 8
"""Layers that are shown at the same time."""
_NAMED = 2
"""Searches that are named in a line."""


class Monitor:
    """Shows the layers that are being worked on (a `zzcp.runs.Watcher`).

    Parameters
    ----------
    names : sequence of str
        Names of the layers, by their numbers.
    quiet : bool
        Show nothing.
    verb : str
        What is done to them, such as ``solving``.
    jobs : int
        Layers that are worked on side by side.
    """

    def __init__(self, names: Sequence[str], *, quiet: bool, verb: str = "solving", jobs: int = 1) -> None:
        self.names, self.quiet, self.verb = names, quiet, verb
        self.estimate = Estimate(len(names), jobs)
        self._names: dict[int, str] = {}
        self._started: dict[int, float] = {}
        self._said: dict[int, float] = {}
        self._state: dict[int, Progress] = {}
        self._live: Live | None = None

    def __enter__(self) -> Monitor:
        if not self.quiet and sys.stderr.isatty():
            console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
            self._live = Live(
                get_renderable=self._lines,
                console=console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def started(self, number: int) -> None:
        """Work on a layer begins."""
        self.estimate.started(number)
        self._names[number] = self.names[number]
        self._started[number] = self._said[number] = time.monotonic()

    def progress(self, number: int, progress: Progress) -> None:
        """The search has found a better mapping or bound."""
        self._state[number] = progress
        if self.quiet or self._live is not None:
            return
        now = time.monotonic()
        if now - self._said[number] >= PAUSE:
            self._said[number] = now
            say(f"{self._head(number)}: {progress_line(progress)}{self._left()}")

    def ended(self, number: int) -> None:
        """Work on a layer has ended."""
        self.estimate.ended(number)
        for record in (self._names, self._started, self._said, self._state):
            record.pop(number, None)

    def _head(self, number: int) -> str:
        return f"layer {self._names[number]} ({number + 1} of {len(self.names)})"

    def _left(self) -> str:
        left = self.estimate.left
        return "" if not left else f", about {duration(left)} left for all"

    def _lines(self) -> RenderableType:
        head = f"{self.verb}: {self.estimate.done} of {len(self.names)} different layers done{self._left()}"
        lines = [Text(head)]
        for number in list(self._names)[:_FEW]:
            seconds = time.monotonic() - self._started.get(number, time.monotonic())
            state = self._state.get(number)
            rest = "" if state is None else f": {progress_line(state)}"
            name = self._names.get(number)
            if name is not None:
                lines.append(Text(f"  layer {name} {seconds:.0f} s{rest}", no_wrap=True, overflow="ellipsis"))
        return Group(*lines)


def now(running: Sequence[str]) -> str:
    """Return what is running as the end of a line: the names of some, and how many there are more."""
    if not running:
        return ""
    more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
    return f"; now {', '.join(running[:_NAMED])}{more}"
