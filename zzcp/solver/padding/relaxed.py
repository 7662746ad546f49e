"""Lower bounds of many padded sizes at once: tile sizes that need not divide one another.

The tile sizes of all padded sizes of a dimension together, from 1 to its iterations, are ordered by their size. A chain
of boundaries of any of the padded sizes is one in this order, and costs the same there, so that the relaxation over the
lattice of these tile sizes bounds all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import Goal
from zzcp.cost.setting.lookups import divisors_of
from zzcp.solver.lattice.keys import Key, keys_of
from zzcp.solver.padding.choices import Paddings
from zzcp.solver.unrolling.root import bound_of_keys, root_bound

_MOST_CELLS, _MOST_ENTRIES = 8_000_000, 500_000
"""Largest tables that are made for a bound."""

Sizes = Mapping[str, tuple[int, ...]]
"""Per dimension some padded sizes."""


def tile_sizes_of(iterations: int, padded: tuple[int, ...]) -> tuple[int, ...]:
    """Return the tile sizes of some padded sizes of a dimension, smallest first, the iterations last."""
    found = {size for product in padded for size in divisors_of(product) if size < iterations}
    return (*sorted(found), iterations)


class Relaxed:
    """Bounds of sets of padded sizes of one unrolling.

    Parameters
    ----------
    evaluator : Evaluator
        The setting with loops that divide.
    sizes : mapping of str to tuple of int
        All padded sizes of every dimension, its iterations first.
    """

    def __init__(self, evaluator: Evaluator, sizes: Sizes) -> None:
        self.evaluator, self.sizes = evaluator, sizes
        self._open: dict[frozenset[str], Evaluator] = {}

    @property
    def idle(self) -> frozenset[str]:
        """The dimensions whose unrolling leaves lanes idle.

        Where their loops divide, the lanes share out the last iteration differently, so that those mappings are bounded
        by themselves.
        """
        setting = self.evaluator.setting
        totals = {dim: setting.spatial.total(dim) for dim in setting.iterations}
        return frozenset(
            dim for dim, size in setting.layer.sizes.items() if size != setting.iterations[dim] * totals[dim]
        )

    def bound(self, sizes: Sizes, goal: Goal, value: float, known: float) -> float:
        """Return a lower bound of all mappings with some padded sizes.

        Parameters
        ----------
        sizes : mapping of str to tuple of int
            The padded sizes: of dimensions with idle lanes the iterations alone, or without them.
        goal, value, known
            As for `zzcp.solver.unrolling.root.root_bound`.
        """
        iterations = self.evaluator.setting.iterations
        cut = {
            dim: tile_sizes_of(iterations[dim], some)
            for dim, some in sizes.items()
            if some[-1] > iterations[dim]
        }
        keys = (
            *keys_of({dim: size for dim, size in iterations.items() if dim not in cut}),
            *(Key(dim, 0, len(some) - 1, some) for dim, some in cut.items()),
        )
        depths = [operand.depth + 1 for operand in self.evaluator.setting.operands]
        states = math.prod(key.multiplicity + 1 for key in keys)
        if not keys or states > _MOST_ENTRIES or states * math.prod(depths) > _MOST_CELLS:
            return known
        return max(known, bound_of_keys(self._evaluator(frozenset(cut)).model, keys, goal, value))

    def bound_of_all(self, goal: Goal, value: float, known: float) -> float:
        """Return a lower bound of all mappings, with loops that divide or not; parameters as for `bound`."""
        least = root_bound(self.evaluator, goal, value, known)
        for sizes in Paddings(self.sizes).split(self.idle):
            if least <= known:
                break
            least = min(least, self.bound(sizes, goal, value, known))
        return least

    def _evaluator(self, dims: frozenset[str]) -> Evaluator:
        if dims not in self._open:
            setting = self.evaluator.setting
            every = {
                dim: tile_sizes_of(setting.iterations[dim], self.sizes[dim]) for dim in setting.iterations
            }
            fixed = setting.accelerator, setting.layer, setting.spatial, setting.conventions, setting.links
            self._open[dims] = Evaluator(*fixed, {dim: some for dim, some in every.items() if dim in dims})
        return self._open[dims]
