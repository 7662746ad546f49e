"""The transformers: BERT-base, and one block of a Llama-7B at prefill and at decode."""

from __future__ import annotations

from onnx import ModelProto, TensorProto

from generator.graph import Graph

BERT_TOKENS = 512
LLAMA_TOKENS = 2048
EPSILON = 1e-6


def bert_base() -> ModelProto:
    """Return BERT-base with its embeddings and pooler for a full sequence, so without an attention mask."""
    tokens, hidden, heads, layers, mlp, vocabulary = BERT_TOKENS, 768, 12, 12, 3072, 30522
    graph = Graph(
        "bert_base",
        f"BERT-base, uncased (Devlin et al., NAACL 2019): {layers} layers, hidden {hidden}, {heads} heads, "
        f"{tokens} tokens",
    )
    tensor = _bert_embeddings(graph, tokens, hidden, vocabulary)
    for index in range(layers):
        tensor = _bert_layer(graph, tensor, f"layer.{index}", tokens, hidden, heads, mlp)
    first = graph.node(
        "Slice", [tensor, graph.integers([0]), graph.integers([1]), graph.integers([1])], "pooler.first"
    )
    first = graph.node("Reshape", [first, graph.integers([1, hidden])], "pooler.reshape")
    pooled = graph.node("Tanh", [graph.gemm(first, "pooler.dense", hidden, hidden)], "pooler.tanh")
    return graph.build({tensor: (1, tokens, hidden), pooled: (1, hidden)})


def _bert_embeddings(graph: Graph, tokens: int, hidden: int, vocabulary: int) -> str:
    ids = graph.input("input_ids", (1, tokens), TensorProto.INT64)
    segments = graph.input("token_type_ids", (1, tokens), TensorProto.INT64)
    words = graph.node(
        "Gather", [graph.weight("embeddings.word", (vocabulary, hidden)), ids], "embeddings.words"
    )
    types = graph.node("Gather", [graph.weight("embeddings.type", (2, hidden)), segments], "embeddings.types")
    total = graph.node("Add", [words, types], "embeddings.add_types")
    positions = graph.weight("embeddings.position", (BERT_TOKENS, hidden))
    total = graph.node("Add", [total, positions], "embeddings.add_positions")
    return _layer_norm(graph, total, "embeddings.norm", hidden)


def _bert_layer(graph: Graph, tensor: str, name: str, tokens: int, hidden: int, heads: int, mlp: int) -> str:
    attention = f"{name}.attention"
    query, key, value = (
        _split_heads(
            graph,
            graph.linear(tensor, f"{attention}.{role}", hidden, hidden, bias=True),
            f"{attention}.{role}",
            (tokens, heads, hidden // heads),
        )
        for role in ("query", "key", "value")
    )
    mixed = _attend(graph, attention, query, key, value, hidden // heads)
    mixed = _merge_heads(graph, mixed, attention, tokens, hidden)
    mixed = graph.linear(mixed, f"{attention}.output", hidden, hidden, bias=True)
    tensor = graph.node("Add", [mixed, tensor], f"{attention}.residual")
    tensor = _layer_norm(graph, tensor, f"{attention}.norm", hidden)
    inner = graph.linear(tensor, f"{name}.intermediate", hidden, mlp, bias=True)
    inner = graph.node("Gelu", [inner], f"{name}.gelu")
    inner = graph.linear(inner, f"{name}.output", mlp, hidden, bias=True)
    tensor = graph.node("Add", [inner, tensor], f"{name}.residual")
    return _layer_norm(graph, tensor, f"{name}.norm", hidden)


def _layer_norm(graph: Graph, tensor: str, name: str, hidden: int) -> str:
    scale, bias = (graph.weight(f"{name}.{part}", (hidden,)) for part in ("weight", "bias"))
    return graph.node("LayerNormalization", [tensor, scale, bias], name, axis=-1, epsilon=1e-12)


def _split_heads(graph: Graph, tensor: str, name: str, shape: tuple[int, int, int]) -> str:
    """Bring (1, tokens, hidden) into (1, heads, tokens, hidden / heads)."""
    tensor = graph.node("Reshape", [tensor, graph.integers((1, *shape))], f"{name}.split")
    return graph.node("Transpose", [tensor], f"{name}.heads_first", perm=[0, 2, 1, 3])


def _merge_heads(graph: Graph, tensor: str, name: str, tokens: int, hidden: int) -> str:
    tensor = graph.node("Transpose", [tensor], f"{name}.tokens_first", perm=[0, 2, 1, 3])
    return graph.node("Reshape", [tensor, graph.integers([1, tokens, hidden])], f"{name}.merge")


def _attend(
    graph: Graph, name: str, query: str, key: str, value: str, depth: int, mask: str | None = None
) -> str:
    """Return softmax(Q K^T / sqrt(depth) [+ mask]) V for all heads."""
    key = graph.node("Transpose", [key], f"{name}.key_transposed", perm=[0, 1, 3, 2])
    scores = graph.node("MatMul", [query, key], f"{name}.scores")
    scores = graph.node("Div", [scores, graph.scalar(float(depth) ** 0.5)], f"{name}.scale")
    if mask is not None:
        scores = graph.node("Add", [scores, mask], f"{name}.mask")
    weights = graph.node("Softmax", [scores], f"{name}.softmax", axis=-1)
    return graph.node("MatMul", [weights, value], f"{name}.context")


def llama_7b_block_prefill() -> ModelProto:
    """Return a block that reads a prompt of 2048 tokens at once."""
    return _llama_block("llama_7b_block_prefill", tokens=LLAMA_TOKENS, cached=0)


def llama_7b_block_decode() -> ModelProto:
    """Return a block that makes one token: with it, the cache holds 2048."""
    return _llama_block("llama_7b_block_decode", tokens=1, cached=LLAMA_TOKENS - 1)


def _llama_block(title: str, *, tokens: int, cached: int) -> ModelProto:
    hidden, heads, mlp = 4096, 32, 11008
    depth = hidden // heads
    graph = Graph(
        title,
        f"One of the 32 blocks of a Llama 7B (Touvron et al., arXiv:2302.13971, Table 2): hidden {hidden}, "
        f"{heads} heads, SwiGLU of {mlp}; {tokens} new tokens, {cached} in the cache",
    )
    tensor = graph.input("hidden_states", (1, tokens, hidden))
    rotation = tuple(graph.input(part, (1, 1, tokens, depth)) for part in ("cos", "sin"))
    normal = _rms_norm(graph, tensor, "input_norm", hidden)
    query, key, value = (
        _split_heads(
            graph,
            graph.linear(normal, f"attention.{role}", hidden, hidden, bias=False),
            f"attention.{role}",
            (tokens, heads, depth),
        )
        for role in ("query", "key", "value")
    )
    query = _rotate(graph, query, "attention.query", rotation, depth)
    key = _rotate(graph, key, "attention.key", rotation, depth)
    mask = None
    if cached:
        key, value = (
            graph.node(
                "Concat",
                [graph.input(f"past_{role}", (1, heads, cached, depth)), new],
                f"attention.{role}.cache",
                axis=2,
            )
            for role, new in (("key", key), ("value", value))
        )
    else:
        # the hardware computes all scores; the mask then makes the attention causal
        mask = graph.input("causal_mask", (1, 1, tokens, tokens))
    mixed = _attend(graph, "attention", query, key, value, depth, mask)
    mixed = _merge_heads(graph, mixed, "attention", tokens, hidden)
    mixed = graph.linear(mixed, "attention.output", hidden, hidden, bias=False)
    tensor = graph.node("Add", [tensor, mixed], "attention.residual")
    inner = _swiglu(graph, _rms_norm(graph, tensor, "mlp_norm", hidden), hidden, mlp)
    tensor = graph.node("Add", [tensor, inner], "mlp.residual")
    outputs = {tensor: (1, tokens, hidden)}
    for present in (key, value):
        outputs[present] = (1, heads, cached + tokens, depth)
    return graph.build(outputs)


def _rms_norm(graph: Graph, tensor: str, name: str, hidden: int) -> str:
    """Append x / sqrt(mean(x^2) + eps) * weight; RMSNormalization itself is only in opset 23."""
    square = graph.node("Mul", [tensor, tensor], f"{name}.square")
    mean = graph.node("ReduceMean", [square, graph.integers([-1])], f"{name}.mean", keepdims=1)
    mean = graph.node("Add", [mean, graph.scalar(EPSILON)], f"{name}.epsilon")
    tensor = graph.node("Div", [tensor, graph.node("Sqrt", [mean], f"{name}.sqrt")], f"{name}.divide")
    return graph.node("Mul", [tensor, graph.weight(f"{name}.weight", (hidden,))], f"{name}.scale")


def _rotate(graph: Graph, tensor: str, name: str, rotation: tuple[str, ...], depth: int) -> str:
    """Append the rotary position embedding: x cos + (-x2, x1) sin."""
    axis = graph.integers([3])
    halves = [
        graph.node(
            "Slice",
            [tensor, graph.integers([start]), graph.integers([start + depth // 2]), axis],
            f"{name}.half{i}",
        )
        for i, start in enumerate((0, depth // 2))
    ]
    turned = graph.node("Neg", [halves[1]], f"{name}.negate")
    turned = graph.node("Concat", [turned, halves[0]], f"{name}.turn", axis=3)
    products = [
        graph.node("Mul", [factor, part], f"{name}.{label}")
        for factor, part, label in zip((tensor, turned), rotation, ("cos", "sin"), strict=True)
    ]
    return graph.node("Add", products, f"{name}.rotated")


def _swiglu(graph: Graph, tensor: str, hidden: int, mlp: int) -> str:
    gate = graph.linear(tensor, "mlp.gate", hidden, mlp, bias=False)
    gate = graph.node("Mul", [gate, graph.node("Sigmoid", [gate], "mlp.sigmoid")], "mlp.silu")
    up = graph.linear(tensor, "mlp.up", hidden, mlp, bias=False)
    return graph.linear(graph.node("Mul", [gate, up], "mlp.product"), "mlp.down", mlp, hidden, bias=False)
