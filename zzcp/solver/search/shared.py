"""What all searches of one layer under one unrolling share, whatever they minimise: made once, where it is needed."""

from __future__ import annotations

from functools import cached_property

from zzcp.cost.evaluator import Evaluator
from zzcp.solver.cpsat.target import run_of
from zzcp.solver.lattice.factors import packs
from zzcp.solver.lattice.keys import Key, keys_of
from zzcp.solver.lattice.lattice import cells
from zzcp.solver.lattice.tables import CostTables, boundary_tables, has_headroom, largest_table
from zzcp.solver.ranges.ground import Ground

_MOST_ENTRIES = 4_000_000
"""Largest cost table that is built; beyond it the model would not fit into memory."""
_MOST_RUN = 2**40
"""Longest run that is modelled, in cycles: stalls and loads must not reach the limit of the model's latencies."""
_MOST_CELLS = 40_000_000
"""Largest table of the dynamic program over the lattice."""


class Shared:
    """Tables and lattices of a layer.

    Parameters
    ----------
    evaluator : Evaluator
        Layer, machine and unrolling.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.keys: tuple[Key, ...] = keys_of(evaluator.setting.temporal_sizes)

    @cached_property
    def entries(self) -> int:
        """How many entries the largest cost table has, before states that do not fit are dropped."""
        return largest_table(self.evaluator.model, self.keys)

    @cached_property
    def has_tables(self) -> bool:
        """Whether the tables are not too large, and neither are their figures."""
        model = self.evaluator.model
        return run_of(model) <= _MOST_RUN and self.entries <= _MOST_ENTRIES and has_headroom(model)

    @property
    def has_lattice(self) -> bool:
        """Whether the tables of the dynamic program are not too large."""
        shape = tuple(key.multiplicity + 1 for key in self.keys)
        depths = [operand.depth for operand in self.evaluator.setting.operands]
        return bool(self.keys) and packs(shape) and cells(self.keys, depths) <= _MOST_CELLS

    @cached_property
    def tables(self) -> CostTables:
        """The cost tables, per operand and link."""
        return boundary_tables(self.evaluator.model, self.keys)

    @cached_property
    def ground(self) -> Ground:
        """What the searches by ranges share."""
        return Ground.of(self.evaluator.model, self.keys, self.tables)
