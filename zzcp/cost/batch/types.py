"""Many mappings of one layer as arrays, and their costs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zzcp.cost.execution.array_states import Array
from zzcp.errors import InputError
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.workload import Layer


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
        """Collect mappings; their unrolling, links and buffering are not part of the batch.

        Raises
        ------
        InputError
            If the mappings do not have the same operands and levels, or loops over a dimension that the layer lacks.
        MappingError
            If the operands of a mapping disagree on the loop order.
        """
        index = {dim: position for position, dim in enumerate(layer.sizes)}
        shapes = {
            tuple(sorted((operand, len(levels)) for operand, levels in mapping.temporal.items()))
            for mapping in mappings
        }
        if len(shapes) > 1:
            raise InputError(
                "the mappings of a batch need the same operands and levels",
                found=" and ".join(
                    ", ".join(f"{operand}: {depth} levels" for operand, depth in shape)
                    for shape in sorted(shapes)
                ),
            )
        orders = [mapping.order for mapping in mappings]
        unknown = {dim for order in orders for dim, _ in order} - set(index)
        if unknown:
            raise InputError(
                f"a mapping has loops over dimensions that layer {layer.name} lacks",
                expected=", ".join(index),
                found=", ".join(sorted(unknown)),
            )
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
            (names[dim], size)
            for dim, size in zip(self.dims[:, number].tolist(), self.sizes[:, number].tolist(), strict=True)
        ]
        kept = [position for position, (_, size) in enumerate(loops) if size > 1]
        allocation = {
            operand: [bisect_left(kept, end) for end in ends[:, number].tolist()]
            for operand, ends in self.ends.items()
        }
        return LayerMapping.from_order(spatial, [loops[position] for position in kept], allocation)

    def part(self, start: int, length: int) -> MappingBatch:
        """Return some mappings that follow each other."""
        columns = slice(start, start + length)
        return MappingBatch(
            self.dims[:, columns],
            self.sizes[:, columns],
            {operand: ends[:, columns] for operand, ends in self.ends.items()},
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
