"""Attention in one node: against the two products that it stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.io.onnx.builders import ModelBuilder, save
from tests.io.onnx.counted import tool_macs
from zzcp.errors import InputError
from zzcp.io.onnx import load_onnx


def build(
    *shapes: tuple[int, ...], operator: str = "Attention", domain: str = "", **attributes: Any
) -> onnx.ModelProto:
    net = ModelBuilder(23)
    parts = [net.node("Relu", net.input(*shape)) for shape in shapes]
    net.node(operator, *parts, name="sdpa", domain=domain, **attributes)
    return net.build()


def products(batch: int, heads: int, queries: int, keys: int, depth: int, values: int) -> onnx.ModelProto:
    """Return the two products of an attention, keys and values repeated for every head."""
    net = ModelBuilder()
    query = net.input(batch, heads, queries, depth)
    scores = net.node("MatMul", query, net.input(batch, heads, depth, keys))
    net.node("MatMul", scores, net.input(batch, heads, keys, values))
    return net.build()


def test_layers(tmp_path: Path) -> None:
    network = load_onnx(save(build((2, 8, 16, 32), (2, 8, 20, 32), (2, 8, 20, 24)), tmp_path))
    scores, context = network
    assert (scores.name, context.name) == ("sdpa/scores", "sdpa/context")
    assert scores.sizes == {"B": 2, "H": 8, "D": 16, "C": 32, "K": 20}
    assert context.sizes == {"B": 2, "H": 8, "D": 16, "C": 20, "K": 24}
    assert scores.sources == {"I": 0, "W": 1}
    assert context.sources == {"I": scores.id, "W": 2}
    assert context.id == 3
    assert network.macs == tool_macs(products(2, 8, 16, 20, 32, 24))


def test_grouped_queries_share_keys_and_values(tmp_path: Path) -> None:
    """Eight heads of queries, two of keys and values: those are there twice, not eight times."""
    network = load_onnx(save(build((1, 8, 16, 32), (1, 2, 16, 32), (1, 2, 16, 32)), tmp_path))
    assert str(network[0].equation) == "O[b][h][g][d][k]+=I[b][h][g][d][c]*W[b][h][c][k]"
    assert network[0].sizes == {"B": 1, "H": 2, "D": 16, "G": 4, "C": 32, "K": 16}
    assert [layer.tensor_size("W") for layer in network] == [2 * 16 * 32] * 2
    assert [layer.tensor_size("I") for layer in network] == [8 * 16 * 32, 8 * 16 * 16]
    assert network.macs == tool_macs(products(1, 8, 16, 16, 32, 32))


def test_heads_side_by_side(tmp_path: Path) -> None:
    model = build((1, 16, 256), (1, 16, 64), (1, 16, 64), q_num_heads=8, kv_num_heads=2)
    apart = build((1, 8, 16, 32), (1, 2, 16, 32), (1, 2, 16, 32))
    found = [load_onnx(save(each, tmp_path)) for each in (model, apart)]
    assert [layer.sizes for layer in found[0]] == [layer.sizes for layer in found[1]]


def test_cache_and_causal_mask(tmp_path: Path) -> None:
    net = ModelBuilder(23)
    query, key, value = (net.input(1, 4, 1, 32) for _ in range(3))
    past = [net.input(1, 4, 63, 32) for _ in range(2)]
    net.node("Attention", query, key, value, "", *past, name="sdpa", outputs=3, is_causal=1)
    network = load_onnx(net.save(tmp_path))
    assert [layer.sizes["K"] for layer in network] == [64, 32]
    assert network.macs == 2 * 4 * 64 * 32
    assert "sdpa: a causal mask saves no operations here, the attention counts in full" in network.notes


@pytest.mark.parametrize(
    ("operator", "heads"),
    [
        ("MultiHeadAttention", {"num_heads": 4}),
        ("GroupQueryAttention", {"num_heads": 4, "kv_num_heads": 4}),
    ],
)
def test_operators_of_onnxruntime(operator: str, heads: dict[str, int], tmp_path: Path) -> None:
    model = build(
        (2, 16, 128), (2, 16, 128), (2, 16, 128), operator=operator, domain="com.microsoft", **heads
    )
    assert load_onnx(save(model, tmp_path)).macs == 2 * 2 * 4 * 16 * 16 * 32


@pytest.mark.parametrize(
    ("shapes", "heads", "message"),
    [
        ([(1, 8, 4, 32), (1, 3, 4, 32), (1, 3, 4, 32)], {}, "expected a divisor of 8, found 3"),
        ([(1, 8, 4, 32), (1, 8, 4, 16), (1, 8, 4, 32)], {}, "disagree about the size of a head: found 32 and 16"),
        ([(1, 8, 4, 32), (1, 8, 4, 32), (1, 8, 5, 32)], {}, "tensors disagree about the keys"),
        ([(1, 4, 32)] * 3, {}, "the number of heads is missing"),
        ([(1, 4, 32)] * 3, {"q_num_heads": 5, "kv_num_heads": 5}, "expected a divisor of 32, found 5"),
    ],
)  # fmt: skip
def test_contradictions(
    shapes: list[tuple[int, ...]], heads: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        load_onnx(save(build(*shapes, **heads), tmp_path))
    assert message in str(error.value)
