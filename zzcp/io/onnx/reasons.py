"""Why a node of an ONNX graph is not mapped to a layer."""

from __future__ import annotations

from zzcp.io.onnx.graph import STANDARD_DOMAINS, OnnxNode
from zzcp.io.onnx.operands import LeftOut

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
        CenterCropPad Col2Im Compress Concat DepthToSpace Expand Flatten Gather GatherElements GatherND Identity
        NonMaxSuppression NonZero OneHot Pad Reshape Resize ReverseSequence Scatter ScatterElements ScatterND Shape
        Size Slice SpaceToDepth Split Squeeze Tile Transpose Trilu Unique Unsqueeze Upsample""",
    "sequence operator, moves data at most": """
        ConcatFromSequence Optional OptionalGetElement OptionalHasElement SequenceAt SequenceConstruct SequenceEmpty
        SequenceErase SequenceInsert SequenceLength SplitToSequence""",
    "constant": """
        Bernoulli BlackmanWindow Constant ConstantOfShape EyeLike HammingWindow HannWindow Multinomial RandomNormal
        RandomNormalLike RandomUniform RandomUniformLike Range""",
    "conversion of precision, no multiply-accumulate work modelled": """
        BitCast Cast CastLike DequantizeLinear DynamicQuantizeLinear QuantizeLinear""",
    "text, no multiply-accumulate work": """
        ImageDecoder RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer""",
    "no work at inference": "Dropout",
}
_OTHER_DOMAINS = {
    "com.microsoft": {
        "element-wise, no multiply-accumulate work modelled": """
            BiasGelu FastGelu Gelu QLinearAdd QLinearLeakyRelu QLinearMul QLinearSigmoid QuickGelu RotaryEmbedding""",
        "normalisation, no multiply-accumulate work modelled": """
            EmbedLayerNormalization SimplifiedLayerNormalization SkipLayerNormalization
            SkipSimplifiedLayerNormalization""",
        "pooling, no multiply-accumulate work modelled": "QLinearAveragePool QLinearGlobalAveragePool",
        "reduction, no multiply-accumulate work modelled": "QLinearSoftmax",
        "shape operator, moves data at most": "GatherNd QLinearConcat",
        "conversion of precision, no multiply-accumulate work modelled": "DequantizeLinear QuantizeLinear",
    },
}
_WORK = "has multiply-accumulate work that is not mapped (left out of all totals)"
_WORKING = """
    CausalConvWithState DFT DeformConv Det GridSample LinearAttention Loop MelWeightMatrix STFT Scan SequenceMap"""

_REASONS = {operator: reason for reason, operators in _KINDS.items() for operator in operators.split()}
_OTHERS = {
    (domain, operator): reason
    for domain, kinds in _OTHER_DOMAINS.items()
    for reason, operators in kinds.items()
    for operator in operators.split()
}


def reason_not_mapped(node: OnnxNode) -> LeftOut:
    """Return why an operator for which there is no layer is not mapped, and whether work is left out with it."""
    if node.note:
        return LeftOut(f"control flow: {node.note}", 0 if node.complete else None)
    if node.domain not in STANDARD_DOMAINS:
        known = _OTHERS.get((node.domain, node.operator))
        if known is not None:
            return LeftOut(known, 0)
        return LeftOut(f"operator of domain {node.domain}: any multiply-accumulate work in it is left out")
    if node.operator in _WORKING.split():
        return LeftOut(_WORK)
    known = _REASONS.get(node.operator)
    if known is not None:
        return LeftOut(known, 0)
    return LeftOut("operator without a layer: any multiply-accumulate work in it is left out")
