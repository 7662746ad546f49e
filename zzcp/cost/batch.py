"""Many mappings at once: the formulas of `zzcp.cost.core` on arrays, bit-identical to the scalar evaluator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from zzcp.cost.capacity import Flags, occupied_bits
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.core import (
    Cycles,
    Traffic,
    access_counts,
    compute_cycles,
    compute_traffic,
    copies,
    energy_units,
    level_energies,
    zigzag_buffering,
)
from zzcp.cost.evaluate import cached_evaluator
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.links import Transfers
from zzcp.cost.loading import Loading
from zzcp.cost.macs import zigzag_mac_energy
from zzcp.cost.numeric import NUMPY
from zzcp.cost.setting import IRRELEVANT, RELEVANT, OperandSetting, Setting
from zzcp.cost.stall import Activities
from zzcp.cost.state import OperandState
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.workload import Layer

Array = npt.NDArray[Any]

CHUNK = 4096
"""Mappings evaluated together: arrays of this length stay in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class MappingBatch:
    """Mappings of one layer that share their spatial unrolling, as arrays.

    Parameters
    ----------
    dims : ndarray of int, shape (loops, mappings)
        Dimension of every temporal loop, innermost first, as a position in ``layer.sizes``.
    sizes : ndarray of int, shape (loops, mappings)
        Iterations of every loop; 1 where a mapping has fewer loops.
    ends : mapping of str to ndarray of int, shape (levels, mappings)
        For every operand and memory level how many loops lie at or below the level.
    """

    dims: Array
    sizes: Array
    ends: Mapping[str, Array]

    def __post_init__(self) -> None:
        if self.dims.shape != self.sizes.shape or self.dims.ndim != 2:
            raise InputError(
                "dims and sizes of a batch need one shape (loops, mappings)",
                found=f"{self.dims.shape} and {self.sizes.shape}",
            )
        for operand, ends in self.ends.items():
            if ends.ndim != 2 or ends.shape[1] != self.dims.shape[1]:
                raise InputError(
                    f"ends of operand {operand}",
                    expected=f"shape (levels, {self.dims.shape[1]})",
                    found=str(ends.shape),
                )

    def __len__(self) -> int:
        return int(self.dims.shape[1])

    @classmethod
    def from_mappings(cls, layer: Layer, mappings: Sequence[LayerMapping]) -> MappingBatch:
        """Collect mappings; their unrolling, links and buffering are not part of the batch."""
        index = {dim: position for position, dim in enumerate(layer.sizes)}
        orders = [mapping.order for mapping in mappings]
        depth = max((len(order) for order in orders), default=0)
        dims = np.zeros((depth, len(mappings)), dtype=np.int64)
        sizes = np.ones((depth, len(mappings)), dtype=np.int64)
        ends = {
            operand: np.zeros((len(levels), len(mappings)), dtype=np.int64)
            for operand, levels in (mappings[0].temporal.items() if mappings else ())
        }
        for column, (mapping, order) in enumerate(zip(mappings, orders, strict=True)):
            for row, (dim, size) in enumerate(order):
                dims[row, column], sizes[row, column] = index[dim], size
            for operand, allocation in mapping.allocation.items():
                ends[operand][:, column] = allocation
        for rows in ends.values():
            # a mapping with fewer loops ends where the padding ends
            rows[-1] = depth
        return cls(dims, sizes, ends)

    def mapping(self, number: int, layer: Layer, spatial: SpatialMapping) -> LayerMapping:
        """Return one mapping of the batch."""
        names = list(layer.sizes)
        loops = [
            (names[int(dim)], int(size))
            for dim, size in zip(self.dims[:, number], self.sizes[:, number], strict=True)
        ]
        kept = [position for position, (_, size) in enumerate(loops) if size > 1]
        allocation = {
            operand: [sum(position < end for position in kept) for end in ends[:, number]]
            for operand, ends in self.ends.items()
        }
        return LayerMapping.from_order(spatial, [loops[position] for position in kept], allocation)

    def chunks(self, size: int) -> Iterator[MappingBatch]:
        """Cut the batch into parts of at most `size` mappings."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield MappingBatch(
                self.dims[:, part],
                self.sizes[:, part],
                {operand: ends[:, part] for operand, ends in self.ends.items()},
            )


@dataclass(frozen=True, slots=True, eq=False)
class BatchEvaluation:
    """Costs of a batch of mappings; every array has one entry per mapping.

    Parameters
    ----------
    energy : ndarray of float
        Total energy.
    energy_units : ndarray of int, or None
        The same exactly, in units of 1 / `scale`; None under ZigZag's conventions, which count in floats.
    scale : int
        See `energy_units`.
    latency, temporal_stall, data_loading, data_unloading : ndarray
        Total cycles and its components that depend on the mapping.
    valid : ndarray of bool
        Whether the mapping covers the layer and every memory holds what it must.
    double_buffered : mapping of str to ndarray of bool, shape (levels, mappings)
        Which tiles are kept twice.
    """

    energy: Array
    energy_units: Array | None
    scale: int
    latency: Array
    temporal_stall: Array
    data_loading: Array
    data_unloading: Array
    valid: Array
    double_buffered: Mapping[str, Array]

    @property
    def edp(self) -> Array:
        """Energy-delay products."""
        product: Array = self.energy * self.latency.astype(float)
        return product

    def __len__(self) -> int:
        return len(self.energy)


def evaluate_batch(
    accelerator: Accelerator,
    layer: Layer,
    spatial: SpatialMapping,
    batch: MappingBatch | Sequence[LayerMapping],
    conventions: CostConventions = EXACT,
    links: Mapping[str, str] | None = None,
) -> BatchEvaluation:
    """Return the costs of many mappings of one layer under one unrolling.

    Parameters
    ----------
    accelerator, layer, spatial
        What all mappings share.
    batch : MappingBatch or sequence of Mapping
        The mappings. Their buffering is chosen by the conventions.
    conventions : CostConventions
        How to count.
    links : mapping of str to str, optional
        Memory operand of every operand.

    Returns
    -------
    BatchEvaluation
        The same numbers, to the bit, as `zzcp.evaluate` of every mapping. Invalid mappings are marked.
    """
    evaluator = cached_evaluator(accelerator, layer, spatial, conventions, links)
    if not isinstance(batch, MappingBatch):
        batch = MappingBatch.from_mappings(layer, batch)
    missing = [operand for operand in layer.operands if operand not in batch.ends]
    if missing:
        raise InputError("the batch lacks the allocation of an operand", found=", ".join(missing))
    parts = [_evaluate_chunk(evaluator, part) for part in batch.chunks(CHUNK)]
    if not parts:
        parts = [_evaluate_chunk(evaluator, batch)]
    return _concatenate(parts)


def _evaluate_chunk(evaluator: Evaluator, batch: MappingBatch) -> BatchEvaluation:
    setting, model = evaluator.setting, evaluator.model
    if any(not operand.energy.integral for operand in setting.operands):
        return _one_by_one(evaluator, batch)
    states = [operand_states(operand, batch, setting) for operand in setting.operands]
    if _needs_big_integers(setting):
        states = [_as_objects(state) for state in states]
    traffic = compute_traffic(model, states, NUMPY)
    bits, forced = copies(model, traffic, NUMPY)
    valid = _covers(setting, batch)
    for _, used, size in occupied_bits(setting, bits, forced):
        valid = valid & (used <= size)
    if setting.conventions.greedy_buffering:
        flags, _ = zigzag_buffering(model, traffic, NUMPY)
        cycles = compute_cycles(model, traffic, flags, NUMPY)
    else:
        flags, cycles = _best_buffering(evaluator, traffic, bits, forced)
    length = len(batch)
    units: Array | None = None
    if setting.conventions.fractional_unrolling:
        energy: Any = 0.0
        for row in level_energies(model, access_counts(model, traffic, NUMPY)):
            energy = energy + row[-1]
        energy = energy + zigzag_mac_energy(setting)
    else:
        units = _energy_units(evaluator, traffic)
        # Python's division of integers rounds correctly; that of large arrays need not
        energy = np.array([unit / model.scale for unit in units.tolist()], dtype=float)
    return BatchEvaluation(
        energy=_full(energy, length, float),
        energy_units=units,
        scale=model.scale,
        latency=_full(cycles.total, length),
        temporal_stall=_full(cycles.stall, length),
        data_loading=_full(cycles.loading.loading, length),
        data_unloading=_full(cycles.loading.unloading, length),
        valid=_full(valid, length, bool),
        double_buffered={
            operand.name: np.stack([_full(flag, length, bool) for flag in row[: operand.depth - 1]])
            if operand.depth > 1
            else np.zeros((0, length), dtype=bool)
            for operand, row in zip(setting.operands, flags, strict=True)
        },
    )


def operand_states(operand: OperandSetting, batch: MappingBatch, setting: Setting) -> OperandState:
    """Return the state of every boundary of one operand for a batch (the array form of `operand_state`).

    Loops of size 1 take part in no product and break no run.
    """
    depth, length = batch.dims.shape
    names = list(setting.layer.sizes)
    kind_of = np.array([operand.kind[name] for name in names], dtype=np.int64)
    kinds = kind_of[batch.dims] if depth else np.zeros((0, length), dtype=np.int64)
    sizes = batch.sizes
    nothing = sizes == 1
    irrelevant = (kinds == IRRELEVANT) | nothing
    relevant = (kinds == RELEVANT) | nothing
    all_below = _running(sizes)
    relevant_below = _running(np.where(relevant, sizes, 1))
    irrelevant_below = _running(np.where(irrelevant, sizes, 1))
    windows_below = {
        dim: _running(np.where(batch.dims == names.index(dim), sizes, 1))
        for relation in operand.relations
        for dim in (relation.outer, relation.inner)
    }
    after_run = np.empty((depth + 1, length), dtype=np.int64)
    after_run[depth] = depth
    irrelevant_start = np.zeros((depth + 1, length), dtype=np.int64)
    relevant_start = np.zeros((depth + 1, length), dtype=np.int64)
    for position in range(depth - 1, -1, -1):
        after_run[position] = np.where(irrelevant[position], after_run[position + 1], position)
    for position in range(1, depth + 1):
        irrelevant_start[position] = np.where(
            irrelevant[position - 1], irrelevant_start[position - 1], position
        )
        relevant_start[position] = np.where(relevant[position - 1], relevant_start[position - 1], position)
    ends = np.take_along_axis(after_run, batch.ends[operand.name], axis=0)
    stays = setting.conventions.same_data_free and not operand.is_output
    first = after_run[:1] if stays else np.zeros((1, length), dtype=np.int64)
    cuts = np.concatenate([first, ends])
    period = np.take_along_axis(all_below, cuts, axis=0)
    total, total_irrelevant = all_below[-1], irrelevant_below[-1]
    lower = np.concatenate([np.zeros((1, length), dtype=np.int64), ends[:-1]])
    ones = np.ones(length, dtype=np.int64)
    irrelevant_run, relevant_run = (
        [
            ones,
            *(
                np.take_along_axis(below, ends, axis=0)
                // np.take_along_axis(
                    below, np.maximum(np.take_along_axis(start, ends, axis=0), lower), axis=0
                )
            ),
        ]
        for below, start in ((irrelevant_below, irrelevant_start), (relevant_below, relevant_start))
    )
    gathered = {dim: np.take_along_axis(below, cuts, axis=0) for dim, below in windows_below.items()}
    levels = range(len(cuts))
    return OperandState(
        list(period),
        list(total // period),
        list(np.take_along_axis(relevant_below, cuts, axis=0)),
        [
            [(gathered[relation.outer][a], gathered[relation.inner][a]) for relation in operand.relations]
            for a in levels
        ],
        list(total_irrelevant // np.take_along_axis(irrelevant_below, cuts, axis=0)),
        irrelevant_run,
        relevant_run,
        total_irrelevant // np.take_along_axis(irrelevant_below, irrelevant_start[-1:], axis=0)[0],
    )


def _running(factors: Array) -> Array:
    """Return the products of the first 0, 1, 2, ... rows."""
    result = np.empty((len(factors) + 1, factors.shape[1]), dtype=np.int64)
    result[0] = 1
    np.cumprod(factors, axis=0, out=result[1:])
    return result


def _covers(setting: Setting, batch: MappingBatch) -> Any:
    valid: Any = True
    for position, dim in enumerate(setting.layer.sizes):
        run = np.where(batch.dims == position, batch.sizes, 1).prod(axis=0)
        valid = valid & (run == setting.temporal_sizes[dim])
    for operand in setting.operands:
        ends = batch.ends[operand.name]
        valid = valid & (np.diff(ends, axis=0) >= 0).all(axis=0)
        above = np.arange(len(batch.sizes))[:, None] >= ends[-1]
        valid = valid & (np.where(above, batch.sizes, 1) == 1).all(axis=0)
    return valid


def _best_buffering(
    evaluator: Evaluator, traffic: Traffic, bits: Sequence[Sequence[Any]], forced: Flags
) -> tuple[Flags, Cycles]:
    """Return the best buffering of every mapping: the array form of `buffering_choices` and its evaluation.

    Every combination of one set of copies per memory is tried on the mappings for which all its sets are useful,
    fit, and leave no room for a larger one; mostly that is one combination per mapping.
    """
    setting, model = evaluator.setting, evaluator.model
    length = len(traffic.run)
    per_memory: list[list[tuple[frozenset[tuple[int, int]], Array]]] = []
    for tenancy in setting.tenancies:
        sets = _memory_choices(setting, traffic, bits, forced, tenancy.memory.size, tenancy.tenants, length)
        if sets:
            per_memory.append(sets)
    best = _Best(length, [operand.depth for operand in setting.operands])
    for combination in product(*per_memory):
        mask = np.ones(length, dtype=bool)
        for _, useful in combination:
            mask &= useful
        rows = np.flatnonzero(mask)
        if not len(rows):
            continue
        part = traffic if len(rows) == length else _take(traffic, rows)
        doubled = {tenant for tenants, _ in combination for tenant in tenants}
        flags = tuple(
            tuple(
                _rows(forced[index][level], rows) | ((index, level) in doubled)
                for level in range(operand.depth)
            )
            for index, operand in enumerate(setting.operands)
        )
        best.improve(rows, compute_cycles(model, part, flags, NUMPY), flags)
    return best.result()


class _Best:
    """The best latency of every mapping so far, with its components and the buffering behind it."""

    def __init__(self, length: int, depths: Sequence[int]) -> None:
        self.figures: list[Array] | None = None
        self.length = length
        self.flags = [[np.zeros(length, dtype=bool) for _ in range(depth)] for depth in depths]

    def improve(self, rows: Array, cycles: Cycles, flags: Flags) -> None:
        """Take over the mappings in `rows` whose total is lower than before."""
        new = [
            _full(value, len(rows))
            for value in (cycles.total, cycles.stall, cycles.loading.loading, cycles.loading.unloading)
        ]
        if self.figures is None:
            # -1 stands for a mapping that was not scored yet
            self.figures = [np.full(self.length, -1, dtype=value.dtype) for value in new]
        known = self.figures[0][rows]
        better = (known < 0) | (new[0] < known)
        taken = rows[better]
        for figure, value in zip(self.figures, new, strict=True):
            figure[taken] = value[better]
        for row, new_row in zip(self.flags, flags, strict=True):
            for flag, value in zip(row, new_row, strict=True):
                flag[taken] = _full(value, len(rows), bool)[better]

    def result(self) -> tuple[Flags, Cycles]:
        """Return the buffering and the latency of all mappings."""
        if self.figures is None:
            self.figures = [np.zeros(self.length, dtype=np.int64) for _ in range(4)]
        total, stall, loading, unloading = self.figures
        nothing = Activities([], [], [], [], [])
        return (
            tuple(tuple(row) for row in self.flags),
            Cycles(nothing, stall, Loading(loading, unloading, {}, {}), {}, total),
        )


def _rows(value: Any, rows: Array) -> Any:
    """Return the entries of an array, or of arrays inside lists and tuples, that belong to some mappings."""
    if isinstance(value, list):
        return [_rows(entry, rows) for entry in value]
    if isinstance(value, OperandState | Transfers):
        return type(value)(*(_rows(entry, rows) for entry in value))
    if isinstance(value, tuple):
        return tuple(_rows(entry, rows) for entry in value)
    return value[rows] if isinstance(value, np.ndarray) else value


def _take(traffic: Traffic, rows: Array) -> Traffic:
    """Return the traffic of some of the mappings, without what only the energy needs."""
    moved = [_rows(moves, rows) for moves in traffic.latency_moves]
    return Traffic(
        [_rows(state, rows) for state in traffic.states],
        moved,
        moved,
        [],
        _rows(traffic.counts, rows),
        _rows(traffic.cycles, rows),
        _rows(traffic.run, rows),
    )


def _memory_choices(
    setting: Setting,
    traffic: Traffic,
    bits: Sequence[Sequence[Any]],
    forced: Flags,
    size: int,
    tenants: Sequence[tuple[int, int]],
    length: int,
) -> list[tuple[frozenset[tuple[int, int]], Array]]:
    """Return sets of copies of one memory with the mappings for which each is among the largest that fit."""
    free: Any = size
    wanted = {}
    for operand, level in tenants:
        free = free - bits[operand][level] * (1 + forced[operand][level])
        if level == setting.operands[operand].depth - 1:
            continue
        state = traffic.states[operand]
        useful = (state.irrelevant_run[level + 1] > 1) & (state.counts[level + 1] > 1)
        useful = useful & np.logical_not(forced[operand][level])
        if useful.any():
            wanted[operand, level] = useful
    if not wanted:
        return []
    free = np.maximum(free, 0)
    names = list(wanted)
    result = []
    # from large to small in the order of the scalar evaluator
    for mask in range(2 ** len(names) - 1, -1, -1):
        chosen = [tenant for position, tenant in enumerate(names) if mask >> position & 1]
        need: Any = 0
        allowed = np.ones(length, dtype=bool)
        for operand, level in chosen:
            need = need + bits[operand][level]
            allowed = allowed & wanted[operand, level]
        fits = allowed & (need <= free)
        for operand, level in names:
            if (operand, level) not in chosen:
                room = wanted[operand, level] & (need + bits[operand][level] <= free)
                fits = fits & ~room
        if fits.any():
            result.append((frozenset(chosen), fits))
    return result


def _needs_big_integers(setting: Setting) -> bool:
    """Return whether some product of the formulas may exceed 64 bits."""
    run = setting.cycles_per_op
    for size in setting.temporal_sizes.values():
        run *= size
    largest = max(
        operand.elements * max(operand.precision, operand.final_precision, 1) * max(operand.latency.units)
        for operand in setting.operands
    )
    return run * max(largest, 1) * 4 >= 2**62


def _as_objects(state: OperandState) -> OperandState:
    """Return the state with Python integers as elements."""

    def convert(value: Any) -> Any:
        if isinstance(value, list):
            return [convert(entry) for entry in value]
        if isinstance(value, tuple):
            return tuple(convert(entry) for entry in value)
        return value.astype(object)

    return OperandState(*(convert(value) for value in state))


def _energy_units(evaluator: Evaluator, traffic: Traffic) -> Array:
    """Return exact energies, with Python integers where 64 bits may not do."""
    model = evaluator.model
    length = len(traffic.run)
    estimate = float(model.mac_energy)
    for move, words, count, energy in zip(
        model.moves, traffic.words, traffic.counts, model.word_energies, strict=True
    ):
        if length:
            largest = float(np.max(np.asarray(words, dtype=float) * np.asarray(count, dtype=float)))
            estimate += largest * move.units * energy
    if estimate < 2**62:
        return _full(energy_units(model, traffic), length)
    big = Traffic(
        traffic.states,
        traffic.energy_moves,
        traffic.latency_moves,
        [_full(words, length).astype(object) for words in traffic.words],
        [_full(count, length).astype(object) for count in traffic.counts],
        traffic.cycles,
        traffic.run,
    )
    return _full(energy_units(model, big), length, object)


def _one_by_one(evaluator: Evaluator, batch: MappingBatch) -> BatchEvaluation:
    """Score the mappings one by one: fractions of lanes are rounded in an order that arrays do not keep."""
    setting = evaluator.setting
    found = [
        evaluator.evaluate(batch.mapping(number, setting.layer, setting.spatial), allow_invalid=True)
        for number in range(len(batch))
    ]
    return BatchEvaluation(
        energy=np.array([entry.energy.total for entry in found]),
        energy_units=None,
        scale=evaluator.model.scale,
        latency=np.array([entry.latency.total for entry in found]),
        temporal_stall=np.array([entry.latency.temporal_stall for entry in found]),
        data_loading=np.array([entry.latency.data_loading for entry in found]),
        data_unloading=np.array([entry.latency.data_unloading for entry in found]),
        valid=np.array([entry.valid for entry in found], dtype=bool),
        double_buffered={
            operand.name: np.array([entry.double_buffered[operand.name] for entry in found], dtype=bool)
            .reshape(len(found), operand.depth - 1)
            .T
            for operand in setting.operands
        },
    )


def _full(value: Any, length: int, dtype: Any = None) -> Array:
    array = np.asarray(value) if dtype is None else np.asarray(value, dtype=dtype)
    return np.broadcast_to(array, (length,)).copy() if array.ndim == 0 else array


def _concatenate(parts: Sequence[BatchEvaluation]) -> BatchEvaluation:
    if len(parts) == 1:
        return parts[0]

    def join(name: str) -> Array:
        return np.concatenate([getattr(part, name) for part in parts])

    first = parts[0]
    return BatchEvaluation(
        energy=join("energy"),
        energy_units=None if first.energy_units is None else join("energy_units"),
        scale=first.scale,
        latency=join("latency"),
        temporal_stall=join("temporal_stall"),
        data_loading=join("data_loading"),
        data_unloading=join("data_unloading"),
        valid=join("valid"),
        double_buffered={
            operand: np.concatenate([part.double_buffered[operand] for part in parts], axis=1)
            for operand in first.double_buffered
        },
    )
