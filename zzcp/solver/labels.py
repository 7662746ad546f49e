"""Every chain that can still be better than the incumbent, enumerated from the innermost boundary outwards.

A *label* is the lower part of a chain: how many boundaries of every operand it has, and where. It is dropped as soon as

- the relaxation's bound of a E + b D of the chains that it can become (`zzcp.solver.relaxation`) exceeds 1,
- their least energy exceeds the range that is looked at, or
- their least energy and the latency that the label's own boundaries already cause exceed the incumbent's objective.

What a label knows and the relaxation does not: all terms of the latency at once, the bits in shared memories, and the
windows of tiles that are kept once. Between two points of the chain the order is free, so that the run of irrelevant
loops beneath a boundary is at least the factors since the last segment with a factor of the operand's data.

Irrelevant loops that stand directly above a boundary count beneath it; chains in which all factors above a boundary,
up to the next point, are irrelevant have another chain that says the same, and are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zzcp.hardware import Memory
from zzcp.solver.relaxation import Line, Relaxation
from zzcp.solver.terms import LOADING, STALL, UNLOADING, Array, Place, run_cycles, tile_bits

Counts = tuple[int, ...]

_PAIRS = 4_000_000
"""Pairs of labels and candidates that are compared at a time."""
_MARGIN = 1e-9
"""More than the relative error of sums in floating point."""


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
    runs: Array
    tails: Array
    top: Array
    governed: Array
    smallest: Array
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


@dataclass(slots=True, eq=False)
class _Candidates:
    """Where one boundary can be, and what it costs there."""

    at: Array
    code: Array
    relaxed: Array
    beyond: Array
    energy: Array
    energy_beyond: Array
    terms: Array
    used: Array
    late: list[tuple[int, Array, Array, Array]]
    least: Array
    partial: Array


class Enumeration:
    """Labels over the vectors that a relaxation leaves.

    Parameters
    ----------
    relaxation : Relaxation
        The relaxation, whose lattice holds the vectors.
    line : Line
        Weights of energy and latency, of which nothing above 1 is of interest.
    weights : ndarray
        Multipliers for which the relaxation's bounds are used.
    most_energy : float
        No higher energy is of interest.
    powers : tuple of int
        Exponents of energy and latency in the objective.
    """

    def __init__(
        self,
        relaxation: Relaxation,
        line: Line,
        weights: Array,
        most_energy: float,
        powers: tuple[int, int],
    ) -> None:
        self.relaxation, self.weights = relaxation, weights
        self.line, self.most_energy, self.powers = line, most_energy, powers
        lattice = relaxation.lattice
        self.lattice = lattice
        self.places = list(lattice.alive)
        self.setting = relaxation.model.setting
        self.all_terms = [*relaxation.latency, *relaxation.capacity]
        self.vectors = np.indices(lattice.shape).reshape(len(lattice.shape), -1).T
        self.code, self.guard = _packed(self.vectors, lattice.shape)
        self.data, self.reuse = self._products()
        self.classes, self.by_class, self.irrelevant = self._dimension_classes()
        self.prices = relaxation.scaled(line, weights)[: len(relaxation.latency)]
        self.candidates = self._candidates()

    def _products(self) -> tuple[Array, Array]:
        """Return for every operand and vector the product of the factors that change its data, and of all others."""
        keys = self.lattice.keys
        powers = np.stack(
            [key.prime ** self.vectors[:, position] for position, key in enumerate(keys)], axis=1
        )
        data, reuse = [], []
        for row in self.lattice.tables:
            of_data = np.isin(np.arange(len(keys)), row[0].data.keys)
            data.append(powers[:, of_data].prod(axis=1))
            reuse.append(powers[:, ~of_data].prod(axis=1))
        return np.stack(data), np.stack(reuse)

    def _dimension_classes(self) -> tuple[list[list[int]], list[Array], list[int]]:
        """Group the keys by the operands that they matter to.

        Returns
        -------
        classes : list of list of int
            Positions of the keys of every class.
        products : list of ndarray
            Product of a class's factors for every vector.
        irrelevant : list of int
            Per operand a bit for every class that does not change its data.
        """
        groups: dict[tuple[bool, ...], list[int]] = {}
        for position in range(len(self.lattice.keys)):
            signature = tuple(position in row[0].data.keys for row in self.lattice.tables)
            groups.setdefault(signature, []).append(position)
        products = []
        for members in groups.values():
            product = np.ones(len(self.vectors), dtype=np.int64)
            for position in members:
                product *= self.lattice.keys[position].prime ** self.vectors[:, position]
            products.append(product)
        irrelevant = [
            sum(1 << number for number, signature in enumerate(groups) if not signature[operand])
            for operand in range(len(self.lattice.tables))
        ]
        return list(groups.values()), products, irrelevant

    def _candidates(self) -> dict[Place, dict[Counts, _Candidates]]:
        """Return for every boundary its vectors and costs, with the bounds of what follows per counts."""
        relaxation, lattice = self.relaxation, self.lattice
        costs = relaxation.costs(self.line, self.weights)
        _, beyond = lattice.above(costs)
        energies = {place: lattice.spread(place, part) for place, part in relaxation.energy.parts.items()}
        _, energy_beyond = lattice.above(energies)
        result: dict[Place, dict[Counts, _Candidates]] = {}
        for operand, link in self.places:
            place = operand, link
            alive = np.flatnonzero(np.broadcast_to(lattice.alive[place], lattice.shape))
            vectors = tuple(self.vectors[alive].T)
            rows, columns = lattice.states(place, vectors)
            terms = np.zeros((len(relaxation.latency), len(alive)))
            for number, term in enumerate(relaxation.latency):
                if place in term.parts:
                    terms[number] = term.parts[place][rows, columns]
            used = np.zeros((len(relaxation.capacity), len(alive)))
            for number, term in enumerate(relaxation.capacity):
                if place in term.parts:
                    used[number] = term.parts[place][rows, columns]
            late = self._late(place, rows, columns)
            least = partial = np.zeros(len(alive))
            if link:
                size = self._memory(place).size
                least, partial = (
                    bits[rows, columns] / size
                    for bits in tile_bits(relaxation.model, lattice.tables[operand][link])
                )
            shared = {
                "at": alive,
                "code": self.code[alive],
                "relaxed": costs[place][vectors],
                "energy": energies[place][vectors],
                "terms": terms,
                "used": used,
                "late": late,
                "least": least,
                "partial": partial,
            }
            result[place] = {}
            for counts in lattice.counts():
                if counts[operand] == link:
                    following = (*counts[:operand], link + 1, *counts[operand + 1 :])
                    result[place][counts] = _Candidates(
                        beyond=beyond[following][vectors],
                        energy_beyond=energy_beyond[following][vectors],
                        **shared,
                    )
        return result

    def _late(self, place: Place, rows: Array, columns: Array) -> list[tuple[int, Array, Array, Array]]:
        """Return per term of the stall (cycles, period, repeats) of a boundary's movements.

        There are none where the tile is certain to be kept twice.
        """
        operand, link = place
        if link == 0 or self._memory(place).doubles(self.setting.operands[operand].memory_operand):
            return []
        table = self.lattice.tables[operand][link]
        return [
            (number, part.cycles[rows, columns], table.period[rows, columns], part.repeats[rows, columns])
            for number, port in self.relaxation.stall_ports
            for part in table.moves
            if part.move in port
        ]

    def chain(self, labels: Labels, number: int) -> dict[Place, tuple[int, ...]]:
        """Return the boundaries of one chain."""
        return {
            place: tuple(int(exponent) for exponent in self.vectors[labels.chain[row, number]])
            for row, place in enumerate(self.places)
        }

    def start(self) -> Labels:
        """Return the label without boundaries."""
        none = np.zeros(1, dtype=np.int64)
        operands = len(self.lattice.depths)
        constants = np.array([term.constant for term in self.relaxation.latency]).reshape(-1, 1)
        return Labels(
            at=none,
            last=none - 1,
            fresh=none,
            relaxed=np.array([self.relaxation.constant(self.line, self.weights)]),
            energy=np.array([self.relaxation.energy.constant]),
            terms=constants,
            used=np.zeros((len(self.relaxation.capacity), 1)),
            runs=np.ones((operands, 1), dtype=np.int64),
            tails=np.ones((operands, 1), dtype=np.int64),
            top=none,
            governed=none,
            smallest=np.ones((len(self.classes), 1), dtype=np.int64),
            chain=np.zeros((len(self.places), 1), dtype=np.int64),
            bound=np.zeros(1),
        )

    def levels(
        self, limit: Callable[[], float], most: int, width: int | None = None
    ) -> Iterator[tuple[dict[Counts, Labels], list[Labels]]]:
        """Yield level by level the labels with one boundary more, and the complete chains that were found.

        Parameters
        ----------
        limit : callable
            Objective that chains must not exceed.
        most : int
            Stop where a level has more labels: then the last level that is yielded is not empty.
        width : int, optional
            Keep this many labels of a level, the best: then the result is not complete.
        """
        level = {tuple(0 for _ in self.lattice.depths): self.start()}
        while level:
            parts: dict[Counts, list[Labels]] = {}
            whole: list[Labels] = []
            total = 0
            for counts, labels in level.items():
                whole += self._close(labels, counts, limit())
                for operand, depth in enumerate(self.lattice.depths):
                    if counts[operand] == depth:
                        continue
                    following = (*counts[:operand], counts[operand] + 1, *counts[operand + 1 :])
                    for found in self._expand(labels, counts, operand, limit()):
                        parts.setdefault(following, []).append(found)
                        total += len(found)
                        if total > most and width is None:
                            yield {counts: joined(found) for counts, found in parts.items()}, whole
                            return
            level = {counts: joined(found) for counts, found in parts.items()}
            if width is not None and total > width:
                level = _best(level, width)
            yield level, whole

    def _expand(self, labels: Labels, counts: Counts, operand: int, limit: float) -> Iterator[Labels]:
        """Yield the labels that follow from one more boundary of an operand, below the top of the lattice."""
        place = operand, counts[operand]
        among = self.candidates[place][counts]
        if not len(among.at) or not len(labels):
            return
        after = among.relaxed + among.beyond
        chunk = max(1, _PAIRS // len(among.at))
        for start in range(0, len(labels), chunk):
            part = slice(start, start + chunk)
            some = np.flatnonzero(
                (after <= 1 + _MARGIN - labels.relaxed[part].min()) & (among.at != len(self.code) - 1)
            )
            here = self.code[labels.at[part]][:, None]
            above = (((among.code[some][None, :] | self.guard) - here) & self.guard) == self.guard
            fits = labels.relaxed[part][:, None] + after[some][None, :] <= 1 + _MARGIN
            one, other = np.nonzero(above & fits)
            if not len(one):
                continue
            one = one + start
            other = some[other]
            # boundaries at one point: operands in their order
            kept = (labels.at[one] != among.at[other]) | (labels.last[one] <= operand)
            one, other = one[kept], other[kept]
            moved, kept = self._moved(labels.pick(one), among.at[other])
            for found in self._placed(moved.pick(kept), among, other[kept], place):
                yield self._bounded(found, among, limit)

    def _moved(self, labels: Labels, at: Array) -> tuple[Labels, Array]:
        """Return labels moved up the lattice, and which of them count their irrelevant loops where they belong."""
        before = labels.at
        same = before == at
        grows = self.data[:, at] > self.data[:, before]
        kept = np.ones(len(at), dtype=bool)
        for index in range(len(grows)):
            fresh = (labels.fresh >> index) & 1 == 1
            kept &= same | ~fresh | grows[index]
        more = self.reuse[:, at] // self.reuse[:, before]
        present = self._present(before, at)
        count = present.sum(axis=0)
        several = count > 1
        top, governed, smallest = labels.top, labels.governed, labels.smallest
        bits = (present << np.arange(len(present))[:, None]).sum(axis=0)
        grown = (grows << np.arange(len(grows))[:, None]).sum(axis=0)
        top = np.where(several, bits, top)
        # runs of operands without data in the segment reach through it
        governed = np.where(several, grown, governed & ~np.where(same, 0, grown))
        smallest = np.where(several, self._smallest(before, at, present), smallest)
        moved = replace(
            labels,
            at=at,
            fresh=np.where(same, labels.fresh, 0),
            runs=np.where(grows, 1, labels.runs * more),
            tails=np.where(grows, 1, labels.tails * more),
            top=top,
            governed=governed,
            smallest=smallest,
        )
        return moved, kept

    def _present(self, before: Array, at: Array) -> Array:
        """Return for every class of dimensions whether a segment has factors of it."""
        return np.stack([product[at] > product[before] for product in self.by_class])

    def _smallest(self, before: Array, at: Array, present: Array) -> Array:
        """Return the smallest factor of every class in a segment."""
        result = np.ones(present.shape, dtype=np.int64)
        for number, members in enumerate(self.classes):
            least = np.full(len(at), np.iinfo(np.int64).max)
            for position in members:
                grows = self.vectors[at, position] > self.vectors[before, position]
                least = np.where(grows, np.minimum(least, self.lattice.keys[position].prime), least)
            result[number] = np.where(present[number], least, 1)
        return result

    def _placed(
        self, labels: Labels, among: _Candidates, other: Array, place: Place
    ) -> Iterator[tuple[Labels, Array]]:
        """Yield labels with a boundary placed where they are, and which candidate it is."""
        operand = place[0]
        share = self._share(labels.chain, among, other, place)
        used = labels.used + among.used[:, other]
        memory = self.relaxation.capacity_of(place)
        if memory is not None:
            used[memory] += share - among.least[other]
        kept = (share <= 1 + _MARGIN) & (used <= 1 + _MARGIN).all(axis=0)
        labels, other, share, used = labels.pick(kept), other[kept], share[kept], used[:, kept]
        chain = labels.chain.copy()
        chain[self.places.index(place)] = labels.at
        labels = replace(
            labels,
            last=np.full(len(other), operand),
            # nothing can be moved beneath a boundary that is always at the array
            fresh=labels.fresh | (0 if self._is_fixed(place) else 1 << operand),
            relaxed=labels.relaxed + among.relaxed[other],
            energy=labels.energy + among.energy[other],
            terms=labels.terms + among.terms[:, other],
            used=used,
            chain=chain,
        )
        single = 2 * share > 1 + _MARGIN
        if place[1] and self.setting.operands[operand].memory_operand in self._memory(place).kept_once:
            single[:] = True
        if memory is not None and not self.setting.conventions.greedy_buffering:
            single |= used[memory] + share > 1 + _MARGIN
        for found, chosen in self._windows(labels, among, other, operand, single):
            found.runs[operand] = 1
            yield replace(found, governed=found.governed & ~(1 << operand)), chosen

    def _windows(
        self, labels: Labels, among: _Candidates, other: Array, operand: int, single: Array
    ) -> Iterator[tuple[Labels, Array]]:
        """Yield labels with what does not fit the windows of tiles that are kept once.

        Where the run reaches down to the open segment it depends on the class on its top: two labels follow.
        """
        runs = labels.runs[operand]
        open_ = (labels.governed >> operand) & 1 == 1
        mine = self.irrelevant[operand]
        factor = np.full(len(labels), np.iinfo(np.int64).max)
        for number in range(len(self.classes)):
            if mine >> number & 1:
                usable = (labels.top >> number) & 1 == 1
                factor = np.where(usable, np.minimum(factor, labels.smallest[number]), factor)
        may = open_ & (labels.top & mine != 0)
        must = may & (labels.top & ~mine == 0)
        factor = np.where(may, factor, 1)
        short = self._extra(among, other, np.where(must, runs * factor, runs), single)
        long = self._extra(among, other, runs * factor, single)
        differ = may & ~must & (long > short).any(axis=0)
        first = replace(
            labels,
            relaxed=labels.relaxed + self.prices @ short,
            terms=labels.terms + short,
            runs=labels.runs.copy(),
            top=np.where(differ, labels.top & ~mine, labels.top),
        )
        yield first, other
        if differ.any():
            second = labels.pick(differ)
            extra = long[:, differ]
            yield (
                replace(
                    second,
                    relaxed=second.relaxed + self.prices @ extra,
                    terms=second.terms + extra,
                    top=second.top & mine,
                ),
                other[differ],
            )

    def _extra(self, among: _Candidates, other: Array, run: Array, single: Array) -> Array:
        """Return per term what does not fit a window that a run shortens."""
        extra = np.zeros((len(self.relaxation.latency), len(other)))
        chosen = np.flatnonzero(single & (run > 1))
        if not len(chosen):
            return extra
        here = other[chosen]
        for number, cycles, period, repeats in among.late:
            window = period[here] // run[chosen]
            late = np.maximum(0, cycles[here] - window) - np.maximum(0, cycles[here] - period[here])
            extra[number, chosen] += late * repeats[here]
        return extra

    def _is_fixed(self, place: Place) -> bool:
        """Return whether a boundary has one vector only, that of no loops."""
        operand, link = place
        setting = self.setting
        return link == 0 and (setting.operands[operand].is_output or not setting.conventions.same_data_free)

    def _memory(self, place: Place) -> Memory:
        """Return the memory that a boundary's tile is kept in."""
        operand, link = place
        return self.setting.operands[operand].memories[link - 1]

    def _share(self, chain: Array, among: _Candidates, other: Array, place: Place) -> Array:
        """Return the share of its memory that one copy of a tile takes; partial sums by what is beneath it."""
        operand, link = place
        if link == 0 or not self.setting.operands[operand].is_output:
            return among.least[other]
        beneath = self.reuse[operand, chain[self.places.index((operand, link - 1))]]
        return np.where(beneath == self.reuse[operand].max(), among.least[other], among.partial[other])

    def _bounded(self, placed: tuple[Labels, Array], among: _Candidates, limit: float) -> Labels:
        """Return the labels that can become a chain within the limit."""
        labels, other = placed
        relaxed = labels.relaxed + among.beyond[other]
        energy = labels.energy + among.energy_beyond[other]
        labels.bound = self._objective(energy, labels.terms)
        return labels.pick(
            (labels.bound <= limit * (1 + _MARGIN))
            & (relaxed <= 1 + _MARGIN)
            & (energy <= self.most_energy * (1 + _MARGIN))
        )

    def _close(self, labels: Labels, counts: Counts, limit: float) -> list[Labels]:
        """Return the chains that follow from labels with all boundaries that are left at the top of the lattice."""
        full = len(self.code) - 1
        moved, kept = self._moved(labels, np.full(len(labels), full))
        parts = [moved.pick(kept)]
        for operand, depth in enumerate(self.lattice.depths):
            for link in range(counts[operand], depth):
                place = operand, link
                among = next(iter(self.candidates[place].values()))
                if not len(among.at) or among.at[-1] != full:
                    return []
                following: list[Labels] = []
                for part in parts:
                    other = np.full(len(part), len(among.at) - 1)
                    following += [found for found, _ in self._placed(part, among, other, place)]
                parts = [part.pick(part.relaxed <= 1 + _MARGIN) for part in following]
        result = []
        for part in parts:
            part.bound = self._objective(part.energy, part.terms, *self._early(part))
            near = (part.bound <= limit * (1 + _MARGIN)) & (part.energy <= self.most_energy * (1 + _MARGIN))
            result.append(part.pick(near))
        return [part for part in result if len(part)]

    def _early(self, labels: Labels) -> tuple[Array, Array]:
        """Return the cycles before and after the run that fills with a window shorter than the run take at least."""
        nothing = np.zeros(len(labels))
        model = self.relaxation.model
        if model.setting.conventions.once_only_loads != "hidden_until_needed":
            return nothing, nothing
        run = run_cycles(model)
        states = {
            place: self.lattice.states(place, tuple(self.vectors[labels.chain[number]].T))
            for number, place in enumerate(self.places)
        }
        tables = self.lattice.tables
        result = []
        for side in ([fill for chain in model.plan.inputs for fill in chain], list(model.plan.output)):
            most = nothing
            for port in {port for fill in side for port in fill.ports}:
                fills = [fill for fill in side if port in fill.ports]
                full, once = [], []
                for fill in fills:
                    table, at = tables[fill.operand][fill.link], states[fill.operand, fill.link]
                    full.append(table.fill[at])
                    once.append(table.moves[0].count[at] == 1)
                busy: Any = 0
                for number in model.plan.port_moves[port]:
                    move = model.moves[number]
                    table, at = tables[move.operand][move.link], states[move.operand, move.link]
                    part = next(part for part in table.moves if part.move == number)
                    busy = busy + (part.cycles * part.repeats)[at]
                for operand in {fill.operand for fill in fills}:
                    tail = labels.tails[operand]
                    due: Any = 0
                    some = np.zeros(len(labels), dtype=bool)
                    for fill, cycles, single in zip(fills, full, once, strict=True):
                        due = due + np.where(single & (labels.tails[fill.operand] < tail), 0, cycles)
                        if fill.operand == operand:
                            some |= single
                    missing = due - np.maximum(0, run - busy) / tail - 1
                    most = np.maximum(most, np.where(some & (tail > 1), missing, 0))
            result.append(most)
        return result[0], result[1]

    def _objective(self, energy: Array, terms: Array, before: Any = 0, after: Any = 0) -> Array:
        """Return the objective of energies and of sums of the latency's terms, with least loading and unloading."""
        powers = self.powers
        value = energy ** powers[0]
        if not powers[1]:
            return value
        parts = np.zeros((3, terms.shape[1]))
        parts[LOADING] = before
        parts[UNLOADING] = after
        for row, term in zip(terms, self.relaxation.latency, strict=True):
            if len(term.bounds) == 1:
                np.maximum(parts[term.bounds[0]], row, out=parts[term.bounds[0]])
        total = parts.sum(axis=0)
        for row, term in zip(terms, self.relaxation.latency, strict=True):
            if len(term.bounds) > 1:
                others = [parts[part] for part in (STALL, LOADING, UNLOADING) if part not in term.bounds]
                np.maximum(total, row + sum(others), out=total)
        latency = self.relaxation.base + total
        return np.asarray(value * latency ** powers[1])


def _best(level: dict[Counts, Labels], width: int) -> dict[Counts, Labels]:
    bounds = np.concatenate([labels.bound for labels in level.values()])
    limit = np.partition(bounds, width)[width]
    return {counts: labels.pick(labels.bound <= limit) for counts, labels in level.items()}


def _packed(vectors: Array, shape: tuple[int, ...]) -> tuple[Array, int]:
    """Return every vector as one integer with a spare bit per key, and the integer of the spare bits.

    v <= w in every key if and only if (w + spare bits) - v leaves all spare bits.
    """
    code = np.zeros(len(vectors), dtype=np.int64)
    guard = shift = 0
    for position, length in enumerate(shape):
        bits = int(length - 1).bit_length()
        code |= vectors[:, position] << shift
        guard |= 1 << (shift + bits)
        shift += bits + 1
    return code, guard


def packs(shape: tuple[int, ...]) -> bool:
    """Return whether vectors fit one integer."""
    return sum(int(length - 1).bit_length() + 1 for length in shape) <= 62


__all__ = ["Enumeration", "Labels", "joined", "packs"]
