"""Layers of the benchmark of the joint search."""

from __future__ import annotations

from zzcp import Layer

LAYERS = {
    "conv 3x3 64-64 56x56": Layer.conv(k=64, c=64, oy=56, ox=56, fy=3, fx=3, padding=1),
    "stem 7x7 3-64 112x112": Layer.conv(k=64, c=3, oy=112, ox=112, fy=7, fx=7, stride=2, padding=3),
    "depthwise 3x3 144 56x56": Layer.depthwise(g=144, oy=56, ox=56, fy=3, fx=3, padding=1),
    "conv 1x1 144-24 56x56": Layer.conv(k=24, c=144, oy=56, ox=56),
    "gemm 512^3": Layer.gemm(b=512, k=512, c=512),
    "gemm 2048x11008x4096": Layer.gemm(b=2048, k=11008, c=4096),
}
"""Ordinary ones, by name."""
TOKENS = (1, 1024, 8192, 32768)
"""Tokens that are in the products of a language model: 1 is decoding, with a context of the longest."""
MODELS = {
    # hidden, intermediate, heads, heads of keys and values, size of a head
    "llama-3-8b": (4096, 14336, 32, 8, 128),
    "qwen3-0.6b": (1024, 3072, 16, 8, 128),
}
"""Sizes of a block: those of the published configurations of Llama 3 8B and Qwen3 0.6B."""
PRODUCT_MACHINES = ("tpu_like", "gemmini_like", "eyeriss_like")


def products(model: str, tokens: int) -> dict[str, Layer]:
    """Return the different matrix products of a block, those of one head for the attention itself.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    tokens : int
        That are computed at once; where it is one, it attends to as many as the longest prompt has.
    """
    hidden, intermediate, heads, shared, head = MODELS[model]
    context = tokens if tokens > 1 else max(TOKENS)
    sizes = {
        "query": (tokens, heads * head, hidden),
        "key, value": (tokens, shared * head, hidden),
        "scores": (tokens, context, head),
        "weighted": (tokens, head, context),
        "output": (tokens, hidden, heads * head),
        "gate, up": (tokens, intermediate, hidden),
        "down": (tokens, hidden, intermediate),
    }
    return {
        f"{model} {tokens} {name}": Layer.gemm(b=b, k=k, c=c, name=name) for name, (b, k, c) in sizes.items()
    }


PRODUCTS = {
    name: layer for model in MODELS for tokens in TOKENS for name, layer in products(model, tokens).items()
}
"""Of all models and numbers of tokens, by name."""
