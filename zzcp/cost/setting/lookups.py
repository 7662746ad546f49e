"""Functions of a few loop products, kept in tables: one number, arrays of them, or a symbol.

A loop product divides the iterations of its dimension, so that there are few of each, or is one of some that are given.
What has no formula, as a sum over tiles of different sizes, is worked out once for every combination that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_DIRECT = 1 << 20
"""Products up to this are found by their place in an array, larger ones by bisection."""
_UNKNOWN = -1
_WORDS = 2**62
"""Values below this are kept as 64-bit integers."""


class Lookup:
    """A function of loop products with values from 0 on.

    Parameters
    ----------
    function : callable
        Of integers.
    most : sequence of int, or of tuple of int
        The largest value of every argument, which all values divide, or all its values, smallest first.
    low, high : int
        Bounds of the result.
    many : callable, optional
        The function of integer arrays, where it is faster than one by one.
    """

    def __init__(
        self,
        function: Callable[..., int],
        most: Sequence[int | tuple[int, ...]],
        low: int,
        high: int,
        many: Callable[..., Array] | None = None,
    ) -> None:
        self.low, self.high = low, high
        self._function, self._many, self._most = function, many, tuple(most)
        self._known: dict[tuple[int, ...], int] = {}
        self._axes: list[tuple[Array, Array | None, int]] = []
        self._values: Array | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Take to another process what is looked up, but not what has been: that can be large."""
        return Lookup, (self._function, self._most, self.low, self.high, self._many)

    def __call__(self, *args: int) -> int:
        """Return the value for one mapping."""
        value = self._known.get(args)
        if value is None:
            value = self._known[args] = self._function(*args)
        return value

    def arrays(self, *args: Any) -> Array:
        """Return the values for arrays of arguments, or single ones; what is no loop product counts as some other."""
        if self._values is None:
            self._prepare()
        assert self._values is not None
        index: Any = 0
        for arg, axis in zip(args, self._axes, strict=True):
            index = index + _position(np.asarray(arg), *axis)
        values = self._values.take(index)
        unknown = values == _UNKNOWN
        if np.any(unknown):
            self._fill(np.unique(np.asarray(index)[unknown]))
            values = self._values.take(index)
        return np.asarray(values)

    def _prepare(self) -> None:
        divisors = [list(most) if isinstance(most, tuple) else divisors_of(most) for most in self._most]
        stride = 1
        for values in divisors[::-1]:
            direct, most = None, values[-1]
            if most <= _DIRECT:
                direct = np.zeros(most + 1, dtype=np.intp)
                direct[values] = np.arange(len(values)) * stride
            self._axes.insert(0, (np.array(values, dtype=float), direct, stride))
            stride *= len(values)
        self._values = np.full(stride, _UNKNOWN, dtype=np.int64 if self.high < _WORDS else object)
        self._divisors = [np.array(values, dtype=np.int64) for values in divisors]

    def _fill(self, missing: Array) -> None:
        assert self._values is not None
        shape = [len(values) for values in self._divisors]
        places = np.unravel_index(missing, shape) if shape else ()
        args = [values[place] for values, place in zip(self._divisors, places, strict=True)]
        if self._many is not None and self.high < _WORDS:
            self._values[missing] = self._many(*args)
        else:
            rows = zip(*(arg.tolist() for arg in args), strict=True) if args else [()]
            self._values[missing] = [self._function(*row) for row in rows]


def _position(arg: Array, values: Array, direct: Array | None, stride: int) -> Any:
    if direct is not None:
        return direct.take(arg.astype(np.intp, copy=False), mode="clip")
    return np.minimum(np.searchsorted(values, arg), len(values) - 1) * stride


def primes_of(number: int) -> dict[int, int]:
    """Return the prime factors of a positive integer with their multiplicities, smallest first."""
    factors: dict[int, int] = {}
    prime = 2
    while prime * prime <= number:
        while number % prime == 0:
            factors[prime] = factors.get(prime, 0) + 1
            number //= prime
        prime += 1 if prime == 2 else 2
    if number > 1:
        factors[number] = factors.get(number, 0) + 1
    return factors


def divisors_of(number: int) -> list[int]:
    """Return the divisors of a number, smallest first."""
    found = [1]
    for prime, times in primes_of(number).items():
        found = [value * prime**power for value in found for power in range(times + 1)]
    return sorted(found)
