"""The order in which zigzag-dse 3.9.1 runs through the array dimensions that a memory serves.

It keeps them in a Python set, so that their hashes decide. The order is the order in which fractional lanes are
multiplied and truncated, and so now and then decides how many elements a tile has.
"""

from __future__ import annotations

from collections.abc import Sequence

# ``hash(OADimension(name))``: SHA-512 of the pickled name and class, reduced by Python; ZigZag allows no other names
_HASHES = {
    "D0": 2091132223586646982,
    "D1": 2048910558639910025,
    "D2": 386846459442819546,
    "D3": 286093410687053097,
    "D4": 1190809941726157689,
    "D5": 544822956181701485,
    "D6": 1930959356683938573,
    "D7": 1379282334648076987,
    "D8": 1590146085942940512,
    "D9": 2260062065197120378,
}
_NAMES = {number: name for name, number in _HASHES.items()}


def set_order(dimensions: Sequence[str]) -> tuple[str, ...]:
    """Return array dimensions in the order in which a set of ZigZag's `OADimension` yields them.

    Parameters
    ----------
    dimensions : sequence of str
        Names in the order of the file, in which they enter the set.

    Returns
    -------
    tuple of str
        The same names; in their own order where ZigZag would reject one of them.
    """
    if any(name not in _HASHES for name in dimensions):
        return tuple(dimensions)
    # small integers are their own hashes: a set of them is laid out like ZigZag's
    return tuple(_NAMES[number] for number in {_HASHES[name] for name in dimensions})
