"""Einsum nodes against numpy, and against onnx-tool."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.io.onnx.builders import ModelBuilder, save
from tests.io.onnx.counted import tool_macs
from zzcp.errors import InputError
from zzcp.io.onnx import load_onnx
from zzcp.workload import Network


def build(equation: str, *shapes: tuple[int, ...]) -> onnx.ModelProto:
    net = ModelBuilder()
    net.node("Einsum", *(net.input(*shape) for shape in shapes), name="contraction", equation=equation)
    return net.build()


def read(folder: Path, equation: str, *shapes: tuple[int, ...]) -> Network:
    return load_onnx(save(build(equation, *shapes), folder))


@pytest.mark.parametrize(
    ("equation", "left", "right", "form", "sizes"),
    [
        ("bij,bjk->bik", (3, 4, 5), (3, 5, 6), "O[b][d][k]+=I[b][d][c]*W[b][k][c]", "B=3 D=4 K=6 C=5"),
        ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5), "O[b][d][k]+=I[b][d][c]*W[b][k][c]", "B=6 D=4 K=6 C=5"),
        ("bhwc,hkc->bhwk", (2, 3, 4, 5), (3, 6, 5), "O[b][d][k]+=I[b][d][c]*W[b][k][c]", "B=3 D=8 K=6 C=5"),
        ("...ij,...jk->...ik", (2, 3, 4, 5), (2, 3, 5, 6), "O[b][d][k]+=I[b][d][c]*W[b][k][c]", "B=6 D=4 K=6 C=5"),
        ("ij,jk", (4, 5), (5, 6), "O[d][k]+=I[d][c]*W[k][c]", "D=4 K=6 C=5"),
        ("i,j->ij", (4,), (6,), "O[d][k]+=I[d][c]*W[k][c]", "D=4 K=6 C=1"),
        ("i,i->", (4,), (4,), "O+=I[c]*W[c]", "C=4"),
        ("ij,k->k", (4, 5), (6,), "O[k]+=I[c][s]*W[k][c]", "K=6 C=1 S=20"),
    ],
)  # fmt: skip
def test_forms(
    equation: str, left: tuple[int, ...], right: tuple[int, ...], form: str, sizes: str, tmp_path: Path
) -> None:
    (layer,) = read(tmp_path, equation, left, right)
    assert str(layer.equation) == form
    assert " ".join(f"{dim}={size}" for dim, size in layer.sizes.items()) == sizes
    assert layer.operator == "Einsum"


@pytest.mark.parametrize("equation", ["bij,bjk->bik", "bij,bkj->bik", "bij,kj->bik"])
def test_operations_equal_those_of_onnx_tool(equation: str, tmp_path: Path) -> None:
    sizes = {"b": 3, "i": 4, "j": 5, "k": 6}
    left, right = equation.partition("->")[0].split(",")
    model = build(equation, *(tuple(sizes[letter] for letter in part) for part in (left, right)))
    assert load_onnx(save(model, tmp_path)).macs == tool_macs(model) == 360


@given(st.data())
def test_elements_are_those_of_numpy(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    letters = data.draw(st.lists(st.sampled_from("abcde"), min_size=1, unique=True))
    sizes = {letter: data.draw(st.integers(1, 4)) for letter in letters}
    left, right = (
        "".join(data.draw(st.lists(st.sampled_from(letters), min_size=1, unique=True))) for _ in range(2)
    )
    used = sorted(set(left + right))
    output = "".join(data.draw(st.lists(st.sampled_from(used), unique=True)))
    shapes = [tuple(sizes[letter] for letter in part) for part in (left, right)]
    (layer,) = read(tmp_path_factory.getbasetemp(), f"{left},{right}->{output}", *shapes)
    result = np.einsum(f"{left},{right}->{output}", *(np.ones(shape) for shape in shapes))
    assert layer.macs == result.sum()
    assert layer.tensor_size("O") == result.size
    assert [layer.tensor_size("I"), layer.tensor_size("W")] == [math.prod(shape) for shape in shapes]


@pytest.mark.parametrize(
    ("equation", "shapes", "reason", "macs"),
    [
        ("ij->ji", [(4, 5)], "Einsum of one tensor: no multiply-accumulate work", 0),
        ("ii,ij->j", [(4, 4), (4, 5)], "Einsum over a diagonal", None),
        ("i,i,i->i", [(4,), (4,), (4,)], "Einsum of 3 tensors", None),
    ],
)
def test_what_is_left_out(
    equation: str, shapes: list[tuple[int, ...]], reason: str, macs: int | None, tmp_path: Path
) -> None:
    (node,) = read(tmp_path, equation, *shapes).skipped
    assert node.reason.startswith(reason)
    assert node.macs == macs


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("ij,jk,->ik", "malformed equation"),
        ("i1,jk->ik", "malformed equation"),
        ("ijk,jk->ik", "the equation does not fit its tensors: expected 2 indices, found 'ijk'"),
        ("ij,ik->jk", "tensors disagree about the index i: found 5 and 4"),
    ],
)
def test_contradictions(equation: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, equation, (4, 5), (5, 6))
    assert message in str(error.value)
    assert error.value.place.field == "node contraction"
