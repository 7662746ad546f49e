"""The loop orders inside the segments of a chain that can make a difference.

What the costs see of a segment is, for every operand, the run of loops of one kind on its top, and the run of
irrelevant loops at its bottom where one of the operand's boundaries lies there (`zzcp.cost.state`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import permutations

from zzcp.cost.setting import IRRELEVANT, PARTIAL, OperandSetting
from zzcp.solver.keys import Key

Kinds = Sequence[Sequence[int]]
"""Relevance to every operand (first index), per key."""

_CLOSED = -1
"""In place of a kind: the run has come to its end."""


def leading_orders(
    operands: Sequence[OperandSetting], keys: Sequence[Key], segment: Sequence[int]
) -> list[list[int]]:
    """Return the orders of a segment of which one is best where shorter runs of irrelevant loops are never worse.

    Factors of dimensions that matter to the same operands break the same runs; so it is enough to put one factor of
    every such class on top, the smallest, in every order of the classes.

    Parameters
    ----------
    operands : sequence of OperandSetting
        The operands.
    keys : sequence of Key
        The prime factors of the layer.
    segment : sequence of int
        Keys of the segment, one entry per factor.
    """
    classes: dict[tuple[bool, ...], list[int]] = {}
    for index in segment:
        signature = tuple(operand.kind[keys[index].dim] == IRRELEVANT for operand in operands)
        classes.setdefault(signature, []).append(index)
    smallest = [min(members, key=lambda index: keys[index].prime) for members in classes.values()]
    result = []
    for top in permutations(smallest):
        rest = list(segment)
        for index in top:
            rest.remove(index)
        # the class on top may as well stand together: what lies beneath is the same for it
        result.append([*rest, *top])
    return result or [[]]


def distinct_orders(
    operands: Sequence[OperandSetting],
    keys: Sequence[Key],
    segment: Sequence[int],
    starting: Collection[int],
    most: int,
) -> list[list[int]] | None:
    """Return one order of a segment for every combination of runs, None if they are more than `most`.

    Left out are orders with a loop at the bottom that is irrelevant to an operand with a boundary there: it counts
    beneath that boundary, so that the mapping has another chain.

    Parameters
    ----------
    operands : sequence of OperandSetting
        The operands.
    keys : sequence of Key
        The prime factors of the layer.
    segment : sequence of int
        Keys of the segment, one entry per factor.
    starting : collection of int
        Operands of which a boundary lies at the bottom of the segment.
    most : int
        More orders are not wanted.
    """
    kinds = [[operand.kind[key.dim] for key in keys] for operand in operands]
    found: dict[tuple[tuple[int, int], ...], list[int]] = {}
    columns = [(key.prime, *column) for key, column in zip(keys, zip(*kinds, strict=True), strict=True)]
    # factors of the same size that matter to the same operands can be exchanged
    alike = [columns.index(column) for column in columns]
    for top in _tops(kinds, alike, sorted(segment, key=lambda index: alike[index])):
        rest = list(segment)
        for index in top:
            rest.remove(index)
        order = [*rest, *reversed(top)]
        combination = runs(kinds, keys, order)
        if combination in found:
            continue
        # which factor is at the bottom changes a run only where runs reach down to it
        for index in dict.fromkeys(order):
            if any(kinds[operand][index] == IRRELEVANT for operand in starting):
                continue
            moved = list(order)
            moved.remove(index)
            moved.insert(0, index)
            if runs(kinds, keys, moved) == combination:
                found[combination] = moved
                break
        if len(found) > most:
            return None
    return list(found.values()) if segment else [[]]


def runs(kinds: Kinds, keys: Sequence[Key], order: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the kind and the product of the run on top of an order, for every operand."""
    result = []
    for kind in kinds:
        if not order or kind[order[-1]] == PARTIAL:
            result.append((PARTIAL, 1))
            continue
        product = 1
        for index in reversed(order):
            if kind[index] != kind[order[-1]]:
                break
            product *= keys[index].prime
        result.append((kind[order[-1]], product))
    return tuple(result)


def _tops(
    kinds: Kinds,
    alike: Sequence[int],
    rest: list[int],
    top: tuple[int, ...] = (),
    state: tuple[int, ...] = (),
    least: int = 0,
) -> Iterator[tuple[int, ...]]:
    """Yield what can be on top of a segment, outermost first, down to the end of the last operand's run."""
    if not rest or (state and all(kind == _CLOSED for kind in state)):
        yield top
        return
    for index in {alike[index]: index for index in rest}.values():
        following = tuple(
            kind[index]
            if kind[index] != PARTIAL and (not state or kind[index] == state[operand])
            else _CLOSED
            for operand, kind in enumerate(kinds)
        )
        # loops that close no run may change places: they come in the order of their keys
        if following == state and alike[index] < least:
            continue
        left = list(rest)
        left.remove(index)
        yield from _tops(
            kinds, alike, left, (*top, index), following, alike[index] if following == state else 0
        )


__all__ = ["distinct_orders", "leading_orders", "runs"]
