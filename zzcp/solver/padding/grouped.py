"""Cost tables over groups of tile sizes: in every entry no more than any tile size of the group costs.

All tile sizes of a group have one number of tiles. So all that only these numbers tell is the same for them: how often
something moves, and which sums are partial. Of the rest

- tiles, and what a first fill takes, grow with the tile size: the smallest one takes the least (`groups.growing`);
- along a dimension that does not change an operand's data its transfers are the same, and their windows come to the run
  together. What exceeds the windows is a convex function of them, hence least where they are the most alike, and the
  smallest tile size with a number of tiles makes them so;
- along a dimension of the data all tiles together hold what they hold however words round it up; what they hold is
  summed up, and for windows the least sum over the tile sizes counts. What exceeds the windows is at least what all
  transfers take beyond the run. The first tile, which is no part of it, counts as the largest.

Tile sizes that divide their dimension are groups by themselves, so that all of a group have equally many whole tiles.
Refills of the array count as nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zzcp.cost.formulas.core import Model
from zzcp.cost.formulas.links import tile_elements
from zzcp.cost.formulas.moves import Move
from zzcp.cost.formulas.numeric import NUMPY
from zzcp.cost.formulas.words import move_precision, move_words
from zzcp.cost.setting.axes import Axis, tile_sizes
from zzcp.cost.setting.setting import IRRELEVANT, OperandSetting
from zzcp.cost.setting.volumes import Volumes
from zzcp.solver.clock import look
from zzcp.solver.lattice.energies import Accesses
from zzcp.solver.lattice.keys import Array, Key
from zzcp.solver.lattice.tables import (
    BoundaryTable,
    CostTables,
    Draft,
    MoveTable,
    accesses_of,
    drafts_of,
    shaped,
    tables_of,
)
from zzcp.solver.padding.groups import Groups, keys_of_groups
from zzcp.solver.ranges.terms import run_cycles

Pair = tuple[int, int]


def grouped_tables(
    model: Model, others: tuple[Key, ...], groups: Groups
) -> tuple[tuple[Key, ...], CostTables]:
    """Return keys of dimensions whose loops divide, and of groups of tile sizes, with their tables.

    Parameters
    ----------
    model : Model
        The setting whose loops of the grouped dimensions need not divide, with the smallest tile size of every group.
        Its output has no windows.
    others : tuple of Key
        Keys of the other dimensions.
    groups : Groups
        The groups of all dimensions whose loops need not divide.
    """
    keys = (*others, *keys_of_groups(groups))
    highs = {dim: _highs(some) for dim, some in groups.items()}
    drafts = drafts_of(model, keys)
    found = [
        [_Grouped(model, index, link, draft, highs) for link, draft in enumerate(row)]
        for index, row in enumerate(drafts)
    ]
    tables = tables_of(model, [[part.draft for part in row] for row in found])
    rows = tuple(
        tuple(part.lowered(table) for part, table in zip(row, some, strict=True))
        for row, some in zip(found, tables.rows, strict=True)
    )
    return keys, replace(tables, rows=rows)


def _highs(groups: Any) -> Array:
    """Return the largest tile size of every group, by its smallest one."""
    result = np.arange(groups[-1].high + 1)
    for group in groups:
        result[group.low] = group.high
    return result


class _Grouped:
    """The table of one boundary."""

    def __init__(self, model: Model, index: int, link: int, draft: Draft, highs: Mapping[str, Array]) -> None:
        self.model, self.index, self.link, self.highs = model, index, link, highs
        self.operand: OperandSetting = model.setting.operands[index]
        table = draft.table(energy=np.zeros(0))
        self.several, self.any = _several(table, highs)
        self.parts = draft
        if self.several.any():
            draft = draft._replace(accesses=self._accesses(draft, table.period.shape))
        self.draft = draft

    def _accesses(self, draft: Draft, shape: tuple[int, int]) -> list[Accesses]:
        """Return what costs energy, without the rounding of what groups of the data's dimensions move."""
        volumes = self.operand.volumes
        assert volumes is not None
        least = replace(self.operand, volumes=_LeastVolumes(volumes, self._pairs()))
        found, conventions = [], self.model.setting.conventions
        for exact, (number, move) in zip(draft.accesses, self._moves(), strict=True):
            words, count = move_words(move, least, draft.state, draft.moved, conventions, NUMPY)
            lower = accesses_of(self.model, number, words, count, shape)
            found.append(Accesses(np.where(self.several[:, None], lower.count, exact.count), exact.cost))
        return found

    def _moves(self) -> list[tuple[int, Move]]:
        return [
            (number, move)
            for number, move in enumerate(self.model.moves)
            if move.operand == self.index and move.link == self.link
        ]

    def _pairs(self) -> list[Callable[[int, int], list[Pair]]]:
        """Return for every direction which steps of its loops the groups of some smallest ones have."""
        return [
            _members(self.highs.get(relation.outer), self.highs.get(relation.inner))
            for relation in self.operand.relations
        ]

    def lowered(self, table: BoundaryTable) -> BoundaryTable:
        """Return the table with what tile sizes of a group take at the least."""
        if not self.any.any():
            return table
        moves = tuple(
            self._lowered(part, move, table.fill)
            for part, (_, move) in zip(table.moves, self._moves(), strict=True)
        )
        refill = table.refill
        if refill is not None:
            refill = np.where(self.any, 0, refill[0]), np.where(self.any, 0, refill[1])
        return replace(table, moves=moves, refill=refill)

    def _lowered(self, part: MoveTable, move: Move, fill: Array) -> MoveTable:
        look()
        moving, late, beyond = part.busy, part.late, None
        if self.several.any():
            rows = self.several[:, None]
            every, first = (shaped(values, moving.shape) for values in self._moving(move))
            least = np.maximum(0, every - first)
            if not move.back:
                # what the first tile takes more than the smallest is not moved later
                beyond = np.where(rows, np.maximum(least, every - fill), moving)
            moving = np.where(rows, least, moving)
            late = np.where(rows, np.maximum(0, least - run_cycles(self.model)), late)
        return replace(part, busy=moving, late=late, beyond=beyond)

    def _moving(self, move: Move) -> tuple[Array, Array]:
        """Return the cycles in which a port moves all tiles, without rounding, and the first one, in all states."""
        operand, link, state = self.operand, self.link, self.parts.state
        setting, volumes = self.model.setting, self.operand.volumes
        assert volumes is not None
        spatial = link + move.is_upper
        whole = tile_elements(operand, operand.latency, state, link, spatial, setting.conventions, NUMPY)
        every, largest = whole, whole
        different = state.counts[link] // state.irrelevant_above[link]
        pairs = self._pairs()
        cut = {dim: size for dim, size in operand.remainders if operand.kind[dim] != IRRELEVANT}
        for number, relation in enumerate(operand.relations):
            sizes = cut.get(relation.outer), cut.get(relation.inner)
            if sizes == (None, None):
                continue
            lows = state.windows[link][number]
            extent = volumes.largest(number, spatial)
            tiles = _Tiles(extent, sizes, pairs[number], _is_plain(volumes.axes[number]))
            own, least, most = (_of_pairs(lows, function) for function in (extent, tiles, tiles.largest))
            every, largest = every // own * least, largest // own * most
            for low, size in zip(lows, sizes, strict=True):
                if size is not None:
                    different = different // -(-size // low)
        precision = move_precision(move, operand, self.parts.timed, NUMPY)
        visits = state.irrelevant_above[link] - move.back
        every = different * visits * every * precision // move.width * move.turns
        first = np.zeros_like(every) if move.back else move.cycles(largest * precision)
        return every, first


@dataclass(frozen=True, slots=True)
class _Tiles:
    """What all tiles along a direction hold together, as the latency counts them: each as the largest of its kind."""

    extent: Callable[[int, int], int]
    sizes: tuple[int | None, int | None]
    members: Callable[[int, int], list[Pair]]
    plain: bool

    def __call__(self, outer: int, inner: int) -> int:
        """Return the least of what they hold in the groups of two smallest tile sizes."""
        members = self.members(outer, inner)
        # where nothing overlaps whole tiles hold as much for each of their steps as the rest does
        return min(self._of(*pair) for pair in (members[:1] if self.plain else members))

    def largest(self, outer: int, inner: int) -> int:
        """Return the largest tile of the groups."""
        return self.extent(*self.members(outer, inner)[-1])

    def _of(self, outer: int, inner: int) -> int:
        kinds = [_kinds(steps, size) for steps, size in zip((outer, inner), self.sizes, strict=True)]
        return sum(
            self.extent(one, other) * count * times for one, count in kinds[0] for other, times in kinds[1]
        )


def _kinds(steps: int, size: int | None) -> list[Pair]:
    """Return the steps of whole tiles and of the last one, each with how many there are."""
    if size is None:
        return [(steps, 1)]
    whole, rest = divmod(size, steps)
    return [(steps, whole), (rest, 1)] if rest else [(steps, whole)]


def _several(table: BoundaryTable, highs: Mapping[str, Array]) -> tuple[Array, Array]:
    """Return for every data state, and for every entry, whether it stands for several tile sizes."""
    rows = np.zeros(len(table.data), dtype=bool)
    for dim, sizes in table.data.by_dim.items():
        if dim in highs:
            rows |= highs[dim][sizes] > sizes
    columns = np.zeros(len(table.reuse), dtype=bool)
    for dim, sizes in table.reuse.by_dim.items():
        if dim in highs:
            columns |= highs[dim][sizes] > sizes
    values = np.zeros(len(table.reuse_values), dtype=bool)
    values[table.reuse_index[columns]] = True
    return rows, rows[:, None] | values[None, :]


def _members(outer: Array | None, inner: Array | None) -> Callable[[int, int], list[Pair]]:
    """Return what returns the steps of both loops of a window in the groups of two smallest ones."""

    def pairs(one: int, other: int) -> list[Pair]:
        ends = one if outer is None else int(outer[one]), other if inner is None else int(inner[other])
        return [(a, b) for a in range(one, ends[0] + 1) for b in range(other, ends[1] + 1)]

    return pairs


def _of_pairs(pairs: tuple[Any, Any], function: Callable[[int, int], int]) -> Array:
    """Return a function of two numbers for arrays of them, with few different ones."""
    one, other = (np.asarray(part) for part in pairs)
    width = int(other.max(initial=0)) + 1
    code = one * width + other
    values = np.zeros(int(code.max(initial=0)) + 1, dtype=np.int64)
    there = np.zeros(len(values), dtype=bool)
    there[code] = True
    for number in np.flatnonzero(there).tolist():
        values[number] = function(*divmod(number, width))
    return np.asarray(values[code])


def _is_plain(axis: Axis) -> bool:
    """Return whether all tiles along a direction hold together what it has, whatever their size."""
    return (
        (axis.sizes[1], axis.steps[1]) == (1, 1)
        and axis.first <= 0
        and axis.end >= axis.sizes[0]
        and axis.relation.stride == 1
    )


class _LeastVolumes(Volumes):
    """The tiles of an operand where loop products stand for groups: words are not rounded tile by tile."""

    def __init__(self, volumes: Volumes, pairs: list[Callable[[int, int], list[Pair]]]) -> None:
        self.__dict__.update(volumes.__dict__)
        self._members = pairs

    def words(self, spatial: int, precision: int, width: int) -> Any:
        """Return the words that all tiles take together at the least; parameters as for `Volumes.words`."""
        return _LeastWords(self, self._members, spatial, precision, width)


@dataclass(frozen=True, slots=True)
class _Held:
    """What all tiles along a direction hold together, at the least of groups of two smallest ones."""

    axis: Axis
    lanes: Pair
    among: Pair
    members: Callable[[int, int], list[Pair]]

    def __call__(self, outer: int, inner: int) -> int:
        (first, second), among = self.lanes, self.among
        return min(
            sum(size * count for size, count in tile_sizes(self.axis, one * first, other * second, among))
            for one, other in self.members(outer, inner)
        )


@dataclass(frozen=True, slots=True)
class _LeastWords:
    """Sums of words, at the least."""

    volumes: Volumes
    members: list[Callable[[int, int], list[Pair]]]
    spatial: int
    precision: int
    width: int

    def arrays(self, relevant: Array, *args: Array) -> Array:
        """Return the sums for arrays of loop products."""
        volumes = self.volumes
        uniform = relevant * volumes.relevant_lanes[self.spatial]
        bits = uniform * self.precision
        lanes = volumes.lanes[self.spatial]
        for number, axis in enumerate(volumes.axes):
            if _is_plain(axis):
                bits = bits * axis.sizes[0]
            else:
                held = _Held(axis, lanes[number], volumes.among(lanes[number]), self.members[number])
                bits = bits * _of_pairs((args[2 * number], args[2 * number + 1]), held)
        total = volumes.relevant * volumes.relevant_lanes[-1]
        return np.asarray(total // uniform * -(-bits // self.width))
