"""Many mappings at once: the formulas of `zzcp.cost.formulas.core` on arrays, bit-identical to the scalar evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zzcp.cost.batch.score import BatchScorer, one_by_one
from zzcp.cost.batch.types import BatchEvaluation, MappingBatch
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluate import cached_evaluator
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.execution.array_states import Array, LoopTables, state_arrays
from zzcp.cost.execution.codegen_arrays import TooLargeError
from zzcp.cost.execution.compiled import CompiledArrays
from zzcp.cost.execution.plain_arrays import PlainArrays
from zzcp.cost.setting.setting import OperandSetting, Setting
from zzcp.cost.setting.state import OperandState
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.workload import Layer

CHUNK = 4096
"""Mappings scored together at most: arrays of this length stay in the processor's cache."""


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
        The same numbers, to the bit, as `zzcp.evaluate` of every mapping. Invalid mappings are marked; those that do
        not cover the layer are scored one by one.

    Raises
    ------
    InputError
        If the arrays lack an operand or a level, or hold numbers that mean nothing.
    """
    if not isinstance(batch, MappingBatch):
        batch = MappingBatch.from_mappings(layer, batch)
    return score_batch(cached_evaluator(accelerator, layer, spatial, conventions, links), batch)


def score_batch(evaluator: Evaluator, batch: MappingBatch) -> BatchEvaluation:
    """Return the costs of many mappings by an evaluator that one has, as `evaluate_batch` does.

    Parameters
    ----------
    evaluator : Evaluator
        Of the setting.
    batch : MappingBatch
        The mappings.

    Raises
    ------
    InputError
        If the arrays lack an operand or a level, or hold numbers that mean nothing.
    """
    if not len(batch):
        return one_by_one(evaluator, batch, np.arange(0), None)
    _check(evaluator.setting, batch)
    formulas = evaluator.arrays_for(len(batch))
    if isinstance(formulas, PlainArrays):
        try:
            return _scored(evaluator, formulas, batch)
        except TooLargeError:
            # a constant on the way; compiling may find that it does not matter
            formulas = evaluator.arrays
    if formulas is None:
        return one_by_one(evaluator, batch, np.arange(len(batch)), None)
    return _scored(evaluator, formulas, batch)


def _scored(
    evaluator: Evaluator, formulas: CompiledArrays | PlainArrays, batch: MappingBatch
) -> BatchEvaluation:
    """Score a batch by formulas on arrays."""
    chunks = -(-len(batch) // CHUNK)
    length = -(-len(batch) // chunks)
    scorer = BatchScorer(evaluator, formulas, len(batch.dims), length)
    parts = []
    for number in range(chunks):
        # all chunks have one length: the last one starts within the one before
        start = min(number * length, len(batch) - length)
        parts.append((scorer.score(batch.part(start, length)), number * length - start))
    return _joined(parts)


def _check(setting: Setting, batch: MappingBatch) -> None:
    """Check that the numbers of a batch mean something."""
    depth = len(batch.dims)
    ranges: list[tuple[str, Array, int, int | None]] = [
        ("dims", batch.dims, 0, len(setting.layer.sizes) - 1),
        ("sizes", batch.sizes, 1, None),
    ]
    for operand in setting.operands:
        if operand.name not in batch.ends:
            raise InputError("the batch lacks the allocation of an operand", found=operand.name)
        ends = batch.ends[operand.name]
        if len(ends) != operand.depth:
            raise InputError(
                f"ends of operand {operand.name}",
                expected=f"{operand.depth} levels ({', '.join(memory.name for memory in operand.memories)})",
                found=str(len(ends)),
            )
        ranges.append((f"ends of operand {operand.name}", ends, 0, depth))
    for name, values, low, high in ranges:
        if values.dtype.kind not in "iu":
            raise InputError(f"{name} of a batch", expected="integers", found=str(values.dtype))
        if values.size and (values.min() < low or (high is not None and values.max() > high)):
            raise InputError(
                f"{name} of a batch out of range",
                expected=f"{low} or more" if high is None else f"{low} to {high}",
                found=f"{values.min()} to {values.max()}",
            )


def _joined(parts: Sequence[tuple[BatchEvaluation, int]]) -> BatchEvaluation:
    """Join evaluations, without the first entries that were scored before."""
    first = parts[0][0]
    if len(parts) == 1:
        return first

    def join(name: str) -> Array:
        return np.concatenate([getattr(part, name)[skipped:] for part, skipped in parts])

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
            operand: np.concatenate(
                [part.double_buffered[operand][:, skipped:] for part, skipped in parts], axis=1
            )
            for operand in first.double_buffered
        },
    )


def operand_states(operand: OperandSetting, batch: MappingBatch, setting: Setting) -> OperandState:
    """Return the state of every boundary of one operand for a batch, in integers."""
    tables = LoopTables(setting.temporal_sizes, len(batch.dims), len(batch), dtype=np.int64)
    tables.load(batch.dims, batch.sizes)
    same_data_free = setting.conventions.same_data_free
    return state_arrays(operand, tables, batch.ends[operand.name], same_data_free=same_data_free)
