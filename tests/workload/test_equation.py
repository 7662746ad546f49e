"""Equations and sliding windows: what is read, what is refused, and how many positions a window has."""

from __future__ import annotations

import pickle
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zzcp.errors import InputError
from zzcp.workload import DimensionRelation, Equation
from zzcp.workload.equation import MAX_COEFFICIENT

names = st.text(string.ascii_letters, min_size=1, max_size=3).flatmap(
    lambda head: st.text(string.ascii_letters + string.digits + "_", max_size=3).map(lambda rest: head + rest)
)
dimensions = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=4)
spaces = st.text(" \t", max_size=2)


@st.composite
def equations(draw: st.DrawFn) -> tuple[str, list[str], dict[str, tuple[str, ...]], str]:
    """Draw the text of an equation with its operands, their indices and the sign between the inputs."""
    operands = draw(st.lists(names, min_size=2, max_size=4, unique=True))
    indices = {
        operand: tuple(draw(st.lists(dimensions, max_size=4, unique_by=str.upper))) for operand in operands
    }
    sign = draw(st.sampled_from("*+"))

    def tensor(operand: str) -> str:
        brackets = "".join(f"{draw(spaces)}[{draw(spaces)}{dim}{draw(spaces)}]" for dim in indices[operand])
        return f"{draw(spaces)}{operand}{brackets or draw(st.sampled_from(['', '[]', ' [ ]']))}{draw(spaces)}"

    output, *inputs = map(tensor, operands)
    text = f"{output}{draw(st.sampled_from(['=', '+=']))}{sign.join(inputs)}"
    return text, operands, indices, sign if len(inputs) > 1 else "*"


@given(equations())
@settings(max_examples=40)
def test_any_names_in_any_spacing(case: tuple[str, list[str], dict[str, tuple[str, ...]], str]) -> None:
    text, operands, indices, sign = case
    equation = Equation.parse(text)
    assert equation.operands == tuple(operands)
    assert (equation.output, *equation.inputs) == equation.operands
    assert dict(equation.indices) == {
        operand: tuple(dim.upper() for dim in indices[operand]) for operand in operands
    }
    assert equation.combine == sign


@given(equations())
@settings(max_examples=40)
def test_round_trip(case: tuple[str, list[str], dict[str, tuple[str, ...]], str]) -> None:
    equation = Equation.parse(case[0])
    again = Equation.parse(str(equation))
    assert again == equation
    assert hash(again) == hash(equation)
    assert str(again) == str(equation)
    assert pickle.loads(pickle.dumps(equation)) == equation


@pytest.mark.parametrize(
    ("text", "canonical", "combine"),
    [
        ("O[b][k]+=W[k][c]*I[b][c]", "O[b][k]+=W[k][c]*I[b][c]", "*"),
        ("Y[M][N] = A[M][K] * X[K][N]", "Y[m][n]+=A[m][k]*X[k][n]", "*"),
        ("O[x][y]+=W[x][y]+I[x][y]", "O[x][y]+=W[x][y]+I[x][y]", "+"),
        ("O[g] = I[g][c]", "O[g]+=I[g][c]", "*"),
        ("O [ b ] [g]=W[ b][g ] *\tI[]", "O[b][g]+=W[b][g]*I", "*"),
        ("sum=X2[i_1][0]", "sum+=X2[i_1][0]", "*"),
    ],
)
def test_spellings(text: str, canonical: str, combine: str) -> None:
    equation = Equation.parse(text)
    assert (str(equation), equation.combine) == (canonical, combine)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "malformed equation: expected one '=' or '+=', found ''"),
        ("O[b] W[b]", "malformed equation: expected one '=' or '+=', found 'O[b] W[b]'"),
        ("O=W=I", "malformed equation: expected one '=' or '+=', found 'O=W=I'"),
        (
            "O[b]+=W[b]*I[b]+V[b]",
            "malformed equation: expected either '*' or '+' between the inputs, found 'O[b]+=W[b]*I[b]+V[b]'",
        ),
        ("O[b]+=", "malformed equation: expected an operand such as W[k][c], not '', found 'O[b]+='"),
        ("=I[b]", "malformed equation: expected an operand such as W[k][c], not '', found '=I[b]'"),
        (
            "O[b]+=2W[b]",
            "malformed equation: expected an operand such as W[k][c], not '2W[b]', found 'O[b]+=2W[b]'",
        ),
        (
            "O[b]+=W[b,k]",
            "malformed equation: expected an operand such as W[k][c], not 'W[b,k]', found 'O[b]+=W[b,k]'",
        ),
        (
            "O[b]+=W[b",
            "malformed equation: expected an operand such as W[k][c], not 'W[b', found 'O[b]+=W[b'",
        ),
        ("O[b]+=I[b]*I[b]", "operand I occurs twice in the equation: found O[b]+=I[b]*I[b]"),
        ("O[b]+=W[b][B]", "operand W has a repeated index: found O[b]+=W[b][B]"),
    ],
)
def test_equations_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Equation.parse(text)
    assert str(caught.value) == message


def test_indices_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        Equation.parse("O[b]+=I[b]").indices["O"] = ()  # type: ignore[index]


coefficients = st.integers(1, 9)
counts = st.integers(1, 9)


@given(dimensions, dimensions, dimensions, coefficients, coefficients, spaces)
def test_relations_round_trip(
    window: str, outer: str, inner: str, stride: int, dilation: int, space: str
) -> None:
    if len({window.upper(), outer.upper(), inner.upper()}) < 3:
        with pytest.raises(InputError, match="needs three different dimensions"):
            DimensionRelation.parse(f"{window}={stride}*{outer}+{dilation}*{inner}")
        return
    text = space.join([window, "=", str(stride), "*", outer, "+", str(dilation), "*", inner])
    relation = DimensionRelation.parse(text)
    assert relation == DimensionRelation(window.upper(), outer.upper(), stride, inner.upper(), dilation)
    assert DimensionRelation.parse(str(relation)) == relation
    assert pickle.loads(pickle.dumps(relation)) == relation


def test_a_coefficient_of_one_may_be_left_out() -> None:
    assert DimensionRelation.parse("ix=ox+fx") == DimensionRelation("IX", "OX", 1, "FX", 1)
    assert DimensionRelation.parse(" iy = 2*oy + fy ") == DimensionRelation("IY", "OY", 2, "FY", 1)
    assert str(DimensionRelation.parse("ix=ox+3*fx")) == "ix=1*ox+3*fx"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ix=ox", "malformed dimension relation: expected the form ix=2*ox+1*fx, found 'ix=ox'"),
        (
            "ix=2*ox-1*fx",
            "malformed dimension relation: expected the form ix=2*ox+1*fx, found 'ix=2*ox-1*fx'",
        ),
        (
            "ix=1.5*ox+fx",
            "malformed dimension relation: expected the form ix=2*ox+1*fx, found 'ix=1.5*ox+fx'",
        ),
        (
            "ix=ox+fx+kx",
            "malformed dimension relation: expected the form ix=2*ox+1*fx, found 'ix=ox+fx+kx'",
        ),
        ("ix=0*ox+fx", f"relation of IX: stride out of range: expected 1 to {MAX_COEFFICIENT}, found 0"),
        (
            "ix=ox+1048577*fx",
            f"relation of IX: dilation out of range: expected 1 to {MAX_COEFFICIENT}, found 1048577",
        ),
        ("ix=2*ix+fx", "relation of IX needs three different dimensions: found ix=2*ix+1*fx"),
        ("ix=ox+ox", "relation of IX needs three different dimensions: found ix=1*ox+1*ox"),
    ],
)
def test_relations_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        DimensionRelation.parse(text)
    assert str(caught.value) == message


def positions(relation: DimensionRelation, outer: int, inner: int) -> set[int]:
    """Return every position that a window takes."""
    return {relation.stride * i + relation.dilation * j for i in range(outer) for j in range(inner)}


@given(coefficients, coefficients, counts, counts)
def test_distinct_counts_the_positions(stride: int, dilation: int, outer: int, inner: int) -> None:
    relation = DimensionRelation("IX", "OX", stride, "FX", dilation)
    touched = positions(relation, outer, inner)
    assert relation.distinct(outer, inner) == len(touched)
    assert relation.span(outer, inner) == max(touched) - min(touched) + 1
    # it does not matter which of the two loops is called the outer one
    assert DimensionRelation("IX", "FX", dilation, "OX", stride).distinct(inner, outer) == len(touched)


@given(coefficients, coefficients, st.lists(st.tuples(counts, counts), min_size=1, max_size=20))
@settings(max_examples=50)
def test_distinct_of_arrays_is_element_wise(stride: int, dilation: int, tiles: list[tuple[int, int]]) -> None:
    relation = DimensionRelation("IX", "OX", stride, "FX", dilation)
    outer, inner = np.array(tiles).T
    for count in (relation.distinct, relation.distinct_zigzag):
        assert count(outer, inner).tolist() == [count(i, j) for i, j in tiles]


@given(coefficients, coefficients, counts, counts)
def test_zigzag_counts_too_many_positions_of_narrow_tiles(
    stride: int, dilation: int, outer: int, inner: int
) -> None:
    relation = DimensionRelation("IX", "OX", stride, "FX", dilation)
    step = relation.dilation // np.gcd(stride, dilation)
    surplus = relation.distinct_zigzag(outer, inner) - relation.distinct(outer, inner)
    assert surplus >= 0
    if outer >= step:
        assert surplus == 0


def test_an_example_of_zigzags_surplus() -> None:
    """A window of 3 elements 4 apart, moved by 1 once: 6 positions; ZigZag takes 2 x 3 + 2 x (4 - 2) = 10."""
    relation = DimensionRelation.parse("ix=ox+4*fx")
    assert relation.distinct(2, 3) == 6
    assert relation.distinct_zigzag(2, 3) == 10
