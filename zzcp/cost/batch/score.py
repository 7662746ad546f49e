"""Scores parts of a batch: all of equal length, in the same memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from zzcp.cost.batch.buffering import best_buffering
from zzcp.cost.batch.energy import exact_energy, with_leakage
from zzcp.cost.batch.tiles import fractional_tile_arrays
from zzcp.cost.batch.types import BatchEvaluation, MappingBatch
from zzcp.cost.evaluation import Evaluation
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.execution.array_states import Array, LoopTables, state_arrays
from zzcp.cost.execution.codegen_arrays import EXACT_BELOW
from zzcp.cost.execution.compiled import CompiledArrays
from zzcp.cost.execution.plain_arrays import PlainArrays
from zzcp.cost.formulas.capacity import Flags
from zzcp.cost.formulas.core import LatencyFigures
from zzcp.cost.formulas.macs import zigzag_mac_energy
from zzcp.cost.setting.state import OperandState


class BatchScorer:
    """Scores batches of one length.

    Parameters
    ----------
    evaluator : Evaluator
        The setting.
    compiled : CompiledArrays or PlainArrays
        Its formulas.
    depth, length : int
        Loops of every mapping, and mappings.
    """

    def __init__(
        self, evaluator: Evaluator, compiled: CompiledArrays | PlainArrays, depth: int, length: int
    ) -> None:
        self.evaluator, self.compiled, self.length = evaluator, compiled, length
        setting = evaluator.setting
        self._tables = LoopTables(setting.temporal_sizes, depth, length, at_least=setting.of_any_product)
        self._figures_space = compiled.figures.workspace(length)
        self._latency_space = compiled.latency.workspace(length)
        self._largest = np.zeros(length)

    def score(self, batch: MappingBatch) -> BatchEvaluation:
        """Return the costs of a batch."""
        self._largest[:] = 0
        with np.errstate(all="ignore"):  # what is not regular may be anything, and is scored again
            result = self._score(batch)
            again = np.flatnonzero(~self._regular(batch) | (self._largest >= EXACT_BELOW))
        return one_by_one(self.evaluator, batch, again, result) if len(again) else result

    def _regular(self, batch: MappingBatch) -> Array:
        """Return which mappings cover the layer, within boundaries that never decrease."""
        result = self._tables.covers()
        above = np.arange(len(batch.sizes))[:, None]
        for operand in self.evaluator.setting.operands:
            ends = batch.ends[operand.name]
            for lower, upper in pairwise(ends):
                result &= lower <= upper
            if (ends[-1] != len(batch.sizes)).any():
                result &= ((above < ends[-1]) | (batch.sizes == 1)).all(axis=0)
        return result

    def _score(self, batch: MappingBatch) -> BatchEvaluation:
        setting, model = self.evaluator.setting, self.evaluator.model
        conventions, tables = setting.conventions, self._tables
        tables.load(batch.dims, batch.sizes)
        states, tiles = [], []
        for operand in setting.operands:
            ends = batch.ends[operand.name]
            states.append(
                state_arrays(
                    operand,
                    tables,
                    ends,
                    same_data_free=conventions.same_data_free,
                    relevant_runs=conventions.greedy_buffering,
                )
            )
            variant = operand.energy
            tiles.append(None if variant.integral else fractional_tile_arrays(operand, variant, tables, ends))
        (energy, bits, forced, fits, greedy, kept), largest = self.compiled.figures.call(
            (states, tiles), self._figures_space
        )
        np.maximum(self._largest, largest, out=self._largest)
        flags, cycles = self._buffering(states, bits, forced, greedy, kept)
        units: Array | None = None
        if conventions.fractional_unrolling:
            energy = energy + zigzag_mac_energy(setting)
        else:
            units, energy = exact_energy(model, energy[0], energy[1], self.length)
        whole = float if conventions.combined_loading else np.int64
        total = self._full(cycles.total, whole)
        if units is not None and model.leakage:
            units, energy = with_leakage(model, units, total)
        return BatchEvaluation(
            energy=self._full(energy, float),
            energy_units=units,
            scale=model.scale,
            latency=total,
            temporal_stall=self._full(cycles.stall, np.int64),
            data_loading=self._full(cycles.loading, whole),
            data_unloading=self._full(cycles.unloading, whole),
            valid=self._full(fits, bool),
            double_buffered={
                operand.name: np.stack(
                    [np.empty((0, self.length), dtype=bool)]
                    if operand.depth == 1
                    else [self._full(flag, bool) for flag in row[:-1]]
                ).reshape(-1, self.length)
                for operand, row in zip(setting.operands, flags, strict=True)
            },
        )

    def _buffering(
        self,
        states: Sequence[OperandState],
        bits: Sequence[Sequence[Any]],
        forced: Flags,
        greedy: Flags | None,
        kept: Sequence[Any],
    ) -> tuple[Flags, LatencyFigures]:
        def latency(flags: Flags, rows: Array | None) -> LatencyFigures:
            values, space = kept, self._latency_space
            if rows is not None:
                values, space = [value[rows] for value in kept], space.part(len(rows))
            figures, largest = self.compiled.latency.call((values, flags), space)
            part = slice(None) if rows is None else rows
            self._largest[part] = np.maximum(self._largest[part], largest)
            return LatencyFigures(*figures)

        if greedy is None:
            return best_buffering(self.evaluator.setting, states, bits, forced, latency, self.length)
        flags = tuple(tuple(self._full(flag, bool) for flag in row) for row in greedy)
        return flags, latency(flags, None)

    def _full(self, value: Any, dtype: type) -> Array:
        """Return a copy of an array of the workspace, or of a constant."""
        array: Array = np.empty(self.length, dtype=dtype)
        if np.asarray(value).dtype == object:
            # too large a constant, of all mappings: they are scored again
            self._largest[:] = value = EXACT_BELOW
        array[:] = value
        return array


def _array(values: Sequence[Any]) -> Array:
    """Return figures as an array, of Python's integers where 64 bits do not hold them all."""
    large = any(isinstance(value, int) and abs(value) >= 2**63 for value in values)
    return np.array(values, dtype=object if large else None if values else float)


def one_by_one(
    evaluator: Evaluator, batch: MappingBatch, rows: Array, result: BatchEvaluation | None
) -> BatchEvaluation:
    """Replace the costs of some mappings by those of the scalar evaluator, or of all where there are none yet."""
    setting = evaluator.setting
    found = [
        evaluator.evaluate(batch.mapping(number, setting.layer, setting.spatial), allow_invalid=True)
        for number in rows.tolist()
    ]
    scale = evaluator.model.scale
    exact = not setting.conventions.fractional_unrolling

    def merge(name: str, values: Sequence[Any]) -> Array:
        new = _array(values)
        if result is None:
            return new
        known: Array = getattr(result, name)
        if object in (new.dtype, known.dtype):
            known, new = known.astype(object), new.astype(object)
        known[rows] = new
        return known

    def units(entry: Evaluation) -> int:
        return entry.energy.exact.numerator * (scale // entry.energy.exact.denominator)

    def doubled(name: str, depth: int) -> Array:
        new = np.array([entry.double_buffered[name] for entry in found], dtype=bool)
        new = new.reshape(len(found), depth - 1).T
        if result is None:
            return new
        result.double_buffered[name][:, rows] = new
        return result.double_buffered[name]

    return BatchEvaluation(
        energy=merge("energy", [entry.energy.total for entry in found]),
        energy_units=merge("energy_units", [units(entry) for entry in found]) if exact else None,
        scale=scale,
        latency=merge("latency", [entry.latency.total for entry in found]),
        temporal_stall=merge("temporal_stall", [entry.latency.temporal_stall for entry in found]),
        data_loading=merge("data_loading", [entry.latency.data_loading for entry in found]),
        data_unloading=merge("data_unloading", [entry.latency.data_unloading for entry in found]),
        valid=merge("valid", [entry.valid for entry in found]),
        double_buffered={operand.name: doubled(operand.name, operand.depth) for operand in setting.operands},
    )
