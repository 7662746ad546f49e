"""What the parts of a layer must fulfil, alone and together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from zzcp.checks import MAX_PRECISION, among, entries, instance, integer, pairs, repr_of, two
from zzcp.errors import InputError, Place
from zzcp.workload.equation import DimensionRelation, Equation

MAX_LOOP = 10**11
"""Largest loop accepted."""
MAX_MACS = 2**62
"""Largest number of multiply-accumulate operations accepted in a layer."""
USUAL_DIMENSIONS = frozenset(
    ["B", "G", "K", "C", "D", "H", "OX", "OY", "OZ", "FX", "FY", "FZ", "IX", "IY", "IZ"]
)
"""Dimensions that layers of networks have: files that serve many layers may name those that a layer lacks."""
_EQUATION, _RELATION = "an equation such as 'O[b][k]+=W[k][c]*I[b][c]'", "'ix=2*ox+1*fx'"


def equation_of(given: object) -> Equation:
    """Return an equation, also from its text.

    Raises
    ------
    InputError
        If it is none.
    """
    return (
        given if isinstance(given, Equation) else Equation.parse(instance(given, str, "equation", _EQUATION))
    )


def relations_of(given: object) -> tuple[DimensionRelation, ...]:
    """Return windows, also from their texts.

    Raises
    ------
    InputError
        If one of them is none.
    """
    return tuple(
        entry
        if isinstance(entry, DimensionRelation)
        else DimensionRelation.parse(instance(entry, str, "relation", _RELATION))
        for entry in entries(given, "relations", f"a list of entries such as {_RELATION}")
    )


def whole_numbers(given: object, what: str, label: str) -> dict[str, int]:
    """Return whole numbers by dimensions, whose names are put into upper case.

    Raises
    ------
    InputError
        If there is something else, or a dimension twice.
    """
    return {
        dim: integer(value, f"{label} {dim}")
        for dim, value in _by_dimension(given, what, "a dictionary of dimensions and numbers").items()
    }


def paddings(given: object) -> dict[str, tuple[int, int]]:
    """Return the padding before and after of every dimension that has any.

    Raises
    ------
    InputError
        If there is something else.
    """
    expected = "a number of elements before and one after"
    found = {}
    for dim, value in _by_dimension(given, "padding", "a dictionary of dimensions and pairs").items():
        what = f"padding of {dim}"
        before, after = (integer(pad, what) for pad in two(value, what, expected))
        if before or after:
            found[dim] = before, after
    return found


def _by_dimension(given: object, what: str, expected: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for dim, value in pairs(given, f"{what} of a layer", expected).items():
        if dim.upper() in found:
            raise InputError(f"dimension given twice in {what}", found=dim)
        found[dim.upper()] = value
    return found


def check_sizes(sizes: Mapping[str, int]) -> None:
    """Check that the loops, and all of them together, are in range.

    Raises
    ------
    InputError
        If they are not.
    """
    for dim, size in sizes.items():
        if not 1 <= size <= MAX_LOOP:
            raise InputError(
                f"loop {dim}: size out of range", expected=f"1 to {MAX_LOOP}", found=repr_of(size)
            )
    macs = math.prod(sizes.values())
    if macs > MAX_MACS:
        raise InputError(
            "the layer is too large",
            place=Place(field="sizes"),
            expected="at most 2^62 operations",
            found=repr_of(macs),
        )


def check_precision(precision: Mapping[str, int]) -> None:
    """Check that the bits of every operand are in range.

    Raises
    ------
    InputError
        If they are not.
    """
    for key, bits in precision.items():
        if not 0 <= bits <= MAX_PRECISION:
            raise InputError(
                f"precision of {key} out of range", expected=f"0 to {MAX_PRECISION} bits", found=repr_of(bits)
            )


def check_windows(
    relations: Sequence[DimensionRelation],
    sizes: Mapping[str, int],
    padding: Mapping[str, tuple[int, int]],
    window_sizes: Mapping[str, int],
) -> None:
    """Check that every window is between loops and has one relation, and that only windows have padding or a size.

    Raises
    ------
    InputError
        If that is not so, or padding is negative.
    """
    windows = {relation.window for relation in relations}
    if len(windows) != len(relations):
        raise InputError(
            "a window dimension has two relations",
            place=Place(field="relations"),
            found=", ".join(map(str, relations)),
        )
    for relation in relations:
        for dim in relation.loops:
            if dim not in sizes:
                raise InputError(
                    f"relation {relation} uses a loop without a size",
                    place=Place(field="relations"),
                    found=dim,
                )
        if relation.window in sizes:
            raise InputError(
                f"{relation.window} is both a loop and a window dimension",
                place=Place(field="relations"),
                found=str(relation),
            )
    named: tuple[tuple[Mapping[str, object], str], ...] = ((padding, "padding"), (window_sizes, "size"))
    for given, label in named:
        for dim in given:
            none = "none, since the layer has no windows"
            message = f"{label} of a dimension that is no window"
            among(dim, sorted(windows), message, field="window_sizes", none=none)
    for dim, pad in padding.items():
        if min(pad) < 0:
            raise InputError(
                f"padding of {dim} out of range",
                place=Place(field="padding"),
                expected=">= 0",
                found=repr_of(pad),
            )


def check_indices(
    equation: Equation, sizes: Mapping[str, int], relations: Sequence[DimensionRelation]
) -> None:
    """Check that every index is a loop or a window, and every loop larger than 1 indexes an operand.

    Raises
    ------
    InputError
        If that is not so, or an operand uses a loop twice.
    """
    known = (*sizes, *(relation.window for relation in relations))
    used: set[str] = set()
    for operand, indices in equation.indices.items():
        for dim in indices:
            message = f"operand {operand} is indexed by an unknown dimension"
            among(dim, known, message, field="equation", near=True)
        windows = [relation for relation in relations if relation.window in indices]
        partial = {dim for relation in windows for dim in relation.loops}
        if len(partial) < 2 * len(windows):
            # together they touch a diagonal, which is no product of what each of them touches
            raise InputError(
                f"operand {operand} has two windows that share a loop",
                place=Place(field="relations"),
                expected="windows over different loops",
                found=", ".join(map(str, windows)),
            )
        if partial & set(indices):
            raise InputError(
                f"operand {operand} uses a loop both directly and in a window",
                place=Place(field="equation"),
            )
        used |= partial | set(indices)
    for dim, size in sizes.items():
        if dim not in used and size > 1:
            raise InputError(
                f"loop {dim} indexes no operand",
                place=Place(field="sizes"),
                found=str(equation),
                hint="remove it",
            )


def check_sources(equation: Equation, sources: Mapping[str, int]) -> None:
    """Check that only inputs have a source.

    Raises
    ------
    InputError
        If another operand has one.
    """
    for operand in sources:
        among(operand, equation.inputs, "source of an operand that is no input", field="sources")
