"""Which tile sizes of a chain have room in their memories, before anything is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from zzcp.cost.formulas.links import tile_elements
from zzcp.cost.formulas.numeric import NUMPY
from zzcp.cost.setting.setting import IRRELEVANT, RELEVANT, Setting
from zzcp.cost.setting.state import OperandState
from zzcp.solver.lattice.keys import Array, Key, Place, Vector


def with_room(
    setting: Setting, keys: Sequence[Key], chain: Mapping[Place, Vector], tiles: Mapping[Vector, Array]
) -> Array:
    """Return which choices of tile sizes have room for one copy of every tile.

    Parameters
    ----------
    setting : Setting
        The layer and the machine.
    keys : sequence of Key
        Of the vectors.
    chain : mapping of Place to Vector
        The boundaries.
    tiles : mapping of Vector to ndarray of int, shape (dimensions, choices)
        The tile sizes at every boundary, in the order of the setting's dimensions.

    Returns
    -------
    ndarray of bool, shape (choices,)
    """
    some = next(iter(tiles.values()))
    result = np.ones(some.shape[1], dtype=bool)
    used: dict[str, Array] = {}
    for index, operand in enumerate(setting.operands):
        for link in range(1, operand.depth):
            memory, bits = operand.memories[link - 1], operand.held(link)
            each = bits.least
            if operand.is_output and not _is_complete(setting, keys, index, chain[index, link - 1]):
                each = bits.partial
            held = _elements(setting, index, link, tiles[chain[index, link]]) * each
            used[memory.name] = used.get(memory.name, 0) + held
            result &= used[memory.name] <= memory.size
    return result


def _is_complete(setting: Setting, keys: Sequence[Key], index: int, vector: Vector) -> bool:
    """Return whether no reduction loop is left above a boundary of the output."""
    kind = setting.operands[index].kind
    return all(
        at == key.multiplicity for key, at in zip(keys, vector, strict=True) if kind[key.dim] == IRRELEVANT
    )


def _elements(setting: Setting, index: int, link: int, tile: Array) -> Array:
    """Return the elements of the tile beneath a link."""
    operand = setting.operands[index]
    sizes = dict(zip(setting.iterations, tile, strict=True))
    one = np.ones(tile.shape[1], dtype=np.int64)
    relevant = prod((size for dim, size in sizes.items() if operand.kind[dim] == RELEVANT), start=one)
    windows = [(sizes.get(r.outer, one), sizes.get(r.inner, one)) for r in operand.relations]
    state = OperandState([], [], [relevant], [windows], [], [], [], one)
    elements = tile_elements(operand, operand.energy, state, 0, link, setting.conventions, NUMPY)
    return np.asarray(elements)
