"""The loop orders inside the segments of a chain that can make a difference.

What the costs see of a segment is, for every operand, the run of loops of one kind on its top, and the run of
irrelevant loops at its bottom where one of the operand's boundaries lies there (`zzcp.cost.setting.state`). Where a
memory keeps the overlap of windows, they also see the run of one dimension directly above its boundary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import permutations, product

from zzcp.cost.setting.setting import IRRELEVANT, PARTIAL, OperandSetting
from zzcp.solver.clock import look
from zzcp.solver.lattice.keys import Key

Kinds = tuple[tuple[int, ...], ...]
"""Per key, how it matters to every operand."""

_KEPT, _KEPT_DISTINCT = 4096, 256
"""Segments whose orders are remembered: chains that are scored after each other share most of theirs."""

_CLOSED = -1
"""In place of a kind: the run has come to its end."""


def signatures(operands: Sequence[OperandSetting], keys: Sequence[Key]) -> Kinds:
    """Return how every key matters to the operands."""
    return tuple(tuple(operand.kind[key.dim] for operand in operands) for key in keys)


@lru_cache(maxsize=_KEPT)
def leading_orders(kinds: Kinds, primes: tuple[int, ...], segment: tuple[int, ...]) -> list[list[int]]:
    """Return the orders of a segment of which one is best where shorter runs of irrelevant loops are never worse.

    Factors of dimensions that matter to the same operands break the same runs; so it is enough to put one factor of
    every such class on top, the smallest, in every order of the classes.

    Parameters
    ----------
    kinds : Kinds
        How every key matters to the operands.
    primes : tuple of int
        The prime of every key.
    segment : tuple of int
        Keys of the segment, one entry per factor.
    """
    smallest = [min(members, key=lambda index: primes[index]) for members in _classes(kinds, segment)]
    # the class on top may as well stand together: what lies beneath is the same for it
    return [[*_without(segment, top), *top] for top in permutations(smallest)]


def _classes(kinds: Kinds, segment: tuple[int, ...]) -> list[list[int]]:
    """Return the keys of a segment, those together that are irrelevant to the same operands."""
    classes: dict[tuple[bool, ...], dict[int, None]] = {}
    for index in segment:
        signature = tuple(kind == IRRELEVANT for kind in kinds[index])
        classes.setdefault(signature, {})[index] = None
    return [list(members) for members in classes.values()]


def _without(segment: Sequence[int], some: Iterable[int]) -> list[int]:
    """Return a segment without some of its factors, each taken out once."""
    rest = list(segment)
    for index in some:
        rest.remove(index)
    return rest


@lru_cache(maxsize=_KEPT)
def sliding_orders(
    kinds: Kinds,
    primes: tuple[int, ...],
    dims: tuple[str, ...],
    segment: tuple[int, ...],
    bottom: frozenset[str],
) -> list[list[int]]:
    """Return the same where some memory keeps the overlap of windows that slide along what is at the bottom.

    The longer the run of one dimension there, the less is brought: all of its factors, or all but the smallest, which
    may be wanted on top. Above these the rest is as in `leading_orders`.

    Parameters
    ----------
    kinds, primes, segment
        As for `leading_orders`.
    dims : tuple of str
        The dimension of every key.
    bottom : frozenset of str
        Dimensions along which windows slide from the bottom of the segment.
    """
    result = {tuple(order): None for order in leading_orders(kinds, primes, segment)}
    for dim in sorted(bottom):
        own = sorted((index for index in segment if dims[index] == dim), key=lambda index: primes[index])
        for run in (own, own[1:]):
            if not run:
                continue
            for order in leading_orders(kinds, primes, tuple(_without(segment, run))):
                result[(*run, *order)] = None
    return [list(order) for order in result]


@lru_cache(maxsize=_KEPT)
def all_leading_orders(kinds: Kinds, segment: tuple[int, ...]) -> list[list[int]]:
    """Return the same where factors of a dimension may be cut short, so that the smallest need not be the best on top.

    Whichever factor of a class comes first in an order, it alone of its class may stand on top: that leaves no run
    longer.
    """
    chosen = product(*_classes(kinds, segment))
    return [[*_without(segment, top), *top] for some in chosen for top in permutations(some)]


@lru_cache(maxsize=_KEPT_DISTINCT)
def distinct_orders(
    kinds: Kinds, primes: tuple[int, ...], segment: tuple[int, ...], starting: frozenset[int], most: int
) -> list[list[int]] | None:
    """Return one order of a segment for every combination of runs, None if they are more than `most`.

    Left out are orders with a loop at the bottom that is irrelevant to an operand with a boundary there: it counts
    beneath that boundary, so that the mapping has another chain.

    Parameters
    ----------
    kinds : Kinds
        How every key matters to the operands.
    primes : tuple of int
        The prime of every key.
    segment : tuple of int
        Keys of the segment, one entry per factor.
    starting : frozenset of int
        Operands of which a boundary lies at the bottom of the segment.
    most : int
        More orders are not wanted.
    """
    found: dict[tuple[tuple[int, int], ...], list[int]] = {}
    columns = [(prime, *column) for prime, column in zip(primes, kinds, strict=True)]
    # factors of the same size that matter to the same operands can be exchanged
    alike = [columns.index(column) for column in columns]
    for top in _tops(kinds, alike, sorted(segment, key=lambda index: alike[index])):
        look()
        order = [*_without(segment, top), *reversed(top)]
        combination = runs(kinds, primes, order)
        if combination in found:
            continue
        # which factor is at the bottom changes a run only where runs reach down to it
        for index in dict.fromkeys(order):
            if any(kinds[index][operand] == IRRELEVANT for operand in starting):
                continue
            moved = [index, *_without(order, (index,))]
            if runs(kinds, primes, moved) == combination:
                found[combination] = moved
                break
        if len(found) > most:
            return None
    return list(found.values()) if segment else [[]]


def runs(kinds: Kinds, primes: Sequence[int], order: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the kind and the product of the run on top of an order, for every operand."""
    result = []
    for operand, top in enumerate(kinds[order[-1]] if order else ()):
        size = 1
        for index in reversed(order if top != PARTIAL else ()):
            if kinds[index][operand] != top:
                break
            size *= primes[index]
        result.append((top, size))
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
            kind if kind != PARTIAL and (not state or kind == state[operand]) else _CLOSED
            for operand, kind in enumerate(kinds[index])
        )
        # loops that close no run may change places: they come in the order of their keys
        if following == state and alike[index] < least:
            continue
        left = list(rest)
        left.remove(index)
        yield from _tops(
            kinds, alike, left, (*top, index), following, alike[index] if following == state else 0
        )


__all__ = ["all_leading_orders", "distinct_orders", "leading_orders", "runs", "signatures", "sliding_orders"]
