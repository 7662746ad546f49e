"""Loops to order: prime factors, merged as LOMA merges them, and all orders of a multiset of loops by number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from zzcp.cost.execution.array_states import Array
from zzcp.cost.setting.lookups import primes_of
from zzcp.mapping.mapping import Loop


def prime_factors(number: int) -> list[int]:
    """Return the prime factors of a number, ascending, each as often as it divides the number."""
    return list(Counter(primes_of(number)).elements())


def loop_prime_factors(needed: Mapping[str, int], limit: int | None = None) -> tuple[Loop, ...]:
    """Return the loops of a layer as prime factors, merged until there are at most so many.

    Source: Symons et al., "LOMA", AICAS 2021, section III; ``LomaEngine.limit_lpfs`` of zigzag-dse 3.9.1, equal to it
    loop by loop. The dimension with the most factors (of equals the first) merges its two smallest, one of each value
    if the smallest stands alone.

    Parameters
    ----------
    needed : mapping of str to int
        Iterations of every dimension, in the order of the layer.
    limit : int, optional
        Most loops; one per dimension always remains.

    Returns
    -------
    tuple of Loop
        By dimension in the order of the layer, then ascending.
    """
    factors = {dim: prime_factors(size) for dim, size in needed.items() if size > 1}
    most = math.inf if limit is None else max(limit, len(factors))
    while sum(map(len, factors.values())) > most:
        dim = max(factors, key=lambda name: len(factors[name]))
        first, second, *others = factors[dim]
        factors[dim] = sorted([first * second, *others])
    return tuple(Loop(dim, factor) for dim, row in factors.items() for factor in row)


FEW = 128
"""Orders that are made one by one: for so few arrays take longer."""


class Orders:
    """All different orders of some loops, numbered from 0.

    Parameters
    ----------
    loops : sequence of Loop
        The loops; equal ones are not told apart.
    names : sequence of str
        Dimensions of the layer, whose positions stand for them in the arrays.
    """

    def __init__(self, loops: Sequence[tuple[str, int]], names: Sequence[str]) -> None:
        kinds = Counter(loops)
        self._dims = np.array([names.index(dim) for dim, _ in kinds], dtype=np.int64)
        self._sizes = np.array([size for _, size in kinds], dtype=np.int64)
        self._counts = list(kinds.values())
        self._depth = len(loops)
        self._number = math.factorial(self._depth)
        for count in self._counts:
            self._number //= math.factorial(count)

    def __len__(self) -> int:
        return self._number

    @property
    def number(self) -> int:
        """How many there are; may exceed what `len` can say."""
        return self._number

    def stride(self) -> int:
        """Return a step that visits every order once, neighbours in number far apart (golden section)."""
        step = max(1, math.floor(self._number * 0.6180339887498949))
        while math.gcd(step, self._number) != 1:
            step += 1
        return step

    def spread(self, start: int, length: int) -> tuple[Array, Array]:
        """Return the next orders of the sequence 0, stride, 2 stride, ... modulo their number."""
        step = self.stride()
        ranks = [place * step % self._number for place in range(start, start + length)]
        return self.ranked(ranks)

    def ranked(self, ranks: Sequence[int]) -> tuple[Array, Array]:
        """Return the orders with some numbers, as (dims, sizes) of shape (loops, orders).

        The number counts the orders in lexicographic order of the kinds of loops: below a prefix with n loops left,
        c of them of one kind, there are (orders of the n loops) x c / n that go on with this kind.
        """
        # arrays pay where there are many, and where 64 bits hold the numbers
        if len(ranks) <= FEW or self._number * max(self._depth, 1) >= 2**62:
            rows = [self._kinds(rank) for rank in ranks]
            kinds = np.array(rows, dtype=np.int64).reshape(len(ranks), self._depth).T
            return self._dims[kinds], self._sizes[kinds]
        rank: Array = np.array(ranks, dtype=np.int64)
        length = len(rank)
        below: Array = np.full(length, self._number, dtype=np.int64)
        counts = np.repeat(np.array(self._counts, dtype=np.int64)[:, None], length, axis=1)
        kinds = np.empty((self._depth, length), dtype=np.int64)
        columns = np.arange(length)
        for place in range(self._depth):
            left = self._depth - place
            shares = below * counts // left
            ends = np.cumsum(shares, axis=0)
            kind = (ends <= rank).sum(axis=0)
            kinds[place] = kind
            rank = rank - (ends[kind, columns] - shares[kind, columns])
            below = shares[kind, columns]
            counts[kind, columns] -= 1
        return self._dims[kinds], self._sizes[kinds]

    def _kinds(self, rank: int) -> list[int]:
        """Return the kinds of the loops of one order."""
        counts, below = list(self._counts), self._number
        kinds = []
        for left in range(self._depth, 0, -1):
            for kind, count in enumerate(counts):
                share = below * count // left
                if rank < share:
                    kinds.append(kind)
                    below = share
                    counts[kind] -= 1
                    break
                rank -= share
        return kinds


def shuffled(
    loops: Sequence[tuple[str, int]], names: Sequence[str], rng: np.random.Generator, number: int
) -> tuple[Array, Array]:
    """Return random orders of some loops, every different order equally likely, as (dims, sizes)."""
    dims = np.array([names.index(dim) for dim, _ in loops], dtype=np.int64)
    sizes = np.array([size for _, size in loops], dtype=np.int64)
    order = np.argsort(rng.random((len(loops), number)), axis=0)
    return dims[order], sizes[order]
