"""Layers: tiles and tensors against an enumeration of indices, relevance, constructors, and what is refused."""

from __future__ import annotations

import itertools
import math
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.random_layers import KINDS, random_layer
from zzcp.errors import InputError
from zzcp.workload import DimensionRelation, Equation, Layer
from zzcp.workload.checks import MAX_LOOP


def iterations(layer: Layer, factors: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Yield the value of every loop in every iteration of a tile."""
    ranges = [range(factors.get(dim, 1)) for dim in layer.sizes]
    for values in itertools.product(*ranges):
        yield dict(zip(layer.sizes, values, strict=True))


def element(layer: Layer, operand: str, loops: Mapping[str, int]) -> tuple[int, ...]:
    """Return the index of the element of an operand that an iteration uses."""
    windows = {
        relation.window: relation.stride * loops[relation.outer] + relation.dilation * loops[relation.inner]
        for relation in layer.relations
    }
    return tuple((loops | windows)[dim] for dim in layer.equation.indices[operand])


def touched(layer: Layer, operand: str, factors: Mapping[str, int]) -> set[tuple[int, ...]]:
    """Return the elements of an operand that a tile uses."""
    return {element(layer, operand, loops) for loops in iterations(layer, factors)}


def stored(layer: Layer, operand: str, elements: set[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """Return those of an operand's elements that are not zero padding."""
    ends = {
        relation.window: (
            layer.padding.get(relation.window, (0, 0))[0],
            relation.span(layer.sizes[relation.outer], layer.sizes[relation.inner])
            - layer.padding.get(relation.window, (0, 0))[1],
        )
        for relation in layer.relations
    }
    dims = layer.equation.indices[operand]
    return {
        index
        for index in elements
        if all(
            dim not in ends or ends[dim][0] <= at < ends[dim][1] for dim, at in zip(dims, index, strict=True)
        )
    }


small = st.integers(1, 3)
pairs = st.tuples(small, small)
padding = st.tuples(st.integers(0, 2), st.integers(0, 2))


@st.composite
def layers(draw: st.DrawFn, *, padded: bool = False) -> Layer:
    """Draw a small layer of one of the kinds that have a constructor."""
    image = {dim: draw(small) for dim in ("b", "oy", "ox", "fy", "fx")}
    options: dict[str, Any] = {"stride": draw(pairs), "padding": draw(padding) if padded else 0}
    kind = draw(st.sampled_from(["conv", "grouped", "depthwise", "pooling", "gemm", "batched", "add"]))
    if kind in ("conv", "grouped", "depthwise"):
        options["dilation"] = draw(pairs)
    while True:
        try:
            match kind:
                case "conv":
                    return Layer.conv(k=draw(small), c=draw(small), **image, **options)
                case "grouped":
                    return Layer.conv(g=draw(small), k=draw(small), c=draw(small), **image, **options)
                case "depthwise":
                    return Layer.depthwise(g=draw(small), **image, **options)
                case "pooling":
                    return Layer.pooling(g=draw(small), **image, **options)
                case "gemm":
                    return Layer.gemm(b=draw(small), k=draw(small), c=draw(small))
                case "batched":
                    return Layer.gemm(b=draw(small), k=draw(small), c=draw(small), batch=draw(small))
                case _:
                    return Layer.add(g=draw(small), b=image["b"], oy=image["oy"], ox=image["ox"])
        except InputError:  # nothing left after padding
            options["padding"] = 0


@given(layers(), st.data())
@settings(max_examples=40)
def test_a_tile_has_the_elements_that_its_loops_touch(layer: Layer, data: st.DataObject) -> None:
    tile = {dim: data.draw(st.integers(1, size)) for dim, size in layer.sizes.items()}
    for operand in layer.operands:
        assert layer.tile_size(operand, tile) == len(touched(layer, operand, tile)), operand
        given_loops = {dim: size for dim, size in tile.items() if size > 1}
        assert layer.tile_size(operand, given_loops) == layer.tile_size(operand, tile)


@given(layers(padded=True))
@settings(max_examples=40)
def test_a_tensor_has_the_elements_that_the_layer_touches_but_no_padding(layer: Layer) -> None:
    assert layer.macs == math.prod(layer.sizes.values())
    for operand in layer.operands:
        elements = touched(layer, operand, layer.sizes)
        assert layer.tensor_size(operand) == len(stored(layer, operand, elements)), operand


@given(layers())
@settings(max_examples=40)
def test_relevance_says_which_loops_change_the_element(layer: Layer) -> None:
    for operand in layer.operands:
        relevance = layer.relevance(operand)
        changing = {
            dim
            for dim, size in layer.sizes.items()
            if size > 1 and len(touched(layer, operand, {dim: size})) > 1
        }
        windows = set(relevance.partially_relevant)
        assert changing == set(relevance.relevant) | {dim for dim in windows if layer.sizes[dim] > 1}
        assert set(relevance.irrelevant) == {
            dim for dim, size in layer.sizes.items() if size > 1 and dim not in changing
        }
        assert {relation.window for relation in relevance.partial} == (
            {relation.window for relation in layer.relations} & set(layer.equation.indices[operand])
        )


def test_relevance_of_a_convolution() -> None:
    layer = Layer.conv(k=2, c=3, oy=4, ox=1, fy=3, fx=3)
    weights, inputs, outputs = (layer.relevance(operand) for operand in "WIO")
    assert (weights.relevant, weights.irrelevant, weights.partial) == (("K", "C", "FY", "FX"), ("OY",), ())
    assert (inputs.relevant, inputs.irrelevant) == (("C",), ("K",))
    assert [str(relation) for relation in inputs.partial] == ["ix=1*ox+1*fx", "iy=1*oy+1*fy"]
    assert inputs.partially_relevant == ("OX", "FX", "OY", "FY")
    assert (outputs.relevant, outputs.irrelevant) == (("K", "OY"), ("C", "FY", "FX"))


@pytest.mark.parametrize(
    ("layer", "equation", "sizes", "tensors"),
    [
        (
            Layer.conv(b=2, k=8, c=3, oy=5, ox=6, fy=3, fx=2, stride=(2, 1), dilation=(1, 2)),
            "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
            {"B": 2, "K": 8, "C": 3, "OY": 5, "OX": 6, "FY": 3, "FX": 2},
            {"O": 2 * 8 * 30, "W": 8 * 3 * 6, "I": 2 * 3 * 11 * 8},
        ),
        (
            Layer.conv(g=4, k=2, c=3, oy=5, ox=5, fy=3, fx=3, padding=(1, 0)),
            "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]",
            {"G": 4, "B": 1, "K": 2, "C": 3, "OY": 5, "OX": 5, "FY": 3, "FX": 3},
            {"O": 4 * 2 * 25, "W": 4 * 2 * 3 * 9, "I": 4 * 3 * 5 * 7},
        ),
        (
            Layer.depthwise(g=16, oy=7, ox=7, fy=3, fx=3, stride=2, padding=1),
            "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]",
            {"G": 16, "B": 1, "K": 1, "C": 1, "OY": 7, "OX": 7, "FY": 3, "FX": 3},
            {"O": 16 * 49, "W": 16 * 9, "I": 16 * 13 * 13},
        ),
        (
            Layer.gemm(b=10, k=20, c=30),
            "O[b][k]+=W[k][c]*I[b][c]",
            {"B": 10, "K": 20, "C": 30},
            {"O": 200, "W": 600, "I": 300},
        ),
        (
            Layer.gemm(b=10, k=20, c=30, batch=4),
            "O[h][b][k]+=W[h][k][c]*I[h][b][c]",
            {"H": 4, "B": 10, "K": 20, "C": 30},
            {"O": 800, "W": 2400, "I": 1200},
        ),
        (
            Layer.pooling(g=8, oy=4, ox=4, fy=3, fx=3, stride=2),
            "O[b][g][oy][ox]+=W[fy][fx]*I[b][g][iy][ix]",
            {"B": 1, "G": 8, "OY": 4, "OX": 4, "FY": 3, "FX": 3},
            {"O": 8 * 16, "W": 9, "I": 8 * 81},
        ),
        (
            Layer.add(g=8, b=2, oy=3, ox=5),
            "O[b][g][oy][ox]+=W[b][g][oy][ox]+I[b][g][oy][ox]",
            {"B": 2, "G": 8, "OY": 3, "OX": 5},
            {"O": 240, "W": 240, "I": 240},
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Layer) else "",
)
def test_constructors(layer: Layer, equation: str, sizes: dict[str, int], tensors: dict[str, int]) -> None:
    assert str(layer.equation) == equation
    assert list(layer.sizes.items()) == list(sizes.items())
    assert {operand: layer.tensor_size(operand) for operand in layer.operands} == tensors


def test_what_constructors_pass_on() -> None:
    conv = Layer.conv(
        k=2, oy=4, ox=4, fy=3, fx=3, stride=(2, 3), dilation=(4, 5), padding=(1, 2), name="first", id=7
    )
    assert (conv.name, conv.id, conv.operator) == ("first", 7, "Conv")
    assert [str(relation) for relation in conv.relations] == ["ix=3*ox+5*fx", "iy=2*oy+4*fy"]
    assert conv.padding == {"IX": (2, 2), "IY": (1, 1)}
    assert Layer.conv(k=2, padding=(0, 0)).padding == {}
    assert [Layer.add(g=1).operator, Layer.gemm(b=1, k=1, c=1).operator, Layer.pooling(g=1).operator] == [
        "Add",
        "Gemm",
        "Pooling",
    ]


@pytest.mark.parametrize(
    ("given_bits", "bits"),
    [
        ({}, {"O": 16, "O_final": 8, "W": 8, "I": 8}),
        ({"O": 24}, {"O": 24, "O_final": 24, "W": 8, "I": 8}),
        ({"O_final": 4}, {"O": 16, "O_final": 4, "W": 8, "I": 8}),
        ({"W": 4, "O": 24, "O_final": 8}, {"O": 24, "O_final": 8, "W": 4, "I": 8}),
    ],
)
def test_precision(given_bits: dict[str, int], bits: dict[str, int]) -> None:
    layer = Layer.gemm(b=2, k=2, c=2, precision=given_bits)
    assert layer.precision == bits
    assert layer.final_precision == bits["O_final"]


def test_weights_of_a_pooling_take_no_bits() -> None:
    assert Layer.pooling(g=2, fy=2).precision["W"] == 0
    assert Layer.pooling(g=2, fy=2, precision={"W": 8}).precision["W"] == 8


def test_sources() -> None:
    layer = Layer("O[k]+=W[k][c]*I[c]", {"K": 2, "C": 2}, id=3, sources={"W": 3, "I": 1})
    assert layer.sources == {"I": 1}  # an operand that comes from the layer itself is constant
    assert layer.constant_operands == ("W",)
    assert Layer.gemm(b=1, k=1, c=1).constant_operands == ("W", "I")


@pytest.mark.parametrize(
    ("equation", "links"),
    [
        ("O[b]+=W[b]*I[b]", {"O": "O", "W": "I2", "I": "I1"}),
        ("O[b]+=I[b]*W[b]", {"O": "O", "W": "I2", "I": "I1"}),
        ("Y[b]+=A[b]*X[b]", {"Y": "O", "A": "I2", "X": "I1"}),
        ("O[b]+=I[b]", {"O": "O", "I": "I1"}),
        ("O[b]+=W[b]", {"O": "O", "W": "I2"}),
        ("Y[b]+=X[b]", {"Y": "O", "X": "I1"}),
    ],
)
def test_default_links(equation: str, links: dict[str, str]) -> None:
    assert Layer(equation, {"B": 2}).default_links == links


def test_names_in_either_case() -> None:
    lower = Layer(
        "O[ox]+=W[fx]*I[ix]",
        {"ox": 4, "fx": 3},
        relations=("ix=ox+fx",),
        padding={"ix": (1, 0)},
        id=2,
    )
    assert lower.sizes == {"OX": 4, "FX": 3}
    assert lower.padding == {"IX": (1, 0)}
    assert lower.relations == (DimensionRelation("IX", "OX", 1, "FX", 1),)
    assert lower.name == "Layer2"
    assert lower.window_size(lower.relations[0]) == 5
    assert replace(lower, window_sizes={"ix": 9}, padding={}).window_size(lower.relations[0]) == 9


WINDOW = {"equation": "O[ox]+=W[fx]*I[ix]", "sizes": {"OX": 4, "FX": 3}, "relations": ("ix=ox+fx",)}
GEMM = {"equation": "O[b][k]+=W[k][c]*I[b][c]", "sizes": {"B": 2, "K": 3, "C": 4}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (GEMM | {"sizes": {"B": 0, "K": 3, "C": 4}}, f"loop B: size out of range: expected 1 to {MAX_LOOP}, found 0"),
        (
            GEMM | {"sizes": {"B": 1, "K": 3, "C": MAX_LOOP + 1}},
            f"loop C: size out of range: expected 1 to {MAX_LOOP}, found {MAX_LOOP + 1}",
        ),
        (
            GEMM | {"sizes": {"B": 10**10, "K": 10**5, "C": 10**5}},
            "sizes: the layer is too large: expected at most 2^62 operations, found 100000000000000000000",
        ),
        (
            GEMM | {"sizes": {"B": 2, "K": 3}},
            "equation: operand W is indexed by an unknown dimension: expected B, K, found C",
        ),
        (
            GEMM | {"sizes": {"B": 2, "KK": 3, "C": 4}},
            "equation: operand O is indexed by an unknown dimension: expected B, KK, C, found K "
            "(did you mean 'KK'?)",
        ),
        (
            GEMM | {"sizes": {"B": 2, "K": 3, "C": 4, "D": 5}},
            "sizes: loop D indexes no operand: found O[b][k]+=W[k][c]*I[b][c] (remove it)",
        ),
        (GEMM | {"precision": {"W": -1}}, "precision of W out of range: expected 0 to 4096 bits, found -1"),
        (
            GEMM | {"precision": {"o_final": 8}},
            "precision.o_final: precision of an unknown operand: expected W, I, O, O_final, found o_final "
            "(did you mean 'O_final'?)",
        ),
        (GEMM | {"sources": {"O": 1}}, "sources: source of an operand that is no input: expected W, I, found O"),
        (
            GEMM | {"padding": {"B": (1, 1)}},
            "window_sizes: padding of a dimension that is no window: "
            "expected none, since the layer has no windows, found B",
        ),
        (
            WINDOW | {"window_sizes": {"OX": 4}},
            "window_sizes: size of a dimension that is no window: expected IX, found OX",
        ),
        (WINDOW | {"padding": {"IX": (0, -1)}}, "padding: padding of IX out of range: expected >= 0, found (0, -1)"),
        (
            WINDOW | {"padding": {"IX": (3, 3)}},
            "padding: window dimension IX has no elements left after padding",
        ),
        (
            WINDOW | {"relations": ("ix=ox+fx", "ix=2*ox+fx")},
            "relations: a window dimension has two relations: found ix=1*ox+1*fx, ix=2*ox+1*fx",
        ),
        (
            WINDOW | {"sizes": {"OX": 4}},
            "relations: relation ix=1*ox+1*fx uses a loop without a size: found FX",
        ),
        (
            WINDOW | {"sizes": {"OX": 4, "FX": 3, "IX": 6}},
            "relations: IX is both a loop and a window dimension: found ix=1*ox+1*fx",
        ),
        (
            WINDOW | {"equation": "O[ox]+=W[fx]*I[ix][ox]"},
            "equation: operand I uses a loop both directly and in a window",
        ),
    ],
)  # fmt: skip
def test_layers_that_cannot_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Layer(**fields)
    assert str(caught.value) == message


def test_a_loop_of_one_iteration_needs_no_operand() -> None:
    assert Layer("O[b]+=I[b]", {"B": 4, "C": 1}).macs == 4


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 10**6))
@settings(max_examples=40)
def test_layers_are_values(kind: str, seed: int) -> None:
    layer, again = random_layer(Random(seed), kind), random_layer(Random(seed), kind)
    assert layer == again
    assert layer.signature() == again.signature()
    for copy in (again, pickle.loads(pickle.dumps(layer)), replace(layer)):
        assert copy == layer
        assert hash(copy) == hash(layer)
    assert replace(layer, name="another").signature() == layer.signature()
    assert replace(layer, id=layer.id + 1).signature() == layer.signature()
    assert replace(layer, name="another") != layer


def test_equal_layers_have_equal_hashes_whatever_the_order_of_their_fields() -> None:
    first = Layer("O[b][k]+=W[k]*I[b]", {"B": 2, "K": 3}, precision={"W": 4, "I": 2})
    second = Layer(Equation.parse("O[b][k]+=W[k]*I[b]"), {"K": 3, "B": 2}, precision={"I": 2, "W": 4})
    assert first == second
    assert hash(first) == hash(second)


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": {"OX": 4, "FX": 2}},
        {"relations": ("ix=2*ox+fx",)},
        {"precision": {"W": 4}},
        {"padding": {"IX": (0, 1)}},
        {"window_sizes": {"IX": 5}},
        {"equation": "O[ox]+=W[fx]+I[ix]"},
    ],
)
def test_what_a_signature_tells_apart(change: dict[str, Any]) -> None:
    assert Layer(**WINDOW).signature() != Layer(**(WINDOW | change)).signature()
