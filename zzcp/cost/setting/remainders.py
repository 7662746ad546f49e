"""Temporal loops that do not divide: the last tile of a dimension is smaller than the others, at every level.

The loops of a dimension have tile sizes that divide one another, t_1 | t_2 | ... | t_k, and the outermost one runs
ceil(n / t_k) times for the n iterations of the dimension. The product N of the loops is then at least n. Inner loops of
the last tile stop early, so that of the tiles of size t there are ceil(n / t) with n iterations together.
"""

from __future__ import annotations

from collections.abc import Mapping

from zzcp.checks import choice, integer, pairs
from zzcp.cost.conventions import CostConventions
from zzcp.cost.setting.lookups import divisors_of
from zzcp.errors import MappingError
from zzcp.workload import Layer
from zzcp.workload.checks import MAX_LOOP

Padded = int | tuple[int, ...]
"""The product of the loops of a dimension, or all tile sizes that are looked at."""


def supports_remainders(conventions: CostConventions) -> bool:
    """Return whether loops that do not divide have a meaning under some conventions."""
    return conventions.counts_tiles and not (
        conventions.whole_tiles
        or conventions.combined_loading
        or conventions.greedy_buffering
        or conventions.first_partial_sum_reads
    )


def undivided(layer: Layer) -> frozenset[str]:
    """Return the dimensions that temporal loops must divide: those of a window on the output.

    Which of its elements a tile shares with those before it depends on where the smaller tiles lie.
    """
    return frozenset(layer.relevance(layer.output).partially_relevant)


def check_padded(
    layer: Layer,
    iterations: Mapping[str, int],
    conventions: CostConventions,
    padded: Mapping[str, Padded] | None,
) -> dict[str, Padded]:
    """Return the loop products that exceed the iterations of their dimensions.

    Parameters
    ----------
    layer : Layer
        The layer.
    iterations : mapping of str to int
        Iterations of every dimension.
    conventions : CostConventions
        How to count.
    padded : mapping of str to int, or to tuple of int, optional
        Products of the temporal loops, or all tile sizes that are looked at, the iterations last.

    Raises
    ------
    InputError
        If it is no such mapping, or the layer lacks a dimension.
    MappingError
        If the conventions, or a window on the output, ask for loops that divide.
    """
    given = pairs(
        {} if padded is None else padded,
        "padded",
        "a dictionary of dimensions and the products of their loops",
    )
    for dim, size in given.items():
        choice(dim, "dimension of padded", tuple(iterations))
        if not isinstance(size, tuple):
            integer(size, f"loops of {dim}", least=1, most=2 * MAX_LOOP)
    found = {dim: size for dim, size in given.items() if isinstance(size, tuple) or size > iterations[dim]}
    if found and not supports_remainders(conventions):
        raise MappingError(
            [
                f"loops that do not divide ({', '.join(found)}) have no meaning under the conventions "
                f"{conventions.name}: they count all tiles as whole ones"
            ]
        )
    kept = undivided(layer)
    if kept.intersection(found):
        raise MappingError(
            [f"loops of {dim}, of a window on the output, must divide" for dim in found if dim in kept]
        )
    return found


def loop_product(iterations: int, padded: Padded) -> int:
    """Return what the loops of a dimension come to: its iterations, where several products are looked at."""
    return iterations if isinstance(padded, tuple) else padded


def tile_iterations(iterations: int, padded: Padded) -> tuple[int, ...]:
    """Return the iterations that tiles may have, whole ones and last ones, smallest first.

    Parameters
    ----------
    iterations : int
        Of the dimension.
    padded : int, or tuple of int
        The product of its loops, whose divisors whole tiles have, or these.
    """
    sizes = padded if isinstance(padded, tuple) else divisors_of(padded)
    whole = {min(size, iterations) for size in sizes}
    return tuple(sorted(whole | {iterations % size for size in whole} - {0}))
