"""The state of every boundary for many mappings at once: the array form of `zzcp.cost.setting.state`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, OperandSetting
from zzcp.cost.setting.state import OperandState, kept_links, spread_over

Array = npt.NDArray[Any]
Dims = frozenset[str]


class LoopTables:
    """Running products and runs over the loops of many mappings, by groups of dimensions.

    Tables have a row for every place between loops, 0 below the innermost one, and a column for every mapping.
    Loops of size 1 take part in no product and break no run of loops. The tables of one batch are overwritten by
    those of the next: to get fresh memory for them from the system takes as long as to fill them.

    Parameters
    ----------
    needed : mapping of str to int
        Iterations of every dimension of the layer that the loops must cover.
    depth, length : int
        Loops of every mapping, and mappings.
    dtype : type
        Of the products: floats are faster, and exact below 2^53.
    at_least : collection of str
        Dimensions that the loops may exceed.
    """

    def __init__(
        self,
        needed: Mapping[str, int],
        depth: int,
        length: int,
        dtype: type = np.float64,
        at_least: Collection[str] = (),
    ) -> None:
        self.needed, self.depth, self.length, self.dtype = needed, depth, length, dtype
        self.at_least = at_least
        self.divide: Callable[[Array, Array], Array] = np.divide if dtype is np.float64 else np.floor_divide
        self._number = {dim: number for number, dim in enumerate(needed)}
        self._dims = np.empty((depth, length), dtype=np.int8)
        self._more: Array = np.empty((depth, length), dtype=dtype)
        self._nothing = np.empty((depth, length), dtype=bool)
        self._columns = np.arange(length)
        self._rows = np.arange(depth, dtype=np.int16)[:, None]
        self._arrays: dict[tuple[str, Dims], Array] = {}
        self._filled: set[tuple[str, Dims]] = set()
        self._masks: dict[Dims, Array] = {}

    def load(self, dims: Array, sizes: Array) -> None:
        """Take the loops of other mappings, as in `zzcp.cost.batch.MappingBatch`."""
        self._filled.clear()
        self._masks.clear()
        self._dims[:] = dims
        self._more[:] = sizes
        self._more -= 1
        np.equal(self._more, 0, out=self._nothing)

    def group(self, kinds: Mapping[str, int], kind: int) -> Dims:
        """Return the dimensions of one kind that have loops."""
        return frozenset(dim for dim, size in self.needed.items() if size > 1 and kinds[dim] == kind)

    def _table(self, name: str, dims: Dims, dtype: type) -> tuple[Array, bool]:
        """Return an array for a table, and whether it is filled already."""
        key = name, dims
        if key not in self._arrays:
            self._arrays[key] = np.empty((self.depth + 1, self.length), dtype=dtype)
        filled = key in self._filled
        self._filled.add(key)
        return self._arrays[key], filled

    def products(self, dims: Dims) -> Array:
        """Return the product of the loops over some dimensions among the first 0, 1, 2, ... loops."""
        table, filled = self._table("products", dims, self.dtype)
        if filled:
            return table
        if len(dims) > 1:
            first, second, *others = (self.products(frozenset([dim])) for dim in sorted(dims))
            np.multiply(first, second, out=table)
            for other in others:
                table *= other
            return table
        table[0] = 1
        self.factors(frozenset(dims), table[1:])
        for below, here in pairwise(table):
            np.multiply(below, here, out=here)
        return table

    def factors(self, dims: Dims, out: Array) -> Array:
        """Return the size of every loop over some dimensions, and 1 for all other loops."""
        np.copyto(out, self._over(dims))
        out *= self._more
        out += 1
        return out

    def _over(self, dims: Dims) -> Array:
        """Return which loops are over some dimensions."""
        result = self._masks.get(dims)
        if result is None:
            result = np.zeros(self._dims.shape, dtype=bool)
            for dim in dims:
                result |= self._dims == self._number[dim]
            self._masks[dims] = result
        return result

    def run_starts(self, dims: Dims) -> Array:
        """Return for every place where the run of loops over some dimensions directly beneath it starts."""
        table, filled = self._table("starts", dims, np.int16)
        if not filled:
            table[0] = 0
            np.multiply(~(self._over(dims) | self._nothing), self._rows + np.int16(1), out=table[1:])
            for below, here in pairwise(table):
                np.maximum(below, here, out=here)
        return table

    def run_ends(self, dims: Dims) -> Array:
        """Return for every place where the run of loops over some dimensions directly above it ends."""
        table, filled = self._table("ends", dims, np.int16)
        if not filled:
            table[-1] = self.depth
            np.multiply(self._over(dims) | self._nothing, np.int16(self.depth) - self._rows, out=table[:-1])
            table[:-1] += self._rows
            for above, here in pairwise(table[::-1]):
                np.minimum(here, above, out=here)
        return table

    def at(self, places: Array) -> Array:
        """Return the positions in a flattened table of one place per mapping."""
        index: Array = places * np.intp(self.length)
        index += self._columns
        return index

    def covers(self) -> Array:
        """Return which mappings run every dimension as often as needed."""
        needed = frozenset(dim for dim, size in self.needed.items() if size > 1)
        result: Array = np.asarray((self._over(needed) | self._nothing).all(axis=0))
        for dim in needed:
            run = self.products(frozenset([dim]))[-1]
            result &= (run >= self.needed[dim]) if dim in self.at_least else (run == self.needed[dim])
        return result


def state_arrays(
    operand: OperandSetting,
    tables: LoopTables,
    ends: Array,
    *,
    same_data_free: bool,
    relevant_runs: bool = True,
) -> OperandState:
    """Return the state of every boundary of one operand for many mappings.

    Parameters
    ----------
    operand : OperandSetting
        The operand.
    tables : LoopTables
        The loops of the mappings.
    ends : ndarray of int, shape (levels, mappings)
        How many loops lie at or below every level, at the last one all of them.
    same_data_free : bool
        As for `zzcp.cost.setting.state.operand_state`.
    relevant_runs : bool
        Whether the runs of relevant loops are wanted; they are 1 otherwise.
    """
    if operand.remainders:
        return _with_remainders(operand, tables, ends, same_data_free=same_data_free)
    irrelevant_dims, relevant_dims = (tables.group(operand.kind, kind) for kind in (IRRELEVANT, RELEVANT))
    run_end = tables.run_ends(irrelevant_dims)
    places = [run_end.ravel()[tables.at(row)] for row in ends[:-1]]
    cuts = [tables.at(place) for place in places]

    def below(dims: Dims) -> list[Array]:
        """Products of the loops below every boundary but the lowest."""
        if not dims:
            return [one] * len(ends)
        table = tables.products(dims)
        flat = table.ravel()
        return [*(flat[cut] for cut in cuts), table[-1]]

    one: Array = np.ones(tables.length, dtype=tables.dtype)
    irrelevant, relevant = below(irrelevant_dims), below(relevant_dims)
    at_array = tail = one
    if irrelevant_dims:
        products = tables.products(irrelevant_dims).ravel()
        tail = tables.divide(irrelevant[-1], products[tables.at(tables.run_starts(irrelevant_dims)[-1])])
        if same_data_free and not operand.is_output:
            at_array = products[tables.at(run_end[0])]
    windows = {
        dim: below(frozenset([dim])) if tables.needed.get(dim, 1) > 1 else [one] * len(ends)
        for dim in {dim for relation in operand.relations for dim in relation.loops}
    }
    moving = (factors for dim, factors in windows.items() if tables.needed.get(dim, 1) > 1)
    parts = zip(irrelevant, relevant, *moving, strict=True)
    period = [at_array, *(reduce(operator.mul, factors) for factors in parts)]
    pairs = [(windows[relation.outer], windows[relation.inner]) for relation in operand.relations]
    return OperandState(
        period,
        [tables.divide(period[-1], cycles) for cycles in period],
        [one, *relevant],
        [
            [(one, one) for _ in pairs],
            *([(outer[level], inner[level]) for outer, inner in pairs] for level in range(len(ends))),
        ],
        [tables.divide(irrelevant[-1], product) for product in (at_array, *irrelevant)],
        _runs(tables, irrelevant_dims, irrelevant, cuts, places),
        _runs(tables, relevant_dims if relevant_runs else frozenset(), relevant, cuts, places),
        tail,
        slides=_slides(operand, tables, places) if operand.slides is not None else (),
    )


def _runs(
    tables: LoopTables, dims: Dims, products: list[Array], cuts: list[Array], places: list[Array]
) -> list[Array]:
    """Return the product of the loops directly beneath every boundary, within the level's own loops."""
    one: Array = np.ones(tables.length, dtype=tables.dtype)
    if not dims:
        return [one] * (len(products) + 1)
    flat, start = tables.products(dims).ravel(), tables.run_starts(dims)
    starts = [*(start.ravel()[cut] for cut in cuts), start[-1]]
    starts[1:] = [np.maximum(*pair) for pair in zip(starts[1:], places, strict=True)]
    found = zip(products, starts, strict=True)
    return [one, *(tables.divide(product, flat[tables.at(place)]) for product, place in found)]


def _slides(
    operand: OperandSetting, tables: LoopTables, places: list[Array]
) -> list[list[tuple[Array, Array]]]:
    """Return how often the loops of windows step directly above every boundary; see `zzcp.cost.setting.state`.

    Parameters
    ----------
    operand, tables
        As for `state_arrays`.
    places : list of ndarray
        Loops below every boundary but the lowest and the uppermost.
    """
    one: Array = np.ones(tables.length, dtype=tables.dtype)

    def run(dim: str, link: int) -> Array:
        dims = frozenset([dim])
        place = places[link - 1]
        end = tables.run_ends(dims).ravel()[tables.at(place)]
        for above in spread_over(operand, dim, link):
            end = np.minimum(end, places[above - 1])
        products = tables.products(dims).ravel()
        return np.asarray(tables.divide(products[tables.at(end)], products[tables.at(place)]))

    found = [[(one, one) for _ in operand.relations] for _ in range(operand.depth + 1)]
    loops = () if operand.slides is None else operand.slides.loops
    for link in kept_links(operand):
        found[link] = [
            (
                run(relation.outer, link) if (number, 0) in loops else one,
                run(relation.inner, link) if (number, 1) in loops else one,
            )
            for number, relation in enumerate(operand.relations)
        ]
    return found


def _with_remainders(
    operand: OperandSetting, tables: LoopTables, ends: Array, *, same_data_free: bool
) -> OperandState:
    """Return the state where the loops of some dimensions do not divide; see `zzcp.cost.setting.state`."""
    iterations, kind = dict(operand.remainders), operand.kind
    dims = [dim for dim, size in tables.needed.items() if size > 1]
    one: Array = np.ones(tables.length, dtype=tables.dtype)
    irrelevant = tables.group(kind, IRRELEVANT)
    run_end, run_start = tables.run_ends(irrelevant).ravel(), tables.run_starts(irrelevant).ravel()

    def below(places: Array) -> dict[str, Array]:
        at = tables.at(places)
        found = {dim: tables.products(frozenset([dim])).ravel()[at] for dim in dims}
        for dim, most in iterations.items():
            found[dim] = np.minimum(found[dim], most)
        return found

    def cycles(tile: dict[str, Array]) -> Array:
        return _product(tile.values(), one)

    def count(tile: dict[str, Array], some: Iterable[str]) -> Array:
        return _product((-(-run[dim] // tile[dim]) for dim in some), one)

    nothing = np.zeros(tables.length, dtype=np.intp)
    whole = np.full(tables.length, tables.depth)
    run = below(whole)
    places = [*(run_end[tables.at(row)] for row in ends[:-1]), whole]
    stays = same_data_free and not operand.is_output
    starts = [
        np.maximum(run_start[tables.at(place)], lower)
        for place, lower in zip(places, (nothing, *places), strict=False)
    ]
    tiles = [below(place) for place in (run_end[tables.at(nothing)] if stays else nothing, *places)]
    passed = [tiles[0], *(below(start) for start in starts)]
    loops = tables.products(irrelevant).ravel()
    runs = [
        loops[tables.at(end)] // loops[tables.at(start)] for start, end in zip(starts, places, strict=True)
    ]
    return OperandState(
        period=[cycles(tile) for tile in tiles],
        counts=[count(tile, dims) for tile in tiles],
        relevant=[_product((tile[dim] for dim in dims if kind[dim] == RELEVANT), one) for tile in tiles],
        windows=[
            [(tile.get(r.outer, one), tile.get(r.inner, one)) for r in operand.relations] for tile in tiles
        ],
        irrelevant_above=[count(tile, irrelevant) for tile in tiles],
        irrelevant_run=[one, *runs],
        relevant_run=[one] * len(tiles),
        tail=cycles(run) // cycles(below(run_start[tables.at(whole)])),
        tiles=[[tile[dim] for dim in iterations] for tile in tiles],
        first_pass=[cycles(tile) for tile in passed],
        passed=[[tile[dim] for dim in iterations] for tile in passed],
    )


def _product(factors: Iterable[Array], one: Array) -> Array:
    result = one
    for factor in factors:
        result = result * factor
    return result
