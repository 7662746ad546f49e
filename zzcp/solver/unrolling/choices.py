"""The space of unrollings of a layer on an array, with equivalent ones merged.

**Factors.** The cost model sees a factor s of a dimension of N iterations through its iterations ceil(N / s) and the
lanes in use, ceil(N / iterations): of all factors with one quotient the smallest one is the others' equal, and they
are left out. Where a dimension lies on several array dimensions, what asks for more lanes than are in use is left out
if what is in use is an unrolling itself; not so under ZigZag's conventions, where it matters which factor is the
largest: that one is counted as a fraction, so that all factors that may be beside a larger one are kept.

**Array dimensions that are alike.** Where every memory serves both of two array dimensions or neither, every port is
shared along both or neither, and both are systolic or not, the cost model does not see which of them has which
factors. Such dimensions form a *group*; of choices with the same factors (and one length of the way along systolic
dimensions) one is kept.

**Layer dimensions that are alike.** A permutation of the layer's dimensions that keeps sizes, windows, padding and
the indices of every operand maps every mapping to one of the same cost: of an unrolling and its images one is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from zzcp.hardware import Accelerator
from zzcp.mapping import SpatialMapping
from zzcp.mapping.freedom import Freedom
from zzcp.solver.lattice.keys import Array
from zzcp.workload import Layer

_MOST_MERGED = 2**19
"""Unrollings of array dimensions that are alike, above which each dimension stands for itself."""
_CROWDED = 1 / 2
"""Lanes of the fullest unrollings, as a part of all."""
_IN_BLOCK = 2**18
"""Unrollings that are listed together, before those are left out that are the same as others."""


def smallest_factors(size: int, most: int) -> list[int]:
    """Return the smallest factor, up to a limit, of every distinct number of iterations ceil(size / factor).

    Examples
    --------
    >>> smallest_factors(10, 16)
    [1, 2, 3, 4, 5, 10]
    """
    found = []
    factor = 1
    while factor <= min(size, most):
        found.append(factor)
        quotient = -(-size // factor)
        if quotient == 1:
            break
        factor = -(-size // (quotient - 1))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Array dimensions that are alike to the cost model, and what may be unrolled on them.

    Parameters
    ----------
    members : tuple of str
        The array dimensions.
    lanes : ndarray of int, shape (choices, layer dimensions)
        Product of the factors of every layer dimension.
    drains : ndarray of int, shape (choices,)
        Cycles along systolic dimensions.
    factors : ndarray of int, shape (choices, members, layer dimensions)
        The factors of one unrolling with these lanes.
    held : ndarray of int, shape (choices,)
        Unrollings that were merged to every choice.
    """

    members: tuple[str, ...]
    lanes: Array
    drains: Array
    factors: Array
    held: Array

    @property
    def units(self) -> Array:
        """Lanes of every choice, shape (choices,)."""
        return np.asarray(self.lanes.prod(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """The unrollings of a layer on an accelerator: one choice of every group.

    Parameters
    ----------
    layer : Layer
        The layer.
    dims : tuple of str
        Its dimensions of more than one iteration.
    array_dimensions : tuple of str
        Those of the array.
    groups : tuple of Group
        Groups of array dimensions.
    images : tuple of tuple of ndarray
        For every symmetry of the layer and every group the choice that a choice is mapped to.
    fractional : bool
        Whether lanes count as fractions, so that it matters which factor of a dimension is the largest.
    pinned : tuple of tuple of bool
        For every array dimension which layer dimensions have a given factor there.
    least_units : int
        Units of the array that must be in use.
    """

    layer: Layer
    dims: tuple[str, ...]
    array_dimensions: tuple[str, ...]
    groups: tuple[Group, ...]
    images: tuple[tuple[Array, ...], ...]
    fractional: bool = False
    pinned: tuple[tuple[bool, ...], ...] = ()
    least_units: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether no unrolling is as it is asked to be."""
        if any(not len(group.lanes) for group in self.groups):
            return True
        return not any(len(block) for block in self.blocks(self.least_units))

    @property
    def sizes(self) -> Array:
        """Iterations of every dimension."""
        return np.array([self.layer.sizes[dim] for dim in self.dims], dtype=np.int64)

    def held(self, least: float = 0) -> int:
        """Return how many unrollings have at least so many lanes, equivalent ones counted."""
        values, counts = np.ones(1, dtype=np.int64), np.ones(1, dtype=object)
        for group in self.groups:
            products = np.multiply.outer(values, group.units).reshape(-1)
            weights = np.multiply.outer(counts, group.held.astype(object)).reshape(-1)
            values, same = np.unique(products, return_inverse=True)
            counts = np.zeros(len(values), dtype=object)
            np.add.at(counts, same.reshape(-1), weights)
        return int(counts[values >= least].sum())

    def blocks(self, least: float = 0) -> Iterator[Array]:
        """Yield the unrollings of at least so many lanes that are not an image of others, in blocks.

        Yields
        ------
        ndarray of int, shape (unrollings, groups)
            Choices of the groups.
        """
        for start in self.starts(least):
            yield self.block(start, least)

    def starts(self, least: float = 0) -> range:
        """Return where the blocks of the unrollings of at least so many lanes start, in the space of their groups."""
        return range(0, math.prod(len(numbers) for numbers in self._usable(least)), _IN_BLOCK)

    def block(self, start: int, least: float = 0, most: int = _IN_BLOCK) -> Array:
        """Return the block of `blocks` that starts at a place, or a part of it, shape (at most `most`, groups)."""
        if not self.groups:
            return np.zeros((1, 0), dtype=np.int64)
        usable = self._usable(least)
        counts = [len(numbers) for numbers in usable]
        index = np.arange(start, min(start + most, math.prod(counts)))
        places = np.unravel_index(index, counts)
        block = np.stack([numbers[at] for numbers, at in zip(usable, places, strict=True)], axis=-1)
        units = math.prod(group.units[block[:, n]] for n, group in enumerate(self.groups))
        block = block[units >= least]
        for image in self.images:
            other = np.stack([found[block[:, g]] for g, found in enumerate(image)], axis=-1)
            # the first of an unrolling and its image, by the position in the whole space
            block = block[self._position(other) >= self._position(block)]
        return np.asarray(block[self._is_reduced(block)])

    def _usable(self, least: float) -> list[Array]:
        """Return the choices of every group with which an unrolling may have at least so many lanes."""
        every = math.prod(int(group.units.max()) for group in self.groups)
        return [
            np.flatnonzero(group.units * (every // int(group.units.max())) >= least) for group in self.groups
        ]

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Return some unrollings at random, shape (at most `count`, groups): fewer where some are not valid."""
        block = np.stack([rng.integers(len(group.lanes), size=count) for group in self.groups], axis=-1)
        return block[self._is_reduced(block)]

    def some(self, count: int, rng: np.random.Generator) -> Array:
        """Return some unrollings at random and some full ones, shape (at most twice `count`, groups)."""
        most = math.prod(int(group.units.max()) for group in self.groups)
        full = self.block(0, max(self.least_units, most * _CROWDED), count)
        return np.concatenate([full, self.sample(count, rng)])

    def _position(self, block: Array) -> Array:
        """Return the positions of unrollings in the whole space."""
        return np.asarray(np.ravel_multi_index(tuple(block.T), [len(group.lanes) for group in self.groups]))

    def iterations(self, block: Array) -> Array:
        """Return what is left of every dimension for temporal loops, shape (unrollings, dimensions)."""
        return -(-self.sizes // self.totals(block))

    def totals(self, block: Array) -> Array:
        """Return the factors of every dimension over the whole array, shape (unrollings, dimensions)."""
        total = np.ones((len(block), len(self.dims)), dtype=np.int64)
        for number, group in enumerate(self.groups):
            total *= group.lanes[block[:, number]]
        return total

    def _is_reduced(self, block: Array) -> Array:
        """Return which unrollings use all lanes that they ask for, or are not the same as one that does.

        Those that ask for more lanes than there are iterations left are none (`SpatialMapping.violations`).
        """
        valid = np.ones(len(block), dtype=bool)
        reduced, kept = valid.copy(), ~valid
        units = np.ones(len(block))
        for position, size in enumerate(self.sizes.tolist()):
            factors = self._factors(block, position)
            lanes = _in_use(size, factors)
            left: Any = size
            for number, taken in factors.items():
                valid &= taken <= left
                left = np.ceil(left / taken)
                changed = lanes[number] != taken
                reduced &= ~changed
                if self.pinned and self.pinned[number][position]:
                    kept |= changed
                units *= lanes[number]
            again = _in_use(size, lanes)
            for number, taken in lanes.items():
                kept |= again[number] != taken
        if self.least_units:
            valid &= units >= self.least_units
        return valid if self.fractional else np.asarray(valid & (reduced | kept))

    def _factors(self, block: Array, position: int) -> dict[int, Array]:
        """Return the factors of a dimension on the array dimensions that may have some, by their positions."""
        found = {}
        for number, (group, member) in enumerate(self._places):
            factors = self.groups[group].factors[:, member, position]
            if (factors > 1).any():
                found[number] = factors.astype(float)[block[:, group]]
        return found

    def lanes(self, block: Array) -> list[Array]:
        """Return the lanes in use of every group, shape (unrollings, dimensions)."""
        found = [np.ones((len(block), len(self.dims)), dtype=np.int64, order="F") for _ in self.groups]
        for position, size in enumerate(self.sizes.tolist()):
            for number, lanes in _in_use(size, self._factors(block, position)).items():
                found[self._places[number][0]][:, position] *= lanes.astype(np.int64)
        return found

    @property
    def _places(self) -> list[tuple[int, int]]:
        """Return the group of every array dimension, and its position among the members."""
        places = {
            name: (number, member)
            for number, group in enumerate(self.groups)
            for member, name in enumerate(group.members)
        }
        return [places[name] for name in self.array_dimensions]

    @property
    def _array_order(self) -> list[int]:
        """Positions of the array's dimensions, in the array's order, among the members of all groups."""
        members = [member for group in self.groups for member in group.members]
        return [members.index(name) for name in self.array_dimensions]

    def spatial(self, choice: Sequence[int]) -> SpatialMapping:
        """Return an unrolling."""
        rows = np.concatenate(
            [group.factors[number] for group, number in zip(self.groups, choice, strict=True)]
        )[self._array_order]
        return SpatialMapping.from_dict(
            {
                name: {dim: int(factor) for dim, factor in zip(self.dims, row, strict=True) if factor > 1}
                for name, row in zip(self.array_dimensions, rows, strict=True)
                if (row > 1).any()
            }
        )


def _in_use(size: int, factors: dict[int, Array]) -> dict[int, Array]:
    """Return the lanes in use of a dimension: its largest factor is reduced to what the iterations need.

    See `zzcp.cost.setting.unrolling.whole_factors`; of several largest ones it is the first. Quotients of floats, which
    are divided faster, are those of integers here, since these are much smaller than 2^53.
    """
    if not factors:
        return {}
    total: Any = math.prod(factors.values())
    largest = np.maximum.reduce(list(factors.values()))
    needed = np.ceil(size / (np.ceil(size / total) * (total / largest)))
    found, waiting = {}, np.ones(len(largest), dtype=bool)
    for number, taken in factors.items():
        first = waiting & (taken == largest)
        found[number] = np.where(first, needed, taken)
        waiting &= ~first
    return found


def choices_of(
    accelerator: Accelerator, layer: Layer, freedom: Freedom, *, fractional: bool = False
) -> Choices:
    """Return the space of unrollings of a layer on an accelerator.

    Parameters
    ----------
    accelerator, layer
        What is to run where.
    freedom : Freedom
        What the unrollings may be.
    fractional : bool
        Whether lanes count as fractions (``CostConventions.fractional_unrolling``).
    """
    dims = tuple(dim for dim, size in layer.sizes.items() if size > 1)
    array = accelerator.array
    alike: dict[tuple[object, ...], list[str]] = {}
    for name in array.dimensions:
        served = tuple(
            (name in memory.served_dimensions, *(name in port.shared_along for port in memory.ports))
            for memory in accelerator.memories
        )
        # of equal factors of one dimension ZigZag cuts that of the first array dimension: there each stands for itself
        alone = name if fractional else ""
        alike.setdefault((served, name in array.systolic_dimensions, alone), []).append(name)
    options = {
        name: _options(layer, dims, name, array.size(name), freedom, fractional=fractional)
        for name in array.dimensions
    }
    groups = tuple(
        _group(layer, dims, {name: options[name] for name in some}, systolic=bool(systolic))
        for (_, systolic, _), members in alike.items()
        for some in (
            [members]
            if math.prod(len(options[name]) for name in members) <= _MOST_MERGED
            else [[name] for name in members]
        )
    )
    images = tuple(_images(groups, dims, symmetries(layer, dims)))
    pinned = tuple(
        tuple(name in freedom.fixed or dim in freedom.part.get(name, {}) for dim in dims)
        for name in array.dimensions
    )
    least = freedom.least_units(array.units)
    return Choices(layer, dims, array.dimensions, groups, images, fractional, pinned, least)


def _group(layer: Layer, dims: Sequence[str], options: Mapping[str, Array], *, systolic: bool) -> Group:
    """Return the choices of array dimensions that are alike, of which each may take some options."""
    lanes = np.ones((1, len(dims)), dtype=np.int64)
    factors = np.ones((1, 0, len(dims)), dtype=np.int64)
    drains = np.zeros(1, dtype=np.int64)
    held = np.ones(1, dtype=np.int64)
    sizes = np.array([layer.sizes[dim] for dim in dims], dtype=np.int64)
    for own in options.values():
        one, other = (index.reshape(-1) for index in np.indices((len(lanes), len(own))))
        merged = lanes[one] * own[other]
        # an unrolling of more lanes than there are iterations left is none
        fits = (own[other] <= -(-sizes // lanes[one])).all(axis=1)
        one, other, merged = one[fits], other[fits], merged[fits]
        along = drains[one] + (own[other].prod(axis=1) - 1 if systolic else 0)
        taken = np.concatenate([factors[one], own[other][:, None, :]], axis=1)
        _, first, same = np.unique(_keys(taken, along), axis=0, return_index=True, return_inverse=True)
        held = np.bincount(same.reshape(-1), weights=held[one]).astype(np.int64)
        lanes, drains, factors = merged[first], along[first], taken[first]
    return Group(tuple(options), lanes, drains, factors, held)


def _keys(factors: Array, drains: Array) -> Array:
    """Return what makes choices of a group equal: the factors of every layer dimension, whichever member has which."""
    return np.column_stack(
        [np.sort(factors, axis=1).reshape(len(factors), math.prod(factors.shape[1:])), drains]
    )


def _options(
    layer: Layer, dims: Sequence[str], name: str, units: int, freedom: Freedom, *, fractional: bool
) -> Array:
    """Return the factors that one array dimension may take, shape (choices, layer dimensions)."""
    part = freedom.part.get(name, {})
    first = freedom.fixed.get(name, part)
    if not freedom.accepts(name, first) or math.prod(first.values()) > units:
        return np.zeros((0, len(dims)), dtype=np.int64)
    found: dict[tuple[int, ...], None] = {tuple(first.get(dim, 1) for dim in dims): None}
    usable = [] if name in freedom.fixed else [dim for dim in freedom.dims(name, dims) if dim not in part]
    factors = {dim: _factors_of(layer.sizes[dim], units, fractional=fractional) for dim in usable}
    beside = sum(factor > 1 for factor in first.values())
    room = units // math.prod(first.values())
    for count in range(1, min(freedom.most_dims(name) - beside, len(usable)) + 1):
        for chosen in combinations(usable, count):
            for taken in _fitting([factors[dim] for dim in chosen], room):
                by_dim = {**first, **dict(zip(chosen, taken, strict=True))}
                found[tuple(by_dim.get(dim, 1) for dim in dims)] = None
    return np.array(list(found), dtype=np.int64)


def _fitting(options: Sequence[Sequence[int]], room: int) -> Iterator[tuple[int, ...]]:
    """Yield every choice of a factor each that comes to at most some units, in the order of `product`."""
    if not options:
        yield ()
        return
    for factor in options[0]:
        if factor <= room:
            for rest in _fitting(options[1:], room // factor):
                yield (factor, *rest)


def _factors_of(size: int, units: int, *, fractional: bool) -> list[int]:
    """Return the factors of a dimension that count, but 1.

    Where lanes count as fractions all those are added that may be beside a larger one of the same dimension.
    """
    found = set(smallest_factors(size, units))
    if fractional:
        found |= set(range(1, min(size, units, math.isqrt(size) + 2) + 1))
    return sorted(found - {1})


def symmetries(layer: Layer, dims: Sequence[str]) -> list[dict[str, str]]:
    """Return permutations of a layer's dimensions that change nothing but names: swaps of one or two pairs."""
    pairs = [(one, other) for one, other in combinations(dims, 2) if layer.sizes[one] == layer.sizes[other]]
    found = []
    for swapped in [*((pair,) for pair in pairs), *combinations(pairs, 2)]:
        names = [name for pair in swapped for name in pair]
        if len(set(names)) == len(names):
            renamed = {dim: dim for dim in layer.sizes}
            for one, other in swapped:
                renamed |= {one: other, other: one}
            if _is_symmetry(layer, renamed):
                found.append({dim: renamed[dim] for dim in dims})
    return found


def _is_symmetry(layer: Layer, renamed: Mapping[str, str]) -> bool:
    windows = {}
    for relation in layer.relations:
        image = (
            next(
                (
                    other
                    for other in layer.relations
                    if (other.outer, other.inner) == (renamed[relation.outer], renamed[relation.inner])
                    and (other.stride, other.dilation) == (relation.stride, relation.dilation)
                ),
                None,
            )
            if relation.outer in renamed and relation.inner in renamed
            else None
        )
        if image is None:
            return False
        same = layer.padding.get(relation.window) == layer.padding.get(image.window)
        if not same or layer.window_size(relation) != layer.window_size(image):
            return False
        windows[relation.window] = image.window
    every = {**renamed, **windows}
    return all(
        {every.get(index, index) for index in layer.equation.indices[operand]}
        == set(layer.equation.indices[operand])
        for operand in layer.operands
    )


def _images(
    groups: Sequence[Group], dims: Sequence[str], symmetric: Sequence[Mapping[str, str]]
) -> Iterator[tuple[Array, ...]]:
    """Yield for every symmetry the choice that every choice of every group is mapped to.

    A symmetry of the layer that the space does not have (a dimension allowed where its image is not) is left out.
    """
    for renamed in symmetric:
        order = [dims.index(renamed[dim]) for dim in dims]
        image = []
        for group in groups:
            where = {
                tuple(row): number for number, row in enumerate(_keys(group.factors, group.drains).tolist())
            }
            moved = _keys(group.factors[:, :, order], group.drains).tolist()
            numbers = [where.get(tuple(row)) for row in moved]
            if None in numbers:
                break
            image.append(np.array(numbers, dtype=np.int64))
        else:
            yield tuple(image)
