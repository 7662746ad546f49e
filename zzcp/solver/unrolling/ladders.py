"""Factors of dimensions as ladders of the same length for many unrollings: what tiles may be made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from zzcp.solver.lattice.keys import Array


@dataclass(frozen=True, slots=True, eq=False)
class Ladders:
    """The factors of the iterations of every dimension, in classes of neighbours.

    The first class is 1 and the last one the whole. Where factors are more than rungs some classes have several; where
    they are fewer the whole is repeated. Factors are divisors, or where loops need not divide all numbers.

    Parameters
    ----------
    low, high : list of ndarray of int, shape (unrollings, rungs)
        Per dimension the least and the greatest factor of every class.
    """

    low: list[Array]
    high: list[Array]

    @classmethod
    def of(cls, iterations: Array, rungs: Sequence[int], *, imperfect: bool = False) -> Ladders:
        """Return the ladders of some iterations, shape (unrollings, dimensions)."""
        low, high = [], []
        for column, count in zip(iterations.T, rungs, strict=True):
            values, same = np.unique(column, return_inverse=True)
            ladders = np.array(
                [_ladder(int(value), count, imperfect=imperfect) for value in values], dtype=np.int64
            )
            both = ladders[same.reshape(-1)]
            low.append(both[:, 0])
            high.append(both[:, 1])
        return cls(low, high)

    @property
    def shape(self) -> tuple[int, ...]:
        """Rungs of every dimension."""
        return tuple(rungs.shape[1] for rungs in self.low)


@lru_cache(maxsize=65536)
def divisors(number: int) -> tuple[int, ...]:
    """Return the divisors of a number, the least first."""
    small = [divisor for divisor in range(1, int(number**0.5) + 1) if number % divisor == 0]
    return (*small, *(number // divisor for divisor in reversed(small) if divisor * divisor != number))


@lru_cache(maxsize=65536)
def _ladder(number: int, rungs: int, *, imperfect: bool = False) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the least and the greatest factor of every class.

    Examples
    --------
    >>> _ladder(12, 4)
    ((1, 2, 4, 12), (1, 3, 6, 12))
    >>> _ladder(5, 3)
    ((1, 5, 5), (1, 5, 5))
    >>> _ladder(12, 5, imperfect=True)
    ((1, 2, 3, 6, 12), (1, 2, 5, 11, 12))
    """
    if imperfect and number > rungs:
        return _even_ladder(number, rungs)
    found = list(range(1, number + 1)) if imperfect else list(divisors(number))
    inner = found[1:-1]
    classes: list[list[int]] = [[1]]
    if len(found) <= rungs:
        classes += [[divisor] for divisor in found[1:]]
        classes += [[number]] * (rungs - len(found))
    else:
        spare = rungs - 2
        cuts = [round(len(inner) * part / spare) for part in range(spare + 1)] if spare else []
        classes += [inner[start:end] for start, end in pairwise(cuts)]
        classes.append([number])
    return tuple(divs[0] for divs in classes), tuple(divs[-1] for divs in classes)


def _even_ladder(number: int, rungs: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return classes of all numbers, each about as many times as wide as the others."""
    low, high = [1], [1]
    for left in range(rungs - 2, 0, -1):
        # the classes that are left reach up to the last number but one
        share = ((number - 1) / high[-1]) ** (1 / left)
        low.append(high[-1] + 1)
        high.append(min(number - 1 - (left - 1), max(low[-1], round(high[-1] * share))))
    return (*low, number), (*high, number)


def rungs_of(iterations: Array, most: int, *, imperfect: bool = False) -> list[int]:
    """Return rungs of every dimension, as many as there are factors, in all at most so many cells."""

    def factors(size: int) -> int:
        return min(size, most) if imperfect else len(divisors(size))

    rungs = [
        max(factors(int(value)) for value in np.unique(column)) if len(column) else 1
        for column in iterations.T
    ]
    while np.prod(rungs, dtype=float) > most:
        longest = max(range(len(rungs)), key=rungs.__getitem__)
        if rungs[longest] <= 3:
            break
        rungs[longest] -= 1
    return rungs
