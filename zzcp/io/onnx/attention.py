"""Attention in one node: ``Attention`` of opset 23 and later, and onnxruntime's operators for it."""

from __future__ import annotations

from typing import NamedTuple

from zzcp.io.onnx.graph import OnnxNode, Shape
from zzcp.io.onnx.operands import Built, Context, agree, built_layer, known, sources, unknown_shape
from zzcp.workload.equation import Equation


class _Heads(NamedTuple):
    """Sizes of an attention: every head of keys and values serves a group of heads of queries."""

    batch: int
    heads: int
    group: int
    queries: int
    keys: int
    depth: int
    values: int


def attention_layers(node: OnnxNode, context: Context) -> Built:
    """Return the two products of an ``Attention``: scores and context (``NAME/scores``, ``NAME/context``).

    Queries that share their keys and values (grouped-query attention) have a loop G that keys and values have no index
    for, so that these are there once. A causal mask saves nothing here: all scores are computed. Softmax, scaling and
    masks are not modelled.

    Raises
    ------
    InputError
        If the tensors contradict each other.
    """
    heads = node.attributes.get("q_num_heads"), node.attributes.get("kv_num_heads")
    return _attention(node, context, heads, pasts=(4, 5))


def multi_head_layers(node: OnnxNode, context: Context) -> Built:
    """Return the two products of onnxruntime's ``MultiHeadAttention``; see `attention_layers`."""
    heads = node.attributes.get("num_heads")
    return _attention(node, context, (heads, heads), pasts=(6, 7))


def grouped_query_layers(node: OnnxNode, context: Context) -> Built:
    """Return the two products of onnxruntime's ``GroupQueryAttention``; see `attention_layers`."""
    heads = node.attributes.get("num_heads"), node.attributes.get("kv_num_heads")
    return _attention(node, context, heads, pasts=(3, 4), causal=True)


def _attention(
    node: OnnxNode,
    context: Context,
    heads: tuple[object, object],
    pasts: tuple[int, int],
    *,
    causal: bool = False,
) -> Built:
    query, key, value = node.input(0), node.input(1), node.input(2)
    graph = context.graph
    split = [
        _split(node, graph.shapes.get(name), count)
        for name, count in zip((query, key, value), (heads[0], heads[1], heads[1]), strict=True)
    ]
    q, k, v = split
    if q is None or k is None or v is None:
        return unknown_shape(node, graph, query, key, value)
    past = _past(node, context, pasts[0])
    if past is None:
        return unknown_shape(node, graph, node.input(pasts[0]))
    sizes = known(
        agree(node, "batch", q[0], k[0], v[0]),
        q[1],
        agree(node, "heads of keys and values", k[1], v[1]),
        q[2],
        agree(node, "keys", k[2], v[2]),
        agree(node, "size of a head", q[3], k[3]),
        v[3],
    )
    if sizes is None:
        return unknown_shape(node, graph, query, key, value)
    batch, query_heads, key_heads, queries, keys, depth, columns = sizes
    if key_heads < 1 or query_heads % key_heads:
        raise node.error(
            "the heads of keys do not divide those of queries",
            expected=f"a divisor of {query_heads}",
            found=str(key_heads),
        )
    if causal or node.flag("is_causal") or node.flag("unidirectional"):
        context.notes.append(
            f"{node.name}: a causal mask saves no operations here, the attention counts in full"
        )
    found = _Heads(batch, key_heads, query_heads // key_heads, queries, keys + past, depth, columns)
    return _layers(node, context, (query, key, value), found)


def _split(node: OnnxNode, shape: Shape | None, heads: object) -> Shape | None:
    """Return the shape of a tensor as batch, heads, positions and size of a head."""
    if shape is None or len(shape) == 4:
        return shape
    if len(shape) != 3:
        raise node.error("tensors of the wrong rank", expected="3 or 4", found=str(len(shape)))
    if not isinstance(heads, int) or heads < 1:
        raise node.error("the number of heads is missing", expected="a positive integer", found=repr(heads))
    batch, positions, width = shape
    if not isinstance(width, int):
        return None
    if width % heads:
        raise node.error("heads do not divide the width", expected=f"a divisor of {width}", found=str(heads))
    return batch, heads, positions, width // heads


def _past(node: OnnxNode, context: Context, place: int) -> int | None:
    """Return how many keys come from a cache, or None where that is not known."""
    name = node.optional(place)
    if name is None:
        return 0
    shape = context.graph.shapes.get(name)
    size = shape[2] if shape is not None and len(shape) == 4 else None
    return size if isinstance(size, int) else None


def _layers(node: OnnxNode, context: Context, tensors: tuple[str, str, str], sizes: _Heads) -> Built:
    query, key, value = tensors
    loops = {"B": sizes.batch, "H": sizes.heads, "D": sizes.queries}
    shared = "[b][h]"
    own = shared
    if sizes.group > 1:
        loops["G"] = sizes.group
        own += "[g]"
    equation = Equation.parse(f"O{own}[d][k]+=I{own}[d][c]*W{shared}[c][k]")
    first = next(context.ids)
    bits = context.bits
    scores = built_layer(
        node,
        context,
        equation,
        {**loops, "C": sizes.depth, "K": sizes.keys},
        bits.of(node, query, key, None, variable=True),
        {"I": query, "W": key},
        name=f"{node.name}/scores",
        id=first,
    )
    mixed = built_layer(
        node,
        context,
        equation,
        {**loops, "C": sizes.keys, "K": sizes.values},
        bits.of(node, query, value, node.output(), variable=True),
        {},
        name=f"{node.name}/context",
        sources={**sources(context.graph, W=value), "I": first},
    )
    return scores, mixed
