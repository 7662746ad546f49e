"""The lanes and iterations of many unrollings at once, in arrays over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from zzcp.cost.setting.setting import IRRELEVANT
from zzcp.solver.lattice.keys import Array
from zzcp.solver.unrolling.common import Common


class Lanes:
    """Some unrollings: which lanes of which dimensions lie where, and what is left to iterate.

    Parameters
    ----------
    common : Common
        Layer, accelerator and all unrollings.
    block : ndarray of int, shape (unrollings, groups)
        Which unrollings.
    """

    def __init__(self, common: Common, block: Array) -> None:
        self.common, self.setting = common, common.setting
        choices = common.choices
        self.dims = choices.dims
        # columns lie together in memory: nearly all that is computed is a product of some of them
        self.iterations = np.asfortranarray(choices.iterations(block))
        self.lanes = [np.asfortranarray(lanes) for lanes in choices.lanes(block)]
        totals = np.ones_like(self.iterations)
        for lanes in self.lanes:
            totals *= lanes
        self.scale = np.asfortranarray(choices.sizes / (self.iterations * totals))
        self._kept: dict[Any, Array] = {}
        self.total = self.iterations.prod(axis=1).astype(float)
        self.count = len(block)
        self.exact = not self.setting.conventions.fractional_unrolling
        self.reuse = [
            self.iterations[:, self.irrelevant(number)].prod(axis=1).astype(float)
            for number in range(len(self.setting.operands))
        ]

    def product(self, groups: Iterable[int], dims: Sequence[int]) -> Array:
        """Return the lanes of some dimensions on some groups, of which those that have work count on average."""
        result = np.ones(self.count)
        for dim in dims:
            lanes = self.whole(groups, self.dims[dim])
            result *= np.where(lanes > 1, lanes * self.scale[:, dim], 1.0)
        return result

    def whole(self, groups: Iterable[int], dim: str) -> Array:
        """Return the lanes of a dimension on some groups."""
        return self.keep(("lanes", dim, *groups), lambda: self._whole(groups, self.dims.index(dim)))

    def _whole(self, groups: Iterable[int], position: int) -> Array:
        lanes = np.ones(self.count, dtype=np.int64)
        for group in groups:
            lanes = lanes * self.lanes[group][:, position]
        return lanes

    def keep(self, name: Any, compute: Callable[[], Array]) -> Array:
        """Return what is computed once."""
        found = self._kept.get(name)
        if found is None:
            found = self._kept[name] = compute()
        return found

    def below(self, number: int, level: int) -> list[int]:
        """Return the groups of array dimensions beneath a level of an operand."""
        return [group for groups in self.common.linked[number][:level] for group in groups]

    def above(self, number: int, link: int) -> list[int]:
        """Return the groups of array dimensions at a link of an operand and above it."""
        return [group for groups in self.common.linked[number][link:] for group in groups]

    def irrelevant(self, number: int) -> list[int]:
        """Return the positions of the dimensions that are irrelevant to an operand."""
        kind = self.setting.operands[number].kind
        return [position for position, dim in enumerate(self.dims) if kind[dim] == IRRELEVANT]
