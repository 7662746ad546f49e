"""The mappings that are known of a front, and which of them no other beats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from zzcp.cost.evaluation import Evaluation
from zzcp.mapping import Mapping as LayerMapping

Found = tuple[LayerMapping, Evaluation]
Corner = tuple[Fraction, Fraction]
"""Latency and energy."""


def energy_of(found: Found) -> Fraction:
    """Return the exact energy of a mapping."""
    return found[1].energy.exact


def latency_of(found: Found) -> Fraction:
    """Return the exact latency of a mapping."""
    return Fraction(found[1].latency.total)


def non_dominated(found: Iterable[Found]) -> list[Found]:
    """Return the mappings that no other beats, the fastest first; of equals the first."""
    result: list[Found] = []
    for entry in sorted(found, key=lambda entry: (latency_of(entry), energy_of(entry))):
        if not result or energy_of(entry) < energy_of(result[-1]):
            result.append(entry)
    return result


def hull(points: Sequence[Corner]) -> set[int]:
    """Return the points of a front, given as (latency, energy) with rising latency, on its convex hull."""
    kept: list[int] = []
    for number, (x, y) in enumerate(points):
        while len(kept) > 1:
            (x1, y1), (x2, y2) = points[kept[-2]], points[kept[-1]]
            if (x2 - x1) * (y - y1) > (y2 - y1) * (x - x1):
                break
            kept.pop()
        kept.append(number)
    return set(kept)


def corner_of(found: Found) -> Corner:
    """Return the exact latency and energy of a mapping."""
    return latency_of(found), energy_of(found)
