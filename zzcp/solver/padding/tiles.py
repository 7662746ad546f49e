"""The search over all tile sizes of one unrolling at once, by ranges of energy over groups of tile sizes.

The boundaries of a mapping whose loops need not divide are a chain in the lattice of the groups of every dimension, and
cost there no more than they do (`grouped`). So the search by ranges finds all chains of groups that may hold something
better, and each is completed: all tile sizes of its groups that divide one another, in all orders that matter, are
scored. Groups of chains with too many of them are halved, and searched again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

import numpy as np

from zzcp.cost.batch import MappingBatch, score_batch
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.formulas.core import Model
from zzcp.cost.objective import Goal, objective_values
from zzcp.cost.setting.remainders import Padded
from zzcp.cost.setting.setting import IRRELEVANT
from zzcp.mapping import Mapping as LayerMapping
from zzcp.solver.clock import Clock, look
from zzcp.solver.cpsat.model import certain
from zzcp.solver.lattice.factors import packs
from zzcp.solver.lattice.keys import Key, Place, Vector, keys_of
from zzcp.solver.lattice.tables import MOST_FIGURE, has_headroom
from zzcp.solver.padding.completions import Tiling, joined
from zzcp.solver.padding.grouped import grouped_tables
from zzcp.solver.padding.groups import Groups, groups_of, growing, refined
from zzcp.solver.ranges.goals import curve_of
from zzcp.solver.ranges.ground import Ground
from zzcp.solver.ranges.ranges import RangeSearch, Steps

_FLOAT_ERROR = Fraction(1, 2**30)
"""More than the relative error of the bounds of the search by ranges."""
_MOST_CELLS, _MOST_STATES = 40_000_000, 1_000_000
"""Entries of the largest table of the dynamic program, and of a cost table."""
_MOST_TILES = 4_000_000
"""Tiles of one operand, whatever their sizes, of which there may be a table."""
_LABELS = 1_000_000
"""Labels of an enumeration."""
_GLANCE, _MOST = 256, 4096
"""Mappings of a chain that are scored where it is the cheapest of a relaxation only, and where it must be settled."""
_CHAINS = 20_000
"""Chains of groups of several tile sizes that are completed before these groups are taken apart."""
_BETTER = Fraction(49, 50)
"""An incumbent that comes to less of the one before is worth to begin anew."""
_ORDER = 5000
"""Steps that a mapping counts as."""


def applies(evaluator: Evaluator) -> bool:
    """Return whether all tile sizes of an unrolling can be searched at once: no outputs are shared by windows."""
    setting = evaluator.setting
    sizes = setting.iterations
    tiles: list[int] = [
        prod(size for dim, size in sizes.items() if operand.kind[dim] != IRRELEVANT)
        for operand in setting.operands
    ]
    return (
        not any(operand.revisited for operand in setting.operands)
        and max(tiles) <= _MOST_TILES
        and has_headroom(evaluator.model)
        and setting.run_cycles << len(sizes) < MOST_FIGURE
    )


@dataclass(slots=True, eq=False)
class TileSearch:
    """The search over all tile sizes of some dimensions.

    Parameters
    ----------
    evaluator : Evaluator
        The setting with loops that divide.
    dims : frozenset of str
        The dimensions whose loops need not divide.
    never_divide : frozenset of str
        Those of them of which loops that divide do not count.
    objective : str or WeightedSum
        What is minimised.
    wanted : callable
        Returns what is to be beaten: what is not below it need not be found.
    offer : callable
        Takes a mapping that may be better.
    clock : Clock
        When to stop.
    bound : Fraction
        No mapping is below it.
    """

    evaluator: Evaluator
    dims: frozenset[str]
    never_divide: frozenset[str]
    objective: Goal
    wanted: Callable[[], Fraction]
    offer: Callable[[LayerMapping], None]
    clock: Clock
    bound: Fraction = Fraction(0)
    _wide: dict[str, set[int]] = field(default_factory=dict)
    _seen: int = 0
    _most: int = _CHAINS
    _others: tuple[Key, ...] = ()
    _every: Evaluator = field(init=False)
    _tiling: Tiling = field(init=False)

    def __post_init__(self) -> None:
        sizes = self.evaluator.setting.iterations
        self._every = self._with({dim: tuple(range(1, sizes[dim] + 1)) for dim in self.dims})

    def run(self) -> None:
        """Search until nothing that is wanted is left, the clock ends, or no more can be proven."""
        sizes = self.evaluator.setting.iterations
        # in the order of the layer, not of the set
        dims = [dim for dim in sizes if dim in self.dims]
        groups: Groups = growing(self._every.model, {dim: groups_of(sizes[dim]) for dim in dims})
        while self.bound < self.wanted() and self.clock.goes_on:
            others = keys_of({dim: size for dim, size in sizes.items() if dim not in groups and size > 1})
            model = self._with(
                {dim: tuple(group.low for group in some) for dim, some in groups.items()}
            ).model
            if not self._fits(model, others, groups):
                break
            self._others = others
            keys, tables = grouped_tables(model, others, groups)
            self._tiling = Tiling(self._every.setting, keys, groups, self.never_divide)
            if not all(len(table.data) for row in tables for table in row):
                # not even single elements fit
                self.bound = self.wanted()
                break
            self._search(Ground.of(model, keys, tables), tables.scale)
            if not any(self._wide.values()):
                break
            groups = refined(groups, self._wide)

    def _with(self, padded: Mapping[str, Padded]) -> Evaluator:
        setting = self.evaluator.setting
        fixed = setting.accelerator, setting.layer, setting.spatial, setting.conventions, setting.links
        return Evaluator(*fixed, padded)

    @staticmethod
    def _fits(model: Model, others: tuple[Key, ...], groups: Groups) -> bool:
        """Return whether the tables of some groups are not too large."""
        shape = (*(key.multiplicity + 1 for key in others), *map(len, groups.values()))
        counts = prod(operand.depth + 1 for operand in model.setting.operands)
        return packs(shape) and prod(shape) <= _MOST_STATES and prod(shape) * counts <= _MOST_CELLS

    def _search(self, ground: Ground, scale: Fraction) -> None:
        """Search all chains of some groups by ranges of energy; anew where the incumbent has become much better."""
        goal, scale = curve_of(self.objective, scale)
        share = certain(self.evaluator.model) * (1 - _FLOAT_ERROR)
        enough = Fraction(0)

        def tell(bound: float) -> None:
            wanted = self.wanted()
            known = min(wanted, Fraction(bound) / scale * share) if np.isfinite(bound) else wanted
            self.bound = max(self.bound, known)

        def goes_on() -> bool:
            return self.clock.goes_on and self._seen <= self._most and self.wanted() > enough

        steps = Steps(
            value=lambda: float(self.wanted() * scale),
            complete=self._complete,
            glance=self._glance,
            improve=lambda: None,
            tell=tell,
            goes_on=goes_on,
            closed=lambda: False,
            tolerance=0.0,
            labels=_LABELS,
            briefly=False,
        )
        self._wide, self._seen, self._most = {dim: set() for dim in self.dims}, 0, _CHAINS
        while self.clock.goes_on and self._seen <= self._most:
            # ranges and chords are those of the incumbent at the start
            enough = self.wanted() * _BETTER
            RangeSearch(ground, goal, steps).run()
            if self.wanted() > enough:
                break

    def _glance(self, chain: Mapping[Place, Vector]) -> None:
        """Offer the best of some mappings of a chain."""
        self._score(self._tiling.batches(chain, _GLANCE)[0])

    def _complete(self, chains: Sequence[Mapping[Place, Vector]]) -> list[bool]:
        """Score the mappings of some chains; return for each whether there are no others."""
        waiting, exhaustive = [], []
        for chain in chains:
            batches, complete = self._tiling.batches(chain, _MOST)
            waiting += batches
            exhaustive.append(complete)
            wide = self._tiling.wide(chain)
            self._seen += any(wide.values())
            if not complete or self._seen > _CHAINS // 2:
                for dim, used in wide.items():
                    self._wide[dim] |= used
        self._score(waiting)
        if self._seen > self._most and not self._fits(
            self.evaluator.model, self._others, refined(self._tiling.groups, self._wide)
        ):
            # smaller groups would be too many
            self._most = sys.maxsize
        return exhaustive

    def _score(self, batches: Sequence[MappingBatch]) -> None:
        """Offer the best of some mappings."""
        if not batches:
            return
        batch = joined(batches)
        look(_ORDER * len(batch))
        found = score_batch(self._every, batch)
        values = objective_values(found.energy, found.latency.astype(float), self.objective)
        values = np.where(found.valid, values, np.inf)
        winner = int(np.argmin(values))
        if values[winner] < float(self.wanted()):
            setting = self._every.setting
            self.offer(batch.mapping(winner, setting.layer, setting.spatial))
