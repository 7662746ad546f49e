"""Random layers of every kind, from the `random.Random` that the caller seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from zzcp.errors import InputError
from zzcp.workload import DimensionRelation, Equation, Layer

SIZES = (1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12, 13, 16, 17, 20, 24, 32, 37, 48, 64)
FILTERS = (1, 2, 3, 3, 5, 7)
ODD_SIZES = (5, 7, 7, 9, 10, 11, 13, 14, 15, 17, 19, 21, 22, 23, 25, 26, 29, 31, 37)
ODD_FILTERS = (2, 3, 4, 5, 6, 7, 7, 8, 9, 11)
LARGE_SIZES = (96, 100, 113, 128, 200, 256, 384, 500)
MAX_MACS = 2_000_000


def random_layer(rng: Random, kind: str, max_macs: int = MAX_MACS) -> Layer:
    """Return a random layer of one of `KINDS`."""
    while True:
        try:
            layer = ALL_KINDS[kind](rng)
        except InputError:  # more padding than there is input
            continue
        if layer.macs <= max_macs:
            return layer


def odd_layer(rng: Random, layer: Layer) -> Layer:
    """Return the same kind of layer with sizes that hardly anything divides, now and then large ones."""
    sizes = {}
    for dim in layer.sizes:
        pool = ODD_FILTERS if dim in ("FX", "FY") else LARGE_SIZES if rng.random() < 0.1 else ODD_SIZES
        sizes[dim] = 1 if rng.random() < 0.25 else rng.choice(pool)
    return replace(layer, sizes=sizes, padding={}, window_sizes={})


def _precision(rng: Random, weights: int | None = None) -> dict[str, int]:
    partial = rng.choice((8, 16, 16, 24, 32, 20))
    return {
        "W": rng.choice((1, 2, 4, 8, 8, 8, 16, 3)) if weights is None else weights,
        "I": rng.choice((1, 4, 8, 8, 8, 16, 5)),
        "O": partial,
        "O_final": rng.choice((partial, 8, 8, 16)),
    }


def _sizes(rng: Random, names: str) -> dict[str, int]:
    return {name: rng.choice(SIZES) for name in names.split()}


def _image(rng: Random) -> dict[str, int]:
    """Return batch, output and filter sizes."""
    return {
        "b": rng.choice((1, 1, 1, 2, 3, 4)),
        **_sizes(rng, "oy ox"),
        "fy": rng.choice(FILTERS),
        "fx": rng.choice(FILTERS),
    }


def _pair(rng: Random, values: tuple[int, ...]) -> tuple[int, int]:
    return (rng.choice(values), rng.choice(values))


def _conv(rng: Random) -> Layer:
    return Layer.conv(**_image(rng), **_sizes(rng, "k c"), precision=_precision(rng))


def _conv_strided(rng: Random) -> Layer:
    layer = Layer.conv(
        **_image(rng),
        **_sizes(rng, "k c"),
        stride=_pair(rng, (1, 2, 2, 3, 4)),
        padding=_pair(rng, (0, 1, 1, 2, 3)),
        precision=_precision(rng),
    )
    return _padded_unevenly(rng, layer)


def _padded_unevenly(rng: Random, layer: Layer) -> Layer:
    """Pad the two sides differently, or state the windows' sizes outright, in some of the cases."""
    style = rng.choice(("even", "even", "uneven", "stated"))
    if style == "even":
        return layer
    windows = {relation.window: layer.window_size(relation) for relation in layer.relations}
    return Layer(
        layer.equation,
        layer.sizes,
        relations=layer.relations,
        precision=layer.precision,
        padding={dim: (rng.randint(0, 2), rng.randint(0, 2)) for dim in windows} if style == "uneven" else {},
        window_sizes={dim: rng.randint(1, size + 1) for dim, size in windows.items()}
        if style == "stated"
        else {},
    )


def _conv_pointwise(rng: Random) -> Layer:
    image = {**_image(rng), "fy": 1, "fx": 1}
    return Layer.conv(**image, **_sizes(rng, "k c"), stride=rng.choice((1, 1, 2)), precision=_precision(rng))


def _conv_dilated(rng: Random) -> Layer:
    return Layer.conv(
        **_image(rng),
        **_sizes(rng, "k c"),
        stride=_pair(rng, (1, 1, 2, 3, 4)),
        dilation=_pair(rng, (2, 2, 3, 4, 6)),
        padding=_pair(rng, (0, 0, 1, 2)),
        precision=_precision(rng),
    )


def _conv_grouped(rng: Random) -> Layer:
    return Layer.conv(
        **_image(rng),
        **_sizes(rng, "g k c"),
        stride=rng.choice((1, 1, 2)),
        padding=rng.choice((0, 1)),
        precision=_precision(rng),
    )


def _depthwise(rng: Random) -> Layer:
    return Layer.depthwise(
        **_image(rng),
        **_sizes(rng, "g"),
        stride=rng.choice((1, 1, 2)),
        padding=rng.choice((0, 1)),
        precision=_precision(rng),
    )


def _conv_1d(rng: Random) -> Layer:
    """Return a convolution with its loops in any order and no second window."""
    dims = ["B", "K", "C", "OX", "FX"]
    rng.shuffle(dims)
    return Layer(
        Equation.parse("O[b][k][ox]+=W[k][c][fx]*I[b][c][ix]"),
        {dim: rng.choice(FILTERS if dim == "FX" else SIZES) for dim in dims},
        relations=(DimensionRelation("IX", "OX", rng.choice((1, 2, 3)), "FX", rng.choice((1, 1, 2))),),
        precision=_precision(rng),
    )


def _gemm(rng: Random) -> Layer:
    if rng.random() < 0.5:
        return Layer.gemm(**_sizes(rng, "b k c"), precision=_precision(rng))
    return Layer("O[m][n]+=I[m][k]*W[k][n]", _sizes(rng, "M N K"), operator="Gemm", precision=_precision(rng))


def _gemm_batched(rng: Random) -> Layer:
    return Layer.gemm(**_sizes(rng, "b k c"), batch=rng.choice(SIZES), precision=_precision(rng))


def _add(rng: Random) -> Layer:
    if rng.random() < 0.6:
        return Layer.add(**_sizes(rng, "b g oy ox"), precision=_precision(rng))
    return Layer(
        rng.choice(
            (
                "O[b][g][oy][ox]+=W[g]+I[b][g][oy][ox]",
                "O[b][g][oy][ox]+=W[b][g][oy][ox]*I[]",
                "O[b][g][oy][ox]+=W[b][oy]*I[g][ox]",
            )
        ),
        _sizes(rng, "B G OY OX"),
        operator="Add",
        precision=_precision(rng),
    )


def _pooling(rng: Random) -> Layer:
    return Layer.pooling(
        **_image(rng),
        **_sizes(rng, "g"),
        stride=rng.choice((1, 2, 2, 3)),
        padding=rng.choice((0, 0, 1)),
        precision=_precision(rng, weights=rng.choice((0, 0, 0, 8))),
    )


def _one_input(rng: Random) -> Layer:
    """Return a layer without weights: a reduction, a pooling or a copy."""
    equation, dims = rng.choice(
        (
            ("O[b][g][oy][ox]+=I[b][g][iy][ix]", "B G OY OX FY FX"),
            ("O[b][g]+=I[b][g][c]", "B G C"),
            ("O[b][g][c]+=I[b][g][c]", "B G C"),
        )
    )
    relations = ("ix=2*ox+1*fx", "iy=1*oy+1*fy") if "FX" in dims else ()
    precision = _precision(rng)
    del precision["W"]
    return Layer(
        equation,
        {dim: rng.choice(FILTERS if dim in ("FX", "FY") else SIZES) for dim in dims.split()},
        operator="Pooling",
        relations=tuple(DimensionRelation.parse(relation) for relation in relations),
        precision=precision,
    )


KINDS: dict[str, Callable[[Random], Layer]] = {
    "conv": _conv,
    "conv_strided": _conv_strided,
    "conv_pointwise": _conv_pointwise,
    "conv_dilated": _conv_dilated,
    "conv_grouped": _conv_grouped,
    "conv_1d": _conv_1d,
    "depthwise": _depthwise,
    "gemm": _gemm,
    "gemm_batched": _gemm_batched,
    "add": _add,
    "pooling": _pooling,
    "one_input": _one_input,
}
"""Kinds of layers that `random_layer` knows."""


def _output_window(rng: Random) -> Layer:
    """Return a transposed convolution or the input gradient of a convolution: the window is on the output."""
    equation, dims = rng.choice(
        (
            ("O[b][c][iy][ix]+=W[k][c][fy][fx]*I[b][k][oy][ox]", "B K C OY OX FY FX"),
            ("O[g][iy][ix]+=W[g][fy][fx]*I[g][oy][ox]", "G OY OX FY FX"),
            ("O[ix]+=W[fx]*I[ox]", "OX FX"),
            ("O[b][k][ix]+=W[k][c][fx]*I[b][c][ox]", "B K C OX FX"),
        )
    )
    windows = ("X", "Y") if "OY" in dims else ("X",)
    relations = tuple(
        DimensionRelation(
            f"I{axis}", f"O{axis}", rng.choice((1, 1, 2, 3)), f"F{axis}", rng.choice((1, 1, 1, 2))
        )
        for axis in windows
    )
    padding = {f"I{axis}": (rng.choice((0, 0, 1)), rng.choice((0, 0, 1))) for axis in windows}
    return Layer(
        equation,
        {dim: rng.choice(FILTERS if dim in ("FX", "FY") else SIZES) for dim in dims.split()},
        operator="ConvTranspose",
        relations=relations,
        precision=_precision(rng),
        padding=padding,
    )


ALL_KINDS: dict[str, Callable[[Random], Layer]] = {**KINDS, "output_window": _output_window}
"""These, and layers that zigzag-dse does not count: `KINDS` stays what its recorded figures were drawn from."""
