"""Which operators become layers, and how."""

from __future__ import annotations

from zzcp.io.onnx.attention import attention_layers, grouped_query_layers, multi_head_layers
from zzcp.io.onnx.contrib import MICROSOFT
from zzcp.io.onnx.conv import conv_layer, quantized_conv_layer, transposed_conv_layer
from zzcp.io.onnx.einsum import einsum_layer
from zzcp.io.onnx.graph import STANDARD_DOMAINS, OnnxNode
from zzcp.io.onnx.matmul import gemm_layer, matmul_layer, packed_matmul_layer, quantized_matmul_layer
from zzcp.io.onnx.operands import Maker
from zzcp.io.onnx.recurrent import recurrent_layers

_STANDARD: dict[str, Maker] = {
    "Attention": attention_layers,
    "Conv": conv_layer,
    "ConvInteger": conv_layer,
    "ConvTranspose": transposed_conv_layer,
    "Einsum": einsum_layer,
    "GRU": recurrent_layers,
    "Gemm": gemm_layer,
    "LSTM": recurrent_layers,
    "MatMul": matmul_layer,
    "MatMulInteger": matmul_layer,
    "QLinearConv": quantized_conv_layer,
    "QLinearMatMul": quantized_matmul_layer,
    "RNN": recurrent_layers,
}
_MICROSOFT: dict[str, Maker] = {
    "DynamicQuantizeLSTM": recurrent_layers,
    "DynamicQuantizeMatMul": matmul_layer,
    "FusedConv": conv_layer,
    "FusedGemm": gemm_layer,
    "FusedMatMul": matmul_layer,
    "GroupQueryAttention": grouped_query_layers,
    "MatMulIntegerToFloat": matmul_layer,
    "MatMulNBits": packed_matmul_layer,
    "MultiHeadAttention": multi_head_layers,
}


def maker(node: OnnxNode) -> Maker | None:
    """Return what makes the layers of a node with multiply-accumulate work, or None where there is no such."""
    if node.domain in STANDARD_DOMAINS:
        return _STANDARD.get(node.operator)
    return _MICROSOFT.get(node.operator) if node.domain == MICROSOFT else None
