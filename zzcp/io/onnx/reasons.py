"""Why a node of an ONNX graph is not mapped to a layer."""

from __future__ import annotations

from zzcp.io.onnx.graph import STANDARD_DOMAINS, OnnxGraph, OnnxNode

_KINDS = {
    "element-wise, no multiply-accumulate work modelled": """
        Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Ceil Celu
        Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN
        LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu
        Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor""",
    "pooling, no multiply-accumulate work modelled": """
        AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool MaxRoiPool MaxUnpool RoiAlign""",
    "normalisation, no multiply-accumulate work modelled": """
        BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization
        MeanVarianceNormalization RMSNormalization""",
    "reduction, no multiply-accumulate work modelled": """
        ArgMax ArgMin CumSum Hardmax LogSoftmax ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
        ReduceMin ReduceProd ReduceSum ReduceSumSquare Softmax TopK""",
    "shape operator, moves data at most": """
        CenterCropPad Compress Concat DepthToSpace Expand Flatten Gather GatherElements GatherND Identity NonZero
        OneHot Pad Reshape Resize ReverseSequence Scatter ScatterElements ScatterND Shape Size Slice SpaceToDepth
        Split Squeeze Tile Transpose Trilu Unsqueeze Upsample""",
    "constant": "BlackmanWindow Constant ConstantOfShape EyeLike HammingWindow HannWindow Range",
    "conversion of precision, no multiply-accumulate work modelled": """
        Cast CastLike DequantizeLinear DynamicQuantizeLinear QuantizeLinear""",
    "no work at inference": "Dropout",
    "control flow: the nodes inside it are not read": "If Loop Scan SequenceMap",
    "has multiply-accumulate work that is not mapped (left out of all totals)": """
        Attention CausalConvWithState ConvTranspose DFT DeformConv Det Einsum GRU GridSample LSTM
        LinearAttention MelWeightMatrix RNN RotaryEmbedding STFT""",
}

_REASONS = {operator: reason for reason, operators in _KINDS.items() for operator in operators.split()}


def reason_not_mapped(node: OnnxNode, graph: OnnxGraph) -> str:
    """Return why an operator for which there is no layer is not mapped."""
    if node.note:
        return f"control flow: {node.note}"
    if (node.domain, node.operator) in graph.functions:
        return (
            "function defined in the file: not expanded, any multiply-accumulate work in it is left out "
            "(onnx.inliner.inline_local_functions expands it)"
        )
    if node.domain not in STANDARD_DOMAINS:
        return f"operator of domain {node.domain}: any multiply-accumulate work in it is left out"
    return _REASONS.get(
        node.operator, "operator without a layer: any multiply-accumulate work in it is left out"
    )
