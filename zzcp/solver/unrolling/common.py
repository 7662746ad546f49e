"""What all unrollings of a layer on an accelerator have in common, for bounds of many of them at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from zzcp.cost.conventions import CostConventions
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.setting.setting import RELEVANT, Bits, OperandSetting, Setting
from zzcp.hardware import Accelerator, Direction
from zzcp.mapping import SpatialMapping
from zzcp.solver.lattice.keys import Array
from zzcp.solver.unrolling.choices import Choices
from zzcp.workload import DimensionRelation, Layer

MARGIN = 1e-9
"""More than the relative error of the sums in floating point."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Data that passes through one memory of an operand: fills and drains, or partial sums on their way back.

    Parameters
    ----------
    link : int
        The link that it belongs to.
    upper : bool
        Whether the memory is the upper side of the link.
    back : bool
        Whether partial sums are read back.
    energy : float
        Per bit.
    access : float
        Energy of one access of full width.
    port : tuple of str
        Memory and port.
    width, word : int
        Of the port: bits per cycle, and those of the smallest access.
    shared : tuple of str
        Array dimensions along which the instances of the memory take turns at the port.
    bits : Bits
        Of an element, as the memory stores it.
    """

    link: int
    upper: bool
    back: bool
    energy: float
    access: float
    port: tuple[str, str]
    width: int
    word: int
    shared: tuple[str, ...]
    bits: Bits


@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """What all unrollings of a layer on an accelerator have in common.

    Parameters
    ----------
    setting : Setting
        The compiled layer and machine, without an unrolling.
    choices : Choices
        The unrollings.
    movements : list of list of Movement
        Of every operand.
    linked : list of list of list of int
        Per operand and link the groups of array dimensions there; the last are those above the top level.
    smallest_loop : ndarray of int
        For every number of iterations up to those of the largest dimension: the smallest loop of more than one.
    imperfect : bool
        Whether loops need not divide.
    """

    setting: Setting
    choices: Choices
    movements: list[list[Movement]]
    linked: list[list[list[int]]]
    smallest_loop: Array
    imperfect: bool = False

    @property
    def leakage(self) -> float:
        """Energy of a cycle."""
        return float(self.setting.leakage)

    @classmethod
    def of(
        cls,
        accelerator: Accelerator,
        layer: Layer,
        conventions: CostConventions,
        links: Mapping[str, str] | None,
        choices: Choices,
        *,
        imperfect: bool = False,
    ) -> Common:
        """Return it for a layer on an accelerator."""
        largest = max((layer.sizes[dim] for dim in choices.dims), default=1)
        setting = Evaluator(accelerator, layer, SpatialMapping(), conventions, links).setting
        return cls(
            setting,
            choices,
            [movements_of(operand, conventions) for operand in setting.operands],
            [groups_of_links(operand, choices) for operand in setting.operands],
            np.minimum(np.arange(largest + 1), 2) if imperfect else smallest_primes(largest),
            imperfect,
        )


def touched(layer: Layer, operand: OperandSetting) -> int:
    """Return the elements of an operand that the layer uses: of windows with holes, or of a stated size, not all."""
    used = math.prod(layer.sizes[dim] for dim, kind in operand.kind.items() if kind == RELEVANT)
    for relation, most in zip(operand.relations, operand.window_sizes, strict=True):
        outer, inner = (layer.sizes[dim] for dim in relation.loops)
        used *= max(0, min(relation.distinct(outer, inner), most, elements_inside(layer, relation)))
    return used


def movements_of(operand: OperandSetting, conventions: CostConventions) -> list[Movement]:
    """Return what moves through the memories of an operand."""
    found = []
    for level, (memory, ports) in enumerate(zip(operand.memories, operand.ports, strict=True)):
        for direction, port in ports.items():
            upwards = direction in (Direction.TO_ABOVE, Direction.FROM_BELOW)
            outside = level == operand.depth - 1 and direction in (Direction.FROM_ABOVE, Direction.TO_ABOVE)
            if outside or (upwards and not operand.is_output):
                continue
            below = direction in (Direction.TO_BELOW, Direction.FROM_BELOW)
            access = memory.write_energy if direction.is_write else memory.read_energy
            found.append(
                Movement(
                    link=level if below else level + 1,
                    upper=below,
                    back=operand.is_output and not upwards,
                    energy=access / port.bandwidth_max,
                    access=access,
                    port=(memory.name, port.name),
                    width=port.bandwidth_max,
                    word=port.bandwidth_min,
                    shared=port.shared_along if conventions.knows_more else (),
                    bits=operand.stored[level],
                )
            )
    return found


def groups_of_links(operand: OperandSetting, choices: Choices) -> list[list[int]]:
    """Return the groups of array dimensions at every link, the last those above the top level."""
    left = list(range(len(choices.groups)))
    result = []
    for memory in operand.memories:
        here = [number for number in left if choices.groups[number].members[0] in memory.served_dimensions]
        result.append(here)
        left = [number for number in left if number not in here]
    return [*result, left]


def smallest_primes(most: int) -> Array:
    """Return the smallest prime factor of every number up to a limit."""
    primes = np.arange(most + 1)
    for number in range(2, int(most**0.5) + 1):
        if primes[number] == number:
            multiples = primes[number * number :: number]
            np.minimum(multiples, number, out=multiples)
    return primes


@lru_cache(maxsize=64)
def elements_inside(layer: Layer, relation: DimensionRelation) -> int:
    """Return how many elements of a window its loops touch: neither padding nor beyond a size that is stated."""
    places, begin, end = _places(layer, relation)
    return len(np.unique(places[(places >= begin) & (places < end)]))


def elements_outside(layer: Layer, relation: DimensionRelation) -> int:
    """Return how many places of a window are no elements: padding, or beyond a size that is stated."""
    outer, inner = (layer.sizes[dim] for dim in relation.loops)
    return relation.distinct(outer, inner) - elements_inside(layer, relation)


@lru_cache(maxsize=64)
def pairs_outside(layer: Layer, relation: DimensionRelation) -> int:
    """Return how many pairs of an outer and an inner iteration lie outside of a window's elements."""
    places, begin, end = _places(layer, relation)
    return int(((places < begin) | (places >= end)).sum())


def _places(layer: Layer, relation: DimensionRelation) -> tuple[Array, int, int]:
    """Return the places of all pairs of an outer and an inner iteration, and where the elements begin and end."""
    before, after = layer.padding.get(relation.window, (0, 0))
    stated = layer.window_sizes.get(relation.window)
    outer, inner = (layer.sizes[dim] for dim in relation.loops)
    end = relation.span(outer, inner) - after
    if stated is not None:
        end = min(end, before + stated)
    return relation.stride * np.arange(outer)[:, None] + relation.dilation * np.arange(inner), before, end
