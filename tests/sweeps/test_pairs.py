"""All pairs of points along an axis: counted by sorting, they are those that are found one by one."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from zzcp.sweeps.axes import Axis
from zzcp.sweeps.fields import Field
from zzcp.sweeps.order import Order, ordered, places_of
from zzcp.sweeps.pairs import Counts, Figures, compared
from zzcp.sweeps.values import Kind

VALUES = st.integers(1, 4)


def axis(steps: list[tuple[int, ...]], better: tuple[int, ...]) -> Axis:
    fields = tuple(
        Field(f"f{number}", Kind.SIZE, lambda _: None, lambda subject, _: subject, way)
        for number, way in enumerate(better)
    )
    return Axis(fields, tuple(steps))


def one_by_one(figures: Figures, line: Axis) -> tuple[Counts, list[tuple[int, int]]]:
    """Return what the theorem says of all pairs, looked at one by one."""
    counts, against = Counts(), []
    for worse, better in permutations(range(len(line.steps)), 2):
        if not ordered(line, line.steps[worse], line.steps[better]):
            continue
        before, after, bound = figures.objectives[worse], figures.objectives[better], figures.bounds[better]
        slow, slower = figures.loading[worse], figures.loading[better]
        contradicts = before is not None and (bound is None or Fraction(math.nextafter(bound, 0.0)) > before)
        if contradicts:
            against.append((worse, better))
        both = not contradicts and before is not None and after is not None
        counts = counts.plus(
            Counts(
                1,
                both and after <= before,  # type: ignore[operator]
                both and after > before,  # type: ignore[operator]
                slow is not None and slower is not None and slower > slow,
                contradicts,
            )
        )
    return counts, against


@st.composite
def lines(draw: st.DrawFn) -> tuple[Figures, Axis]:
    better = draw(st.lists(st.sampled_from((-1, 0, 1)), min_size=1, max_size=2).map(tuple))
    most = draw(st.sampled_from((8, 200)))  # more than are looked at one by one, too
    value = st.integers(1, 4) if most == 8 else st.integers(1, 10**4)
    steps = draw(st.lists(st.tuples(*(value for _ in better)), min_size=1, max_size=most, unique=True))
    objectives, bounds, loading = [], [], []
    for _ in steps:
        found = draw(st.sampled_from("mmmui"))
        objectives.append(draw(VALUES.map(lambda v: Fraction(v, 3))) if found == "m" else None)
        bounds.append(None if found == "i" else draw(VALUES.map(lambda v: v / 3)))
        loading.append(draw(VALUES) if found == "m" else None)
    return Figures(objectives, bounds, loading), axis(steps, better)


@given(lines())
def test_all_pairs_are_counted(drawn: tuple[Figures, Axis]) -> None:
    figures, line = drawn
    counts, against = one_by_one(figures, line)
    order = Order.of(line, line.steps, places_of(line))
    assert compared(figures, order, 10**6) == (counts, against)
    assert order.any() is (counts.pairs > 0)
    assert compared(figures, order, 2)[1] == against[:2]


def test_many_points_are_compared_at_once() -> None:
    number = 20_000
    line = axis([(step,) for step in range(1, number + 1)], (1,))
    figures = Figures([Fraction(number, step) for step in range(1, number + 1)], [0.5] * number, [3] * number)
    counts, against = compared(figures, Order.of(line, line.steps, places_of(line)), 5)
    pairs = number * (number - 1) // 2
    assert counts == Counts(pairs=pairs, improved=pairs)
    assert against == []


def test_steps_that_occur_twice_are_not_compared_with_each_other() -> None:
    line = axis([(1,), (2,)], (1,))
    figures = Figures([Fraction(2), Fraction(3), Fraction(1)], [2.0, 3.0, 1.0], [0, 0, 0])
    order = Order.of(line, [(1,), (1,), (2,)], places_of(line))
    assert compared(figures, order, 5) == (Counts(pairs=2, improved=2), [])
