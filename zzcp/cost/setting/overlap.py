"""What a memory brings of the next window where it keeps the overlap with the one before.

Tiles follow each other along one loop of a window: that directly above the tile, after the loops that do not matter to
it. From one step of the loop to the next every instance's tile moves by as many positions as the steps of the tile, and
of the lanes beside it, amount to. What both tiles hold stays where it is (a circular buffer), and the rest is brought.
With the first step of every round of the loop all of the tile is brought.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

from zzcp.cost.setting.axes import Axis, Sizes, exchanged, tile_sizes
from zzcp.cost.setting.lookups import Lookup

Pair = tuple[int, int]
"""A number of the outer and one of the inner loop of a window."""


@dataclass(frozen=True, slots=True)
class Slide:
    """How the tiles of some instances follow each other along a direction.

    Parameters
    ----------
    axis : Axis
        The direction.
    loop : int
        The loop that steps: the outer (0) or the inner one (1).
    tile : (int, int)
        Steps of the outer and the inner loop of the tile of one instance.
    lanes : (int, int)
        Instances side by side along both.
    together : bool
        Whether what all of these are brought counts once, as at the memory above them; else instance by instance.
    """

    axis: Axis
    loop: int
    tile: Pair
    lanes: Pair
    together: bool


@dataclass(frozen=True, slots=True)
class Slid:
    """What is brought along a direction.

    Attributes
    ----------
    whole, new : Sizes
        Sizes of the tiles that are brought as a whole, and of what others add to the tiles before them, each with how
        many there are.
    """

    whole: Sizes
    new: Sizes


@lru_cache(maxsize=1 << 13)
def slid_sizes(slide: Slide, run: int) -> Slid:
    """Return what is brought of all tiles where the loop steps `run` times in a round."""
    if slide.loop:
        other = Slide(exchanged(slide.axis), 0, slide.tile[::-1], slide.lanes[::-1], slide.together)
        return slid_sizes(other, run)
    whole: Counter[int] = Counter()
    new: Counter[int] = Counter()
    for members in _members(slide):
        for number in range(slide.axis.steps[1] // (slide.tile[1] * slide.lanes[1])):
            _add_row(slide, run, members, number, whole, new)
    return Slid(*(tuple(sorted((s, n) for s, n in sizes.items() if s > 0 < n)) for sizes in (whole, new)))


def _members(slide: Slide) -> list[list[Pair]]:
    """Return the instances whose data counts once, all of them or one by one."""
    members = list(product(range(slide.lanes[0]), range(slide.lanes[1])))
    return [members] if slide.together else [[member] for member in members]


def _add_row(
    slide: Slide,
    run: int,
    members: Sequence[Pair],
    number: int,
    whole: Counter[int],
    new: Counter[int],
) -> None:
    """Count the tiles along the outer loop of some instances, in one group of steps of the inner one."""
    axis, (outer, inner), lanes = slide.axis, slide.tile, slide.lanes
    stride = axis.relation.stride
    groups = axis.steps[0] // (outer * lanes[0])
    exist = ((1 << max(axis.end, 0)) - 1) >> max(axis.first, 0) << max(axis.first, 0)

    def held(group: int, member: Pair) -> int:
        """Positions that a tile has, as bits."""
        first = outer * (group * lanes[0] + member[0])
        start = inner * (number * lanes[1] + member[1])
        bits = _taps(axis, start, inner)
        found = 0
        for at in range(first, min(first + outer, axis.sizes[0])):
            found |= bits << stride * at
        return found

    def sizes(group: int, mask: int) -> Pair:
        """Positions of the instances' tiles, and of those what the tiles before do not have."""
        every = added = 0
        for member in members:
            here = held(group, member)
            every |= here
            added |= here & ~held(group - 1, member) if group else here
        return (every & mask).bit_count(), (added & mask).bit_count()

    def add(group: int, size: Pair, count: int = 1) -> None:
        begins = group % run == 0
        (whole if begins else new)[size[not begins]] += count

    # in the middle every tile has all of its steps, and all of its positions exist
    low, high = _middle(slide, members, number, groups)
    for group in range(groups):
        if group < low or group >= high:
            add(group, sizes(group, exist))
    if low < high:
        size = sizes(low, -1)
        rounds = -(-high // run) - -(-low // run)
        whole[size[0]] += rounds
        new[size[1]] += high - low - rounds


def _taps(axis: Axis, start: int, inner: int) -> int:
    """Return the positions of some steps of the inner loop, as bits."""
    return sum(1 << axis.relation.dilation * at for at in range(start, min(start + inner, axis.sizes[1])))


def _middle(slide: Slide, members: Sequence[Pair], number: int, groups: int) -> Pair:
    """Return from which group of tiles on, and to which, all positions of the instances' tiles exist."""
    axis, (outer, inner), lanes = slide.axis, slide.tile, slide.lanes
    stride, dilation = axis.relation.stride, axis.relation.dilation
    step = stride * outer * lanes[0]
    starts = [inner * (number * lanes[1] + member[1]) for member in members]
    least = stride * outer * min(member[0] for member in members) + dilation * min(starts)
    last = [min(start + inner, axis.sizes[1]) - 1 for start in starts if start < axis.sizes[1]]
    most = stride * (outer * (max(member[0] for member in members) + 1) - 1) + dilation * max(last, default=0)
    low = max(1, -(-(axis.first - least) // step))
    high = min(
        (axis.end - 1 - most) // step + 1,
        (axis.sizes[0] - outer * (max(member[0] for member in members) + 1)) // (outer * lanes[0]) + 1,
        groups,
    )
    return low, high


class Slides:
    """The windows of an operand whose overlap some of its memories keep.

    Parameters
    ----------
    axes : sequence of Axis
        The directions of its tensor.
    kept : tuple of bool
        For every link whether the memory below it keeps the overlap.
    loops : tuple of (int, int)
        The loops that move windows which can overlap: the direction, and 0 for its outer or 1 for its inner loop.
    sizes : sequence of (int, int)
        Iterations of the outer and the inner loop of every direction.
    lanes : sequence of sequence of (int, int)
        For every arch level the lanes below it along every direction.
    relevant : int
        Iterations of the other loops that index the tensor.
    relevant_lanes : sequence of int
        For every arch level the lanes below it along those; the last entry: all.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        kept: tuple[bool, ...],
        loops: tuple[Pair, ...],
        sizes: Sequence[Pair],
        lanes: Sequence[Sequence[Pair]],
        relevant: int,
        relevant_lanes: Sequence[int],
    ) -> None:
        self.axes, self.kept, self.loops, self.sizes = tuple(axes), kept, loops, tuple(sizes)
        self.lanes, self.relevant, self.relevant_lanes = lanes, relevant, relevant_lanes
        self._new: dict[tuple[int, int, int, bool], Lookup] = {}
        self._words: dict[tuple[int, int, int, bool, int, int], Lookup] = {}

    def slide(self, number: int, loop: int, link: int, outer: int, inner: int, *, upper: bool) -> Slide:
        """Return how tiles of so many iterations follow each other along a direction, below a link or above it."""
        below, above = self.lanes[link][number], self.lanes[link + 1][number]
        return Slide(
            self.axes[number],
            loop,
            (outer * below[0], inner * below[1]),
            (above[0] // below[0], above[1] // below[1]),
            upper,
        )

    def new(self, number: int, loop: int, link: int, *, upper: bool) -> Lookup:
        """Return the most that a step of a loop adds to a tile along a direction, 0 where nothing follows it.

        The table takes the iterations of the outer and of the inner loop of the direction below the link.
        """
        key = number, loop, link, upper
        if key not in self._new:
            self._new[key] = Lookup(
                _New(self, *key).one, self.sizes[number], 0, max(1, self.axes[number].elements)
            )
        return self._new[key]

    def words(
        self, number: int, loop: int, link: int, *, upper: bool, precision: int, width: int, most: int
    ) -> Lookup:
        """Return the words of all that is brought where a loop steps directly above, every transfer rounded up.

        The table takes what a boundary is made of, as `zzcp.cost.setting.volumes.Volumes.words` does, and after it how
        often the loop steps in a round. No entry exceeds `most`.
        """
        key = number, loop, link, upper, precision, width
        if key not in self._words:
            products = (
                self.relevant,
                *(size for pair in self.sizes for size in pair),
                self.sizes[number][loop],
            )
            self._words[key] = Lookup(_Words(self, *key).one, products, 0, most)
        return self._words[key]


@dataclass(frozen=True, slots=True)
class _New:
    """The most that a step adds."""

    slides: Slides
    number: int
    loop: int
    link: int
    upper: bool

    def one(self, outer: int, inner: int) -> int:
        """Return it for one mapping."""
        slide = self.slides.slide(self.number, self.loop, self.link, outer, inner, upper=self.upper)
        steps = slide.axis.steps[self.loop] // (slide.tile[self.loop] * slide.lanes[self.loop])
        return max((size for size, _ in slid_sizes(slide, steps).new), default=0)


@dataclass(frozen=True, slots=True)
class _Words:
    """Sums of the words of all that is brought."""

    slides: Slides
    number: int
    loop: int
    link: int
    upper: bool
    precision: int
    width: int

    def one(self, relevant: int, *args: int) -> int:
        """Return the sum for one mapping."""
        slides = self.slides
        *windows, run = args
        level = self.link + self.upper
        uniform = relevant * slides.relevant_lanes[level]
        rows: list[Sizes] = []
        for number, (axis, lanes) in enumerate(zip(slides.axes, slides.lanes[level], strict=True)):
            outer, inner = windows[2 * number : 2 * number + 2]
            if number == self.number:
                slide = slides.slide(number, self.loop, self.link, outer, inner, upper=self.upper)
                slid = slid_sizes(slide, run)
                rows.append(slid.whole + slid.new)
            else:
                rows.append(tile_sizes(axis, outer * lanes[0], inner * lanes[1]))
        words = 0
        for parts in product(*rows):
            bits = uniform * prod(size for size, _ in parts) * self.precision
            words += -(-bits // self.width) * prod(count for _, count in parts)
        return slides.relevant * slides.relevant_lanes[-1] // uniform * words
