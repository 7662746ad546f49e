"""Every chain that can still be better than the incumbent, enumerated from the innermost boundary outwards.

A *label* is the lower part of a chain: how many boundaries of every operand it has, and where. It is dropped as soon as

- the relaxation's bound of a E + b D of the chains that it can become (`zzcp.solver.ranges.relaxation`) exceeds 1,
- their least energy exceeds the range that is looked at, or their least latency its budget, or
- their least energy and the latency that the label's own boundaries already cause exceed the incumbent's objective.

What a label knows and the relaxation does not: all terms of the latency at once, the bits in shared memories, and the
windows of tiles that are kept once. Between two points of the chain the order is free, so that the run of irrelevant
loops beneath a boundary is at least the factors since the last segment with a factor of the operand's data.

Irrelevant loops that stand directly above a boundary count beneath it; chains in which all factors above a boundary,
up to the next point, are irrelevant have another chain that says the same, and are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from zzcp.solver.clock import look
from zzcp.solver.lattice.boxes import Counts
from zzcp.solver.lattice.keys import Array, Place
from zzcp.solver.ranges.candidates import Candidates, candidates_of, memory_of
from zzcp.solver.ranges.chain_latency import early_cycles, least_latency
from zzcp.solver.ranges.goals import Curve
from zzcp.solver.ranges.ground import Ground
from zzcp.solver.ranges.kept_once import late_terms
from zzcp.solver.ranges.labels import Labels, Level, groups, joined
from zzcp.solver.ranges.multipliers import Line
from zzcp.solver.ranges.relaxation import Relaxation

_PAIRS = 4_000_000
"""Pairs of labels and candidates that are compared at a time."""
_LABEL = 1000
"""Steps that a label counts as by itself."""
_MARGIN = 1e-9
"""More than the relative error of sums in floating point."""


class Enumeration:
    """Labels over the vectors that a relaxation leaves.

    Parameters
    ----------
    relaxation : Relaxation
        The relaxation, whose lattice holds the vectors.
    ground : Ground
        What all searches of the layer share.
    line : Line
        Weights of energy and latency, of which nothing above 1 is of interest.
    weights : ndarray
        Multipliers for which the relaxation's bounds are used.
    most_energy : float
        No higher energy is of interest; no higher latency than the budget of the relaxation is, either.
    goal : Curve
        The objective.
    """

    def __init__(
        self,
        relaxation: Relaxation,
        ground: Ground,
        line: Line,
        weights: Array,
        most_energy: float,
        goal: Curve,
    ) -> None:
        self.relaxation, self.weights = relaxation, weights
        self.line, self.most_energy, self.goal = line, most_energy, goal
        self.most_latency = relaxation.budgets.latency
        self.lattice = relaxation.lattice
        self.places = list(self.lattice.alive)
        self.setting = relaxation.model.setting
        self.factors, self.pieces, self.even = ground.factors, ground.pieces, ground.even
        self.prices = relaxation.scaled(line, weights)[: len(relaxation.latency)]
        self.candidates = candidates_of(relaxation, ground.factors, line, weights)
        self.left = False

    def boundaries(self, labels: Labels, numbers: Array) -> list[dict[Place, tuple[int, ...]]]:
        """Return the boundaries of some complete chains."""
        vectors = self.factors.vectors[labels.chain[:, numbers]].swapaxes(0, 1)
        return [dict(zip(self.places, map(tuple, chain), strict=True)) for chain in vectors.tolist()]

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
            effective=np.zeros((len(self.relaxation.capacity), 1)),
            runs=np.ones((operands, 1), dtype=np.int64),
            tails=np.ones((operands, 1), dtype=np.int64),
            top=none,
            governed=none,
            smallest=np.ones((len(self.factors.classes), 1), dtype=np.int64),
            sizes=self.factors.smallest_sizes,
            chain=np.zeros((len(self.places), 1), dtype=np.int64),
            bound=np.zeros(1),
        )

    def chains(self, limit: Callable[[], float], most: int, first: int) -> Iterator[Labels]:
        """Yield the complete chains, those of the best labels first.

        Labels are followed in groups, the best ones to their end before the next, so that what is found meanwhile
        rules out many of the others. Afterwards `left` says whether labels are left.

        Parameters
        ----------
        limit : callable
            Objective that chains must not exceed.
        most : int
            Stop after so many labels.
        first : int
            Labels of the first group that follows another.
        """
        waiting: list[Level] = [{tuple(0 for _ in self.lattice.depths): self.start()}]
        self.left = False
        made = 0
        while waiting:
            parts: dict[Counts, list[Labels]] = {}
            for counts, labels in waiting.pop().items():
                near = labels.pick(labels.bound <= limit() * (1 + _MARGIN))
                yield from self._close(near, counts, limit())
                for operand, depth in enumerate(self.lattice.depths):
                    if counts[operand] == depth:
                        continue
                    following = (*counts[:operand], counts[operand] + 1, *counts[operand + 1 :])
                    for found in self._expand(near, counts, operand, limit()):
                        parts.setdefault(following, []).append(found)
                        made += len(found)
                        if made > most:
                            self.left = True
                            return
            level = {counts: joined(found) for counts, found in parts.items()}
            waiting += reversed(groups(level, first))

    def _expand(self, labels: Labels, counts: Counts, operand: int, limit: float) -> Iterator[Labels]:
        """Yield the labels that follow from one more boundary of an operand, below the top of the lattice."""
        place = operand, counts[operand]
        among = self.candidates[place][counts]
        if not len(among.at) or not len(labels):
            return
        after = among.relaxed + among.beyond
        chunk = max(1, _PAIRS // len(among.at))
        for start in range(0, len(labels), chunk):
            look()
            part = slice(start, start + chunk)
            some = np.flatnonzero(
                (after <= 1 + _MARGIN - labels.relaxed[part].min()) & (among.at != self.factors.full)
            )
            look(len(labels.at[part]) * len(some) + _LABEL * len(labels.at[part]))
            above = self.factors.above(labels.at[part], among.at[some])
            fits = labels.relaxed[part][:, None] + after[some][None, :] <= 1 + _MARGIN
            one, other = np.nonzero(above & fits)
            if not len(one):
                continue
            one = one + start
            other = some[other]
            # boundaries at one point: operands in their order
            kept = (labels.at[one] != among.at[other]) | (labels.last[one] <= operand)
            if not self.factors.all_divide:
                kept &= self.factors.dividing(labels.at[one], among.at[other])
            one, other = one[kept], other[kept]
            moved, kept = self._moved(labels.pick(one), among.at[other])
            for found in self._placed(moved.pick(kept), among, other[kept], place, counts):
                yield self._bounded(found, among, limit)

    def _moved(self, labels: Labels, at: Array) -> tuple[Labels, Array]:
        """Return labels moved up the lattice, and which of them count their irrelevant loops where they belong."""
        before = labels.at
        same = before == at
        grows = self.factors.data[:, at] > self.factors.data[:, before]
        kept = np.ones(len(at), dtype=bool)
        for index in range(len(grows)):
            fresh = (labels.fresh >> index) & 1 == 1
            kept &= same | ~fresh | grows[index]
        more = np.maximum(1, self.factors.reuse[:, at] // self.factors.most_reuse[:, before])
        present = self.factors.present(before, at)
        count = present.sum(axis=0)
        several = count > 1
        top, governed, smallest = labels.top, labels.governed, labels.smallest
        bits = (present << np.arange(len(present))[:, None]).sum(axis=0)
        grown = (grows << np.arange(len(grows))[:, None]).sum(axis=0)
        top = np.where(several, bits, top)
        # runs of operands without data in the segment reach through it
        governed = np.where(several, grown, governed & ~np.where(same, 0, grown))
        smallest = np.where(several, self.factors.smallest(before, at, present), smallest)
        moved = replace(
            labels,
            at=at,
            fresh=np.where(same, labels.fresh, 0),
            runs=np.where(grows, 1, labels.runs * more),
            tails=np.where(grows, 1, labels.tails * more),
            top=top,
            governed=governed,
            smallest=smallest,
            sizes=labels.sizes
            if self.factors.all_divide
            else self.factors.sizes_above(labels.sizes, before, at),
        )
        return moved, kept

    def _placed(
        self, labels: Labels, among: Candidates, other: Array, place: Place, counts: Counts
    ) -> Iterator[tuple[Labels, Array]]:
        """Yield labels with a boundary placed where they are, above so many others, and which candidate it is."""
        operand = place[0]
        if self.even.groups:
            kept = self._even(labels, place, counts)
            labels, other = labels.pick(kept), other[kept]
        share = self._share(labels.chain, among, other, place)
        if not self.factors.all_divide:
            share = share * self.factors.stretch(operand, labels.sizes, labels.at)
        used = labels.used + among.used[:, other]
        memory = self.relaxation.capacity_of(place)
        if memory is not None:
            used[memory] += share - among.least[other]
        kept = (share <= 1 + _MARGIN) & (used <= 1 + _MARGIN).all(axis=0)
        labels, other, share, used = labels.pick(kept), other[kept], share[kept], used[:, kept]
        effective, single = self._once(labels, among, other, place, share, used)
        chain = labels.chain.copy()
        chain[self.places.index(place)] = labels.at
        terms = labels.terms + among.terms[:, other]
        relaxed = labels.relaxed + among.relaxed[other]
        pieces = self.pieces and self.pieces.uncounted(place, self._at(chain))
        if pieces is not None:
            counting = [place in term.pieces for term in self.relaxation.latency]
            terms[counting] += pieces
            relaxed += self.prices[counting].sum() * pieces
        labels = replace(
            labels,
            last=np.full(len(other), operand),
            # nothing can be moved beneath a boundary that is always at the array
            fresh=labels.fresh | (0 if self._is_fixed(place) else 1 << operand),
            relaxed=relaxed,
            energy=labels.energy + among.energy[other],
            terms=terms,
            used=used,
            effective=effective,
            chain=chain,
        )
        for found, chosen in self._windows(labels, among, other, operand, single):
            found.runs[operand] = 1
            yield replace(found, governed=found.governed & ~(1 << operand)), chosen

    def _even(self, labels: Labels, place: Place, counts: Counts) -> Array:
        """Return which labels may have a boundary where they are, for the groups of boundaries with one cut."""
        placed = {
            (operand, link): vectors
            for (operand, link), vectors in self._at(labels.chain).items()
            if link < counts[operand]
        }
        return self.even.allows(place, labels.at, placed, self.factors.data, self.lattice.depths)

    def _once(
        self, labels: Labels, among: Candidates, other: Array, place: Place, share: Array, used: Array
    ) -> tuple[Array, Array]:
        """Return the effective use of the memories, and which tiles are certain to be kept once.

        Under ZigZag's rule that matters only above irrelevant loops, where a tile's effective size is its own: it is
        kept once if with a second copy, and with what the tenants beneath count at least, it exceeds its memory.
        """
        memory = self.relaxation.capacity_of(place)
        effective = labels.effective
        if not self.setting.conventions.greedy_buffering:
            single = 2 * share > 1 + _MARGIN
            if memory is not None:
                single |= used[memory] + share > 1 + _MARGIN
        else:
            own = among.effective[other]
            single = 2 * own > 1 + _MARGIN
            if memory is not None:
                single |= effective[memory] + 2 * own > 1 + _MARGIN
                effective = effective.copy()
                effective[memory] += self._least_effective(labels, own, place)
        operand, link = place
        if link and self.setting.operands[operand].memory_operand in memory_of(self.setting, place).kept_once:
            single[:] = True
        return effective, single

    def _least_effective(self, labels: Labels, own: Array, place: Place) -> Array:
        """Return a tile's share of its memory divided by all relevant loops of its level, in whole bits."""
        operand, link = place
        beneath = labels.chain[self.places.index((operand, link - 1))]
        run = self.factors.relevant[operand, labels.at] // self.factors.relevant[operand, beneath]
        size = memory_of(self.setting, place).size
        return np.asarray(np.floor(own * size / run + _MARGIN) / size)

    def _windows(
        self, labels: Labels, among: Candidates, other: Array, operand: int, single: Array
    ) -> Iterator[tuple[Labels, Array]]:
        """Yield labels with what does not fit the windows of tiles that are kept once.

        Where the run reaches down to the open segment it depends on the class on its top: two labels follow.
        """
        runs = labels.runs[operand]
        open_ = (labels.governed >> operand) & 1 == 1
        mine = self.factors.irrelevant[operand]
        factor = np.full(len(labels), np.iinfo(np.int64).max)
        for number in range(len(self.factors.classes)):
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

    def _extra(self, among: Candidates, other: Array, run: Array, single: Array) -> Array:
        """Return per term what does not fit a window that a run shortens."""
        extra = np.zeros((len(self.relaxation.latency), len(other)))
        if among.refill is not None:
            number, more = among.refill
            extra[number] += np.where(single, more[other], 0.0)
        chosen = np.flatnonzero(single & (run > 1))
        if not len(chosen):
            return extra
        here = other[chosen]
        for number, cycles, period, repeats, whole in among.late:
            window = np.minimum(period[here], whole[here] // run[chosen])
            late = np.maximum(0, cycles[here] - window) - np.maximum(0, cycles[here] - period[here])
            extra[number, chosen] += late * repeats[here]
        return extra

    def _is_fixed(self, place: Place) -> bool:
        """Return whether a boundary has one vector only, that of no loops."""
        operand, link = place
        setting = self.setting
        return link == 0 and (setting.operands[operand].is_output or not setting.conventions.same_data_free)

    def _share(self, chain: Array, among: Candidates, other: Array, place: Place) -> Array:
        """Return the share of its memory that one copy of a tile takes; partial sums by what is beneath it."""
        operand, link = place
        if link == 0 or not self.setting.operands[operand].is_output:
            return among.least[other]
        beneath = self.factors.reuse[operand, chain[self.places.index((operand, link - 1))]]
        return np.where(
            beneath == self.factors.reuse[operand].max(), among.least[other], among.partial[other]
        )

    def _bounded(self, placed: tuple[Labels, Array], among: Candidates, limit: float) -> Labels:
        """Return the labels that can become a chain within the limit."""
        labels, other = placed
        relaxed = labels.relaxed + among.beyond[other]
        energy = labels.energy + among.energy_beyond[other]
        near = self._judged(labels, energy, limit)
        return labels.pick(near & (relaxed <= 1 + _MARGIN))

    def _judged(
        self, labels: Labels, energy: Array, limit: float, before: Array | int = 0, after: Array | int = 0
    ) -> Array:
        """Set the bounds of labels from what they move; return which are within the limit and the budgets."""
        latency = None
        kept = energy <= self.most_energy * (1 + _MARGIN)
        if self.goal.timed or self.relaxation.leakage or np.isfinite(self.most_latency):
            latency = least_latency(self.relaxation, labels.terms, before, after)
            kept &= latency <= self.most_latency * (1 + _MARGIN)
        if latency is not None and self.relaxation.leakage:
            energy = energy + self.relaxation.leakage * latency
            kept &= energy <= self.most_energy * (1 + _MARGIN)
        labels.bound = self.goal.least(energy, latency)
        return np.asarray(kept & (labels.bound <= limit * (1 + _MARGIN)))

    def _close(self, labels: Labels, counts: Counts, limit: float) -> list[Labels]:
        """Return the chains that follow from labels with all boundaries that are left at the top of the lattice."""
        full = self.factors.full
        moved, kept = self._moved(labels, np.full(len(labels), full))
        parts, depths = [moved.pick(kept)], self.lattice.depths
        for operand, depth in enumerate(depths):
            for link in range(counts[operand], depth):
                place = operand, link
                among = next(iter(self.candidates[place].values()))
                if not len(among.at) or among.at[-1] != full:
                    return []
                following: list[Labels] = []
                for part in parts:
                    look()
                    other = np.full(len(part), len(among.at) - 1)
                    below = (*depths[:operand], link, *counts[operand + 1 :])
                    following += [found for found, _ in self._placed(part, among, other, place, below)]
                parts = [part.pick(part.relaxed <= 1 + _MARGIN) for part in following]
        if not self.factors.all_divide and not self.setting.conventions.greedy_buffering:
            for part in parts:
                late = late_terms(self.relaxation, self.factors, self._at(part.chain), part.used)
                np.maximum(part.terms, late, out=part.terms)
        result = [part.pick(self._judged(part, part.energy, limit, *self._early(part))) for part in parts]
        return [part for part in result if len(part)]

    def _at(self, chain: Array) -> dict[Place, Array]:
        """Return the vectors of chains by their boundaries."""
        return dict(zip(self.places, chain, strict=True))

    def _early(self, labels: Labels) -> tuple[Array, Array]:
        """Return the least cycles before and after the run."""
        if self.pieces is None:
            return np.zeros(len(labels)), np.zeros(len(labels))
        at = self._at(labels.chain)
        states = {
            place: self.lattice.states(place, tuple(self.factors.vectors[vectors].T))
            for place, vectors in at.items()
        }
        due = early_cycles(self.relaxation, states, labels.tails)
        before, after = (
            np.maximum(early, first) for early, first in zip(due, self.pieces.scheduled(at), strict=True)
        )
        return before, after
