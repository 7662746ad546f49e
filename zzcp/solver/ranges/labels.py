"""Labels: the lower parts of chains, in arrays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from zzcp.solver.lattice.boxes import Counts
from zzcp.solver.lattice.keys import Array

_CHUNK = 8192
"""Labels of one group, or few more where bounds are equal."""


@dataclass(slots=True, eq=False)
class Labels:
    """Labels with the same number of boundaries of every operand; the last axis of every array runs over them.

    Parameters
    ----------
    at : ndarray of int
        Position of the topmost boundary in the lattice.
    last : ndarray of int
        Operand of the topmost boundary.
    fresh : ndarray of int
        Bit per operand: whether one of its boundaries is at that position.
    relaxed : ndarray
        Cost under the multipliers so far.
    energy : ndarray
        Energy so far, with the constant.
    terms : ndarray, shape (terms, labels)
        Sums of the latency's terms so far.
    used : ndarray, shape (memories, labels)
        Share of every shared memory that is taken.
    effective : ndarray, shape (memories, labels)
        The least share that ZigZag's buffering sees taken; 0 under other rules.
    runs : ndarray, shape (operands, labels)
        Product of the irrelevant factors at the top of a level, per operand, without those of the open segment.
    tails : ndarray, shape (operands, labels)
        The same over all levels.
    top : ndarray of int
        Bit per class of dimensions: which may be on top of the open segment (the last one with several classes).
    governed : ndarray of int
        Bit per operand: whether the run reaches down to the open segment.
    smallest : ndarray of int, shape (classes, labels)
        Smallest factor of every class in the open segment.
    sizes : ndarray of int, shape (keys, labels)
        Tile sizes at the topmost boundary at the least, of every key that stands for groups of them.
    chain : ndarray, shape (places, labels)
        Positions of all boundaries.
    bound : ndarray
        Least objective of the chains that a label can become.
    """

    at: Array
    last: Array
    fresh: Array
    relaxed: Array
    energy: Array
    terms: Array
    used: Array
    effective: Array
    runs: Array
    tails: Array
    top: Array
    governed: Array
    smallest: Array
    sizes: Array
    chain: Array
    bound: Array

    def __len__(self) -> int:
        return len(self.at)

    def pick(self, kept: Array) -> Labels:
        """Return some of the labels."""
        return Labels(*(getattr(self, name)[..., kept] for name in self.__slots__))


def joined(parts: list[Labels]) -> Labels:
    """Return all labels of several groups."""
    if len(parts) == 1:
        return parts[0]
    return Labels(*(np.concatenate([getattr(p, name) for p in parts], axis=-1) for name in Labels.__slots__))


Level = dict[Counts, Labels]
"""Labels by the number of their boundaries."""


def groups(level: Level, first: int) -> list[Level]:
    """Cut labels into groups, the best first; `first` of them are in the first group."""
    if sum(map(len, level.values())) <= _CHUNK:
        return [level] if level else []
    bounds = np.sort(np.concatenate([labels.bound for labels in level.values()]))
    edges = [-np.inf, *dict.fromkeys(bounds[[first, *range(first + _CHUNK, len(bounds), _CHUNK)]]), np.inf]
    groups: list[Level] = []
    for low, high in pairwise(edges):
        group = {
            counts: labels.pick((labels.bound > low) & (labels.bound <= high))
            for counts, labels in level.items()
        }
        groups.append({counts: labels for counts, labels in group.items() if len(labels)})
    return [group for group in groups if group]
