"""Keys: the prime factors of the temporal loops, from which every boundary of a mapping is made.

A key is a pair (dimension, prime) with a multiplicity. A boundary is a vector of exponents over the keys: how many
factors of each lie below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zzcp.cost.setting.lookups import primes_of
from zzcp.cost.setting.setting import IRRELEVANT, PARTIAL, RELEVANT, OperandSetting

Array = npt.NDArray[Any]
Vector = tuple[int, ...]
"""Exponents per key."""
Place = tuple[int, int]
"""Operand and link of a boundary."""


@dataclass(frozen=True, slots=True)
class Key:
    """A prime factor of a dimension.

    Parameters
    ----------
    dim : str
        The dimension.
    prime : int
        The prime.
    multiplicity : int
        How often it divides the dimension's temporal size.
    sizes : tuple of int
        In place of the powers of a prime: one more tile size than the multiplicity, of which none need divide another.
    highs : tuple of int
        Where each of these stands for a group: the largest tile size of each. Of tile sizes of two groups, one below
        the other, the lower one divides the upper one, unless the upper one is the last of all.
    """

    dim: str
    prime: int
    multiplicity: int
    sizes: tuple[int, ...] = ()
    highs: tuple[int, ...] = ()

    def divides(self) -> Array | None:
        """Return which groups, by position, have a tile size that divides one of which others; None if all do."""
        if not self.highs:
            return None
        lows, highs = np.array(self.sizes), np.array(self.highs)
        result = np.zeros((len(lows), len(lows)), dtype=bool)
        for place, (low, high) in enumerate(zip(self.sizes, self.highs, strict=True)):
            for size in range(low, high + 1):
                result[place] |= -(-lows // size) * size <= highs
        result[:, -1] = True
        return result

    def least_multiples(self) -> Array:
        """Return the least tile size of every group, in columns, that one of another group, in rows, divides.

        0 where there is none; the last group is all iterations, which need not be a multiple.
        """
        result = np.zeros((len(self.sizes),) * 2, dtype=np.int64)
        lows, highs = np.array(self.sizes), np.array(self.highs)
        for place, (low, high) in enumerate(zip(self.sizes, self.highs, strict=True)):
            below = np.arange(low, high + 1)[:, None]
            multiples = -(-lows // below) * below
            least = np.where(multiples <= highs, multiples, highs.max() + 1).min(axis=0)
            result[place] = np.where(least <= highs, least, 0)
        result[:, -1] = lows[-1]
        return result

    @property
    def products(self) -> Array:
        """What the loops below a boundary come to, by its exponent."""
        return np.array(self.sizes or [self.prime**exponent for exponent in range(self.multiplicity + 1)])

    @property
    def most(self) -> Array:
        """The same, where it stands for a group, at the most."""
        return np.array(self.highs) if self.highs else self.products

    @property
    def least_factors(self) -> Array:
        """The least factor between a boundary and another one beneath it, by the exponent of the upper one.

        An outermost loop that does not divide may do nearly nothing.
        """
        factors = np.full(self.multiplicity + 1, 1 if self.sizes and not self.highs else self.prime or 2)
        if self.sizes:
            factors[-1] = 1
        return factors


def keys_of(sizes: Mapping[str, int]) -> tuple[Key, ...]:
    """Return the keys of all temporal loops."""
    return tuple(
        Key(dim, prime, multiplicity)
        for dim, size in sizes.items()
        for prime, multiplicity in primes_of(size).items()
    )


@dataclass(frozen=True, slots=True, eq=False)
class StateSpace:
    """All exponent vectors over some keys.

    Parameters
    ----------
    keys : tuple of int
        Positions of the keys in the problem.
    exponents : ndarray of int, shape (states, keys)
        The vectors.
    by_dim : mapping of str to ndarray of int, shape (states,)
        Product of the factors per dimension.
    product : ndarray of int, shape (states,)
        Product of all factors.
    """

    keys: tuple[int, ...]
    exponents: Array
    by_dim: Mapping[str, Array]
    product: Array

    def __len__(self) -> int:
        return len(self.product)

    def only(self, kept: Array) -> StateSpace:
        """Return the states selected by a mask or an index array."""
        return StateSpace(
            self.keys,
            self.exponents[kept],
            {dim: values[kept] for dim, values in self.by_dim.items()},
            self.product[kept],
        )


def enumerate_states(keys: tuple[Key, ...], chosen: Iterable[int]) -> StateSpace:
    """Return every exponent vector over the chosen keys."""
    chosen = tuple(chosen)
    shape = [keys[index].multiplicity + 1 for index in chosen]
    exponents = np.indices(shape).reshape(len(chosen), -1).T if chosen else np.zeros((1, 0), dtype=np.int64)
    by_dim: dict[str, Array] = {}
    for column, index in enumerate(chosen):
        key = keys[index]
        powers = key.products[exponents[:, column]]
        by_dim[key.dim] = by_dim.get(key.dim, 1) * powers
    total = np.ones(len(exponents), dtype=np.int64)
    for values in by_dim.values():
        total = total * values
    return StateSpace(chosen, exponents, by_dim, total)


def split_keys(operand: OperandSetting, keys: tuple[Key, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the keys that change an operand's data (relevant and partially relevant), and the irrelevant ones."""
    data = tuple(i for i, key in enumerate(keys) if operand.kind[key.dim] in (RELEVANT, PARTIAL))
    reuse = tuple(i for i, key in enumerate(keys) if operand.kind[key.dim] == IRRELEVANT)
    return data, reuse
