"""Elements of a window dimension that are in memory: with padding and gaps, against an enumeration."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from zzcp.errors import InputError
from zzcp.workload import Layer

small = st.integers(1, 7)


def layer_with(outer: int, inner: int, stride: int, dilation: int, padding: tuple[int, int]) -> Layer:
    return Layer(
        "O[ox]+=W[fx]*I[ix]",
        {"OX": outer, "FX": inner},
        relations=(f"ix={stride}*ox+{dilation}*fx",),
        padding={"IX": padding},
    )


@given(small, small, small, small, st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_window_size_counts_what_is_touched(
    outer: int, inner: int, stride: int, dilation: int, padding: tuple[int, int]
) -> None:
    try:
        layer = layer_with(outer, inner, stride, dilation, padding)
    except InputError:
        assume(False)
    (relation,) = layer.relations
    end = relation.span(outer, inner) - padding[1]
    touched = {stride * i + dilation * j for i in range(outer) for j in range(inner)}
    assert layer.window_size(relation) == len([place for place in touched if padding[0] <= place < end])


@given(small, small, small, small, st.integers(0, 60))
def test_distinct_below_counts_positions(
    outer: int, inner: int, stride: int, dilation: int, limit: int
) -> None:
    (relation,) = layer_with(outer, inner, stride, dilation, (0, 0)).relations
    touched = {stride * i + dilation * j for i in range(outer) for j in range(inner)}
    assert relation.distinct_below(limit, outer, inner) == len([place for place in touched if place < limit])


def test_padding_that_the_window_steps_over_is_not_taken_off() -> None:
    """Positions 0, 3, ..., 15 of which 2 to 13 are in memory: four, where taking off the padding left two."""
    layer = layer_with(6, 1, 3, 1, (2, 2))
    assert layer.window_size(layer.relations[0]) == 4
    assert layer.window_size(layer.relations[0], zigzag=True) == 2
