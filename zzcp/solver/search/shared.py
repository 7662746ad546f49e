"""What all searches of one layer under one unrolling share, whatever they minimise: made once, where it is needed."""

from __future__ import annotations

from functools import cached_property

from zzcp.cost.evaluator import Evaluator
from zzcp.solver.lattice.keys import Key, keys_of
from zzcp.solver.lattice.tables import CostTables, boundary_tables
from zzcp.solver.ranges.ground import Ground


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
    def tables(self) -> CostTables:
        """The cost tables, per operand and link."""
        return boundary_tables(self.evaluator.model, self.keys)

    @cached_property
    def ground(self) -> Ground:
        """What the searches by ranges share."""
        return Ground.of(self.evaluator.model, self.keys, self.tables)
