"""The rules of the simulated machine that it can be freed of, to find out what an error of the evaluator comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Physics:
    """Rules of the machine of `tests.simulation.cycles`; the defaults are the machine.

    Parameters
    ----------
    whole_ends : bool
        Whether the first tile of a level that is refilled arrives as a whole before it is used, and the last one is
        complete before it leaves.
    registers : int
        Values that wait on every side of the array.
    spare_pieces : int
        Pieces that every tile has room for, on top of what the memory has.
    ready_sums : bool
        Whether partial sums can be read back from the outermost memory before they have arrived there.
    first_reads : bool
        Whether partial sums are read on the first visit of an output, too.
    turns : bool
        Whether ports serve in turn what waited longest, instead of what is needed first.
    queue : int
        Cycles that a port can make up for: while it is idle it saves them, up to so many at any time. 1 is a plain
        port, which serves one transfer per cycle.
    sides : str
        For how long a link holds its ports: each for the cycles of its ``own`` side, ``both`` for those of the
        slower one, or only the ``slower`` one at all.
    even : bool
        Whether data that is loaded (drained) once is needed (complete) evenly over time, instead of in the order of
        the loops.
    """

    whole_ends: bool = True
    registers: int = 1
    spare_pieces: int = 0
    ready_sums: bool = False
    first_reads: bool = False
    turns: bool = False
    queue: int = 1
    sides: Literal["own", "both", "slower"] = "own"
    even: bool = False


MACHINE = Physics()
"""The machine."""
