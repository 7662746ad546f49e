"""From loops with padded sizes to a mapping in which every loop does something."""

from __future__ import annotations

from collections.abc import Mapping as MappingType

from zzcp.mapping import Mapping


def shortened(mapping: Mapping, iterations: MappingType[str, int]) -> Mapping:
    """Return a mapping whose outermost loops run through the tiles that there are.

    Parameters
    ----------
    mapping : Mapping
        Its loops come to the iterations of every dimension or more; what does not exist takes no time.
    iterations : mapping of str to int
        Of every dimension.

    Returns
    -------
    Mapping
        With the same tiles; ``imperfect`` if some loops do not divide.
    """
    order, allocation = mapping.order, mapping.allocation
    products = dict.fromkeys(iterations, 1)
    sizes = []
    for dim, size in order:
        # the loop may be the outermost one that does something
        left = -(-iterations[dim] // products[dim])
        products[dim] *= size
        sizes.append((dim, min(size, left)))
    kept = [place for place, (_, size) in enumerate(sizes) if size > 1]
    ends = {
        operand: [sum(place < end for place in kept) for end in cuts] for operand, cuts in allocation.items()
    }
    exact = dict.fromkeys(iterations, 1)
    for place in kept:
        exact[sizes[place][0]] *= sizes[place][1]
    return Mapping.from_order(
        mapping.spatial,
        [sizes[place] for place in kept],
        ends,
        mapping.buffering,
        mapping.links,
        mapping.bypass,
        "perfect" if exact == {dim: iterations[dim] for dim in exact} else "imperfect",
    )
