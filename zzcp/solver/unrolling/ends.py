"""Cycles before the first operation and after the last one that no mapping of an unrolling avoids.

Before the first operation what the array uses at once passes every link of an input, one after the other, and after
the last one its results pass every link of the output (`zzcp.cost.formulas.loading`, rules 1 and 3); every memory that
is read adds its access latency. Both come on top of the run and its stalls, which are no shorter than what a port is
busy with transfers after the first ones.

So for an input q and the port p through which it leaves its outermost memory the latency is at least the sum of

- the cycles of p for all transfers of q and of results, and for those of all else but the first ones, and
- the cycles of the first pieces of q beneath p, and those of the last pieces of the results beneath p (the *ends*),

where of what passes p a single time the first piece counts alone: the rest of it may pass while the array works. If q
itself does so, the cycles of p alone are below the latency still, so that its transfer counts less the ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from zzcp.cost.formulas.overlap import keeps
from zzcp.cost.setting.setting import OperandSetting
from zzcp.solver.lattice.keys import Array
from zzcp.solver.unrolling.block import Block
from zzcp.solver.unrolling.common import MARGIN, Common, Movement

Port = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """The way of an input from the port through which it leaves its outermost memory.

    Parameters
    ----------
    number : int
        The operand.
    port : (str, str)
        Memory and port.
    """

    number: int
    port: Port

    @property
    def name(self) -> Port:
        """Name of the sum, in the place of a port's."""
        memory, port = self.port
        return memory, f"{port}, {self.number} first"


def _are_known(common: Common) -> bool:
    """Return whether first and last pieces are what every mapping has, which ZigZag counts otherwise."""
    conventions = common.setting.conventions
    return not (common.imperfect or conventions.combined_loading or conventions.fractional_unrolling)


def ways_of(common: Common) -> list[Way]:
    """Return the ways whose sums are below the latency."""
    setting = common.setting
    if not _are_known(common):
        return []
    found = []
    for number, operand in enumerate(setting.operands):
        top = operand.depth - 1
        if operand.is_output or not top or any(keeps(operand, link) for link in range(operand.depth)):
            continue
        found += [
            Way(number, movement.port)
            for movement in common.movements[number]
            if movement.upper and movement.link == top
        ]
    return found


def without_stalls(block: Block) -> Array:
    """Return the cycles of loading and unloading, shape (unrollings,)."""
    if not _are_known(block.common):
        return np.zeros(block.count)
    longest = np.zeros(block.count)
    for number, operand in enumerate(block.setting.operands):
        if not operand.is_output:
            longest = np.maximum(longest, loading(block, number))
    return longest + unloading(block, None)


def loading(block: Block, number: int) -> Array:
    """Return the cycles of the first pieces of an input, one after the other."""
    return sum(_pieces(block, number), np.zeros(block.count))


def before(block: Block, way: Way) -> Array:
    """Return the cycles of the first pieces of an input beneath its outermost memory, and of all accesses."""
    *beneath, top = _pieces(block, way.number)
    return np.asarray(
        sum(beneath, np.zeros(block.count)) + top - piece(block, way.number, len(beneath) + _first(block))
    )


def ends_of(block: Block, way: Way) -> Array:
    """Return the cycles of a way's sum beneath its port, shape (unrollings,)."""
    return before(block, way) + unloading(block, way.port)


def in_sum(block: Block, way: Way, number: int, movement: Movement, cycles: Array, visits: Array) -> Array:
    """Return the cycles of a movement at a way's port that count in its sum.

    Parameters
    ----------
    block, way
        The unrollings, and the way.
    number : int
        The operand that moves.
    movement : Movement
        The movement.
    cycles, visits : ndarray
        Its cycles, and how often it takes place, both at the least; the first axis is that of the unrollings.
    """
    if movement.back:
        return cycles
    again = visits > 1 + MARGIN
    if number != way.number and not block.setting.operands[number].is_output:
        return np.where(again, cycles * (1 - 1 / np.maximum(visits, 1.0)), 0.0)
    column = (-1, *[1] * (visits.ndim - 1))
    least = piece(block, number, movement.link).reshape(column)
    if number == way.number:
        # the port by itself is busy for all cycles, without what is beneath it
        least = np.maximum(least, cycles - ends_of(block, way).reshape(column))
    return np.where(again, cycles, least)


def unloading(block: Block, port: Port | None) -> Array:
    """Return the cycles of the last pieces of the results, but for those at a port."""
    result = np.zeros(block.count)
    for number, operand in enumerate(block.setting.operands):
        if not operand.is_output:
            continue
        for link, cycles in enumerate(_pieces(block, number), _first(block)):
            result = result + cycles
            if port is not None and any(movement.port == port for movement in _passing(block, number, link)):
                result = result - piece(block, number, link)
    return result


def piece(block: Block, number: int, link: int) -> Array:
    """Return the cycles in which what the array uses at once passes a link of an operand, shape (unrollings,)."""
    name = "piece", number, link
    operand = block.setting.operands[number]
    return block.keep(name, lambda: _piece(block, operand, number, link))


def _piece(block: Block, operand: OperandSetting, number: int, link: int) -> Array:
    longest = np.zeros(block.count)
    for movement in _passing(block, number, link):
        tile = block.tile(operand, number, link + movement.upper) * block.precision(number, movement)
        cycles = np.ceil(tile / movement.width) * block.turns(number, movement)
        longest = np.maximum(longest, cycles)
    return longest


def _passing(block: Block, number: int, link: int) -> Iterator[Movement]:
    for movement in block.common.movements[number]:
        if movement.link == link and not movement.back:
            yield movement


def _first(block: Block) -> int:
    """Return the first link that counts."""
    return 0 if block.setting.conventions.fills_array else 1


def _pieces(block: Block, number: int) -> list[Array]:
    """Return the cycles of a piece over every link that counts, with the access to the memory that is read."""
    operand = block.setting.operands[number]
    found = []
    for link in range(_first(block), operand.depth):
        source = link - 1 if operand.is_output else link
        waits = block.setting.conventions.access_latency and source >= 0
        cycles = piece(block, number, link)
        # where nothing moves nothing is waited for
        found.append(cycles + np.where(cycles > 0, operand.memories[source].latency if waits else 0, 0))
    return found
