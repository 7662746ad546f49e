"""What the exponent vectors of a lattice stand for: products of factors by what they matter to, and their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zzcp.cost.setting.setting import RELEVANT, Setting
from zzcp.solver.clock import look
from zzcp.solver.lattice.keys import Array
from zzcp.solver.lattice.lattice import Lattice


class Factors:
    """The exponent vectors of a lattice, numbered from that without factors to that with all.

    Parameters
    ----------
    lattice : Lattice
        The lattice; which vectors are alive does not matter.
    setting : Setting
        The compiled layer and machine.

    Attributes
    ----------
    vectors : ndarray of int, shape (vectors, keys)
        The exponents.
    code : ndarray of int, shape (vectors,)
        Every vector as one integer with a spare bit per key.
    guard : int
        The spare bits.
    data, reuse, relevant : ndarray of int, shape (operands, vectors)
        Products of the factors that change an operand's data, of all others, and of its relevant ones. Factors of
        windows change the data, too, but are no relevant ones.
    most_reuse, most_loops : ndarray of int, shape (operands, vectors) and (vectors,)
        Products of all others, and of all factors, at the most where vectors stand for groups of tile sizes.
    classes : list of list of int
        Positions of the keys that matter to the same operands.
    by_class : list of ndarray
        Product of a class's factors for every vector.
    irrelevant : list of int
        Per operand a bit for every class that does not change its data.
    linear : list of list of int
        Per operand the positions of the keys with whose factors its tiles grow in proportion.
    """

    def __init__(self, lattice: Lattice, setting: Setting) -> None:
        look()
        self.keys, self._shape = lattice.keys, lattice.shape
        self.of_data = [row[0].data.keys for row in lattice.tables]
        self.vectors = np.indices(lattice.shape).reshape(len(lattice.shape), -1).T
        self.code, self.guard = _packed(lattice.shape)
        self.data, self.reuse, self.relevant = self._products(setting)
        self.most_reuse, self.most_loops = self._most()
        self.classes, self.by_class, self.irrelevant = self._dimension_classes()
        self._divides = [
            (place, some) for place, key in enumerate(self.keys) if (some := key.divides()) is not None
        ]
        self._multiples = [(place, self.keys[place].least_multiples()) for place, _ in self._divides]
        self.linear = self._linear(setting)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def full(self) -> int:
        """Number of the vector with all factors."""
        return len(self.vectors) - 1

    def _products(self, setting: Setting) -> tuple[Array, Array, Array]:
        """Return the products of the data's factors, of all others, and of the relevant ones."""
        numbers = range(len(self.keys))
        data, reuse, relevant = [], [], []
        for chosen, operand in zip(self.of_data, setting.operands, strict=True):
            data.append(self._product(chosen))
            reuse.append(self._product([number for number in numbers if number not in chosen]))
            relevant.append(self._product([i for i in numbers if operand.kind[self.keys[i].dim] == RELEVANT]))
        return np.stack(data), np.stack(reuse), np.stack(relevant)

    def _most(self) -> tuple[Array, Array]:
        """Return the products of all factors that do not change an operand's data, and of all, at the most."""
        if not any(key.highs for key in self.keys):
            return self.reuse, self.data[0] * self.reuse[0]
        numbers = range(len(self.keys))
        reuse = [
            self._product([number for number in numbers if number not in chosen], most=True)
            for chosen in self.of_data
        ]
        return np.stack(reuse), self._product(numbers, most=True)

    def _linear(self, setting: Setting) -> list[list[int]]:
        """Return the keys of relevant dimensions, and of those whose window is their own, without idle lanes."""
        sizes, totals = setting.layer.sizes, setting.spatial.total
        whole = {dim for dim, size in setting.iterations.items() if size * totals(dim) == sizes[dim]}
        result = []
        for chosen, operand in zip(self.of_data, setting.operands, strict=True):
            dims = {dim for dim, kind in operand.kind.items() if kind == RELEVANT}
            dims |= {r.outer for r in operand.relations if not r.inner and r.stride == 1} & whole
            result.append([number for number in chosen if self.keys[number].dim in dims])
        return result

    def _product(self, chosen: Sequence[int], *, most: bool = False) -> Array:
        """Return the product of the factors of some keys for every vector."""
        look()
        powers = [
            (key.most if most else key.products)
            if number in chosen
            else np.ones(key.multiplicity + 1, dtype=np.int64)
            for number, key in enumerate(self.keys)
        ]
        return _over_all(np.multiply, powers)

    def _dimension_classes(self) -> tuple[list[list[int]], list[Array], list[int]]:
        """Group the keys by the operands that they matter to."""
        groups: dict[tuple[bool, ...], list[int]] = {}
        for position in range(len(self.keys)):
            signature = tuple(position in chosen for chosen in self.of_data)
            groups.setdefault(signature, []).append(position)
        products = [self._product(members) for members in groups.values()]
        irrelevant = [
            sum(1 << number for number, signature in enumerate(groups) if not signature[operand])
            for operand in range(len(self.of_data))
        ]
        return list(groups.values()), products, irrelevant

    def above(self, low: Array, high: Array) -> Array:
        """Return for every pair of vectors, given by numbers, whether the second has all factors of the first."""
        return np.asarray(
            (((self.code[high][None, :] | self.guard) - self.code[low][:, None]) & self.guard) == self.guard
        )

    def dividing(self, low: Array, high: Array) -> Array:
        """Return for pairs of vectors, given by numbers, one above the other, whether both can belong to one chain."""
        result = np.ones(len(low), dtype=bool)
        for place, some in self._divides:
            result &= some[self.vectors[low, place], self.vectors[high, place]]
        return result

    @property
    def smallest_sizes(self) -> Array:
        """The tile sizes, without loops, of all keys that stand for groups."""
        return np.ones((len(self._multiples), 1), dtype=np.int64)

    def sizes_above(self, sizes: Array, before: Array, at: Array) -> Array:
        """Return tile sizes at the least, per key that stands for groups, where those beneath divide them.

        Parameters
        ----------
        sizes : ndarray of int, shape (keys, chains)
            Tile sizes at the least at the boundary beneath.
        before, at : ndarray of int
            Numbers of the vectors of both boundaries.
        """
        result = sizes.copy()
        for row, (place, multiples) in enumerate(self._multiples):
            low, high = self.vectors[before, place], self.vectors[at, place]
            result[row] = np.where(low == high, sizes[row], multiples[low, high])
        return result

    def stretch(self, operand: int, sizes: Array, at: Array) -> Array:
        """Return how much larger tiles are at the least than with the smallest tile sizes of their groups."""
        result = np.ones(len(at))
        for row, (place, _) in enumerate(self._multiples):
            if place in self.linear[operand]:
                result *= sizes[row] / self.keys[place].products[self.vectors[at, place]]
        return result

    @property
    def all_divide(self) -> bool:
        """Whether vectors one above the other always belong to some chain."""
        return not self._divides

    def present(self, before: Array, at: Array) -> Array:
        """Return for every class of dimensions whether a segment has factors of it."""
        return np.stack([product[at] > product[before] for product in self.by_class])

    def smallest(self, before: Array, at: Array, present: Array) -> Array:
        """Return the smallest factor of every class in a segment."""
        result = np.ones(present.shape, dtype=np.int64)
        for number, members in enumerate(self.classes):
            least = np.full(len(at), np.iinfo(np.int64).max)
            for position in members:
                grows = self.vectors[at, position] > self.vectors[before, position]
                own = self.keys[position].least_factors[self.vectors[at, position]]
                least = np.where(grows, np.minimum(least, own), least)
            result[number] = np.where(present[number], least, 1)
        return result


def _over_all(operation: np.ufunc, columns: Sequence[Array]) -> Array:
    """Return what an operation makes of an entry per key, for every vector; `columns` has the entries of every key."""
    result = np.array([operation.identity], dtype=np.int64)
    for column in columns:
        result = operation.outer(result, column).reshape(-1)
    return result


def _packed(shape: tuple[int, ...]) -> tuple[Array, int]:
    """Return every vector as one integer with a spare bit per key, and the integer of the spare bits.

    v <= w in every key if and only if (w + spare bits) - v leaves all spare bits.
    """
    look()
    columns = []
    guard = shift = 0
    for length in shape:
        bits = int(length - 1).bit_length()
        columns.append(np.arange(length) << shift)
        guard |= 1 << (shift + bits)
        shift += bits + 1
    return _over_all(np.bitwise_or, columns), guard


def packs(shape: tuple[int, ...]) -> bool:
    """Return whether vectors fit one integer."""
    return sum(int(length - 1).bit_length() + 1 for length in shape) <= 62
