"""Kinds of layers, and what files select them with."""

from __future__ import annotations

import pytest

from zzcp.errors import InputError
from zzcp.workload import Layer
from zzcp.workload.kinds import Selector, kinds_of

CONV = Layer.conv(k=8, c=16, oy=7, ox=7, fy=3, fx=3)
FIRST = Layer.conv(k=8, c=3, oy=7, ox=7, fy=7, fx=7, stride=2)
POINTWISE = Layer.conv(k=8, c=16, oy=7, ox=7)
GROUPED = Layer.conv(g=2, k=8, c=16, oy=7, ox=7, fy=3, fx=3)
DEPTHWISE = Layer.depthwise(g=32, oy=7, ox=7, fy=5, fx=5)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (CONV, ("convolution",)),
        (FIRST, ("convolution", "first")),
        (POINTWISE, ("convolution", "pointwise")),
        (GROUPED, ("convolution", "grouped")),
        (DEPTHWISE, ("convolution", "depthwise")),
        (Layer.conv(g=1, k=8, c=16, oy=7, ox=7, fy=3, fx=3), ("convolution",)),
        (Layer.gemm(b=4, k=8, c=16), ("matrix-product",)),
        (Layer.gemm(b=1, k=8, c=16), ("matrix-product", "matrix-vector")),
        (
            Layer("O[h][d][k]+=I[h][d][c]*W[h][c][k]", {"H": 2, "D": 4, "K": 4, "C": 4}),
            ("matrix-product",),
        ),
        (Layer.add(g=4, oy=8, ox=8), ("elementwise",)),
        (
            Layer("O[g][ox]+=I[g][ix]", {"G": 4, "OX": 8, "FX": 2}, relations=("ix=2*ox+1*fx",)),
            ("pooling",),
        ),
    ],
)
def test_kinds(layer: Layer, expected: tuple[str, ...]) -> None:
    assert kinds_of(layer) == expected


@pytest.mark.parametrize(
    ("name", "selected"),
    [
        ("is convolution", [CONV, FIRST, POINTWISE, GROUPED, DEPTHWISE]),
        ("is depthwise", [DEPTHWISE]),
        ("is convolution FY=3", [CONV, GROUPED]),
        ("is convolution fy>=5 C<=1", [DEPTHWISE]),
        ("is FX>3", [FIRST, DEPTHWISE]),
        ("is G<2", [CONV, FIRST, POINTWISE]),
    ],
)
def test_selectors(name: str, selected: list[Layer]) -> None:
    selector = Selector.of(name)
    assert selector is not None
    layers = [CONV, FIRST, POINTWISE, GROUPED, DEPTHWISE]
    assert [layer for layer in layers if selector.selects(layer)] == selected


def test_names_are_no_selectors() -> None:
    assert Selector.of("depthwise") is None
    assert Selector.of("isconv") is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("is depthwse", "unknown kind of layer: expected convolution, depthwise,"),
        ("is depthwse", "found depthwse (did you mean 'depthwise'?)"),
        ("is FY==3", "found FY==3"),
        ("is ", "no kind of layer: expected convolution,"),
    ],
)
def test_what_is_no_kind_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Selector.of(name)
    assert message in str(caught.value)
