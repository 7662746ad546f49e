"""Validity of a mapping apart from capacity (which `zzcp.cost` knows): what is violated, and by how much."""

from __future__ import annotations

import collections.abc
import math
from typing import NamedTuple

from zzcp.hardware import Accelerator
from zzcp.mapping.machine import machine_of
from zzcp.mapping.mapping import Loop, Mapping, flatten, order_conflict, refine
from zzcp.workload import Layer
from zzcp.workload.checks import MAX_LOOP

_MOST = 2 * MAX_LOOP
"""What loops that need not divide may come to: less than twice the iterations of a dimension do something."""


class Structure(NamedTuple):
    """The violations of a mapping's structure.

    Attributes
    ----------
    broken : list of str
        What makes the mapping meaningless: missing operands or levels, unknown dimensions, loops without end.
    violations : list of str
        What makes it invalid, though a cost can be computed: loops that do not cover the layer, loop orders that
        contradict each other.
    """

    broken: list[str]
    violations: list[str]


def check_structure(
    accelerator: Accelerator,
    layer: Layer,
    mapping: Mapping,
    links: collections.abc.Mapping[str, str] | None = None,
) -> Structure:
    """Check that a mapping has the shape the accelerator and the layer ask for, and covers the layer.

    Parameters
    ----------
    accelerator, layer, mapping
        What is checked against what.
    links : mapping of str to str, optional
        Memory operand of every operand; those of the mapping, or the layer's default, where not given.
    """
    links = links or dict(layer.default_links) | dict(mapping.links or {})
    if mapping.changes_machine:
        accelerator = machine_of(accelerator, mapping, links)
    broken = _shape(accelerator, layer, mapping, links)
    if broken:
        return Structure(broken, [])
    needed = mapping.spatial.temporal_sizes(layer)
    first = layer.operands[0]
    orders = {operand: flatten(mapping.temporal[operand]) for operand in layer.operands}
    reference = orders[first]
    sizes = {operand: _sizes(order, needed) for operand, order in orders.items()}
    if mapping.is_imperfect:
        too_long = [
            f"operand {operand}: its loops run {size} iterations of {dim}, expected {_MOST} at most"
            for operand, found in sizes.items()
            for dim, size in found.items()
            if size > _MOST
        ]
        if too_long:
            return Structure(too_long, [])
        finest = _finest(orders.values())
        needed = {dim: _padded_size(finest, dim, size) for dim, size in needed.items()}
    # a gap that all operands share is one gap
    shown = (first,) if all(found == sizes[first] for found in sizes.values()) else layer.operands
    violations = [
        text for operand in shown for text in _coverage(layer, mapping, operand, sizes[operand], needed)
    ]
    violations += [
        order_conflict(first, reference, operand, order)
        for operand, order in orders.items()
        if order != reference and sizes[operand] == sizes[first] and refine(reference, order) is None
    ]
    return Structure([], violations)


def loop_products(layer: Layer, mapping: Mapping) -> dict[str, int]:
    """Return for every dimension of a layer the product of the temporal loops of a mapping, as one operand has them."""
    return _sizes(flatten(mapping.temporal[layer.operands[0]]), dict.fromkeys(layer.sizes, 1))


def _finest(orders: collections.abc.Iterable[tuple[Loop, ...]]) -> tuple[Loop, ...]:
    """Return the coarsest order that refines all that agree with the first."""
    common, *others = orders
    for order in others:
        common = refine(common, order) or common
    return common


def _padded_size(order: tuple[Loop, ...], dim: str, size: int) -> int:
    """Return what the loops of a dimension must come to where they need not divide its iterations.

    The outermost loop runs through as many tiles of those inside it as there are: their iterations, divided and rounded
    up. Where the loops inside have all iterations already, it has nothing to do.
    """
    sizes = [loop.size for loop in order if loop.dim == dim]
    below = math.prod(sizes[:-1])
    return below * -(-size // below) if sizes and below < size else size


def every_loop_runs(
    order: collections.abc.Sequence[Loop], iterations: collections.abc.Mapping[str, int]
) -> bool:
    """Return whether loops that need not divide have as many iterations as there are tiles inside them.

    Parameters
    ----------
    order : sequence of Loop
        The temporal loops, innermost first.
    iterations : mapping of str to int
        Iterations of every dimension.
    """
    products: dict[str, int] = {}
    below: dict[str, int] = {}
    for dim, size in order:
        below[dim] = products.get(dim, 1)
        products[dim] = below[dim] * size
    return all(
        below[dim] < iterations[dim] and product == below[dim] * -(-iterations[dim] // below[dim])
        for dim, product in products.items()
    )


def _sizes(order: tuple[Loop, ...], needed: dict[str, int]) -> dict[str, int]:
    """Return the iterations of every dimension in a loop order."""
    sizes = dict.fromkeys(needed, 1)
    for dim, size in order:
        sizes[dim] *= size
    return sizes


def _coverage(
    layer: Layer, mapping: Mapping, operand: str, sizes: dict[str, int], needed: dict[str, int]
) -> list[str]:
    found: list[str] = []
    if sizes == needed:
        return found
    for dim, size in needed.items():
        if sizes[dim] == size:
            continue
        lanes = mapping.spatial.total(dim)
        amount = f"{size - sizes[dim]} too few" if sizes[dim] < size else f"{sizes[dim] - size} too many"
        unrolled = f" after unrolling {lanes} of {layer.sizes[dim]}" if lanes > 1 else ""
        found.append(
            f"operand {operand}: its loops run {sizes[dim]} iterations of {dim}, "
            f"the layer needs {size}{unrolled} ({amount})"
        )
    return found


def _shape(
    accelerator: Accelerator, layer: Layer, mapping: Mapping, links: collections.abc.Mapping[str, str]
) -> list[str]:
    found = [
        f"layer {layer.name} has no operand {operand} (it has {', '.join(layer.operands)})"
        for operand in mapping.temporal
        if operand not in layer.operands
    ]
    for operand in layer.operands:
        if operand not in mapping.temporal:
            found.append(f"the temporal mapping lacks operand {operand}")
            continue
        levels = accelerator.levels(links[operand])
        given = len(mapping.temporal[operand])
        if given != len(levels):
            names = ", ".join(memory.name for memory in levels)
            found.append(
                f"operand {operand} has {given} levels of loops, the accelerator has {len(levels)} ({names})"
            )
        found.extend(
            f"operand {operand} has a loop over {loop.dim}, which layer {layer.name} lacks"
            for loop in flatten(mapping.temporal[operand])
            if loop.dim not in layer.sizes
        )
        if mapping.buffering is not None and operand in mapping.buffering:
            flags = len(mapping.buffering[operand])
            if flags not in (len(levels) - 1, len(levels)):
                found.append(
                    f"operand {operand} has {flags} double-buffering flags, expected one per level below the top "
                    f"({len(levels) - 1})"
                )
    found.extend(
        f"double buffering of operand {operand}, which layer {layer.name} lacks"
        for operand in mapping.buffering or ()
        if operand not in layer.operands
    )
    return list(dict.fromkeys(found))
