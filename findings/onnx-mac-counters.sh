#!/usr/bin/env bash
# onnx-tool 1.0.1, onnx-opcounter 0.1.0, qonnx 1.0.0: one layer, three MAC counts, none right.
#
# One would guess: counters of multiply-accumulates agree on an upsampling ConvTranspose, count a
#   broadcast MatMul once a batch entry, and give one figure for one attention however it is laid out.
# What happens:
#   ConvTranspose: onnx-tool takes output pixels times W[1:], but W of a ConvTranspose is stored as
#     (in, out / group, ...): too many by stride^2 * out / in. onnx-opcounter takes output pixels
#     times input channels: too many by stride^2. qonnx counts 0 and names it among the unsupported.
#   MatMul (M,K) x (B,K,N): onnx-opcounter counts one of the B products.
#   Attention (opset 23): onnx-opcounter counts the 3-D layout, the one exporters write (B, S, heads
#     * size), as elementwise: one operation an output, while 4-D gets both products.
# Versions: onnx 1.23.2, onnx-tool 1.0.1, onnx-opcounter 0.1.0, qonnx 1.0.0 (all the newest), Python 3.12.
# Output seen:
#   ConvTranspose 8 -> 16 channels, 2x2, stride 2, 10x10: by hand 51,200; onnx-tool 409,600 (8x),
#     onnx-opcounter 204,800 (4x), qonnx 0
#   MatMul (4,8) x (3,8,5): by hand 480; onnx-tool 480, onnx-opcounter 160, qonnx 480
#   Attention, 4 heads of 8, 6 queries, 10 keys: by hand 3,840; onnx-opcounter 3,840 in 4-D, 192 in 3-D
# Why it matters: utilisation and pJ/MAC of an accelerator are divided by this count. A decoder of
#   upsampling layers (segmentation, super-resolution, GANs) looks 4 to 8 times as efficient, and
#   a transformer's attention all but vanishes with the layout of its tensors.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3.12}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check onnx==1.23.2 onnx-tool==1.0.1 onnx-opcounter==0.1.0 qonnx==1.0.0

cat > check.py <<'EOF'
import contextlib, io, warnings
import numpy as np, onnx, onnx_opcounter, onnx_tool
from onnx import TensorProto, helper, numpy_helper
from qonnx.analysis.inference_cost import inference_cost
from qonnx.core.modelwrapper import ModelWrapper
warnings.filterwarnings("ignore")

def model(op, inputs, output, weights=(), opset=21, **attributes):
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    node = helper.make_node(op, [*inputs, *dict(weights)], ["y"], name="layer", **attributes)
    initializers = [numpy_helper.from_array(np.ones(s, np.float32), n) for n, s in dict(weights).items()]
    graph = helper.make_graph([node], "g", [info(n, s) for n, s in inputs.items()], [info("y", output)], initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made

def by_onnx_tool(m):
    graph = onnx_tool.Model(m).graph
    graph.shape_infer()
    graph.profile()
    return int(graph.macs[0])

def by_qonnx(m):
    cost = inference_cost(ModelWrapper(m))["total_cost"]
    return int(sum(v for k, v in cost.items() if k.startswith("op_mac")))

TOOLS = {"onnx-tool": by_onnx_tool, "onnx-opcounter": onnx_opcounter.calculate_macs, "qonnx": by_qonnx}

def count(title, m, hand, tools=tuple(TOOLS)):
    with contextlib.redirect_stdout(io.StringIO()):
        got = {name: TOOLS[name](m) for name in tools}
    print(f"{title}: by hand {hand}, {got}")
    return tuple(got.values())

# Every input pixel meets each of in * out * 2 * 2 weights once.
up = model("ConvTranspose", {"x": [1, 8, 10, 10]}, [1, 16, 20, 20], {"w": (8, 16, 2, 2)}, kernel_shape=[2, 2], strides=[2, 2])
hand = 10 * 10 * 8 * 16 * 2 * 2
assert count("ConvTranspose", up, hand) == (8 * hand, 4 * hand, 0)

batched = model("MatMul", {"a": [4, 8], "b": [3, 8, 5]}, [3, 4, 5])
assert count("MatMul", batched, 480) == (480, 160, 480)

kv4, kv3 = [1, 4, 10, 8], [1, 10, 32]
four = model("Attention", {"q": [1, 4, 6, 8], "k": kv4, "v": kv4}, [1, 4, 6, 8], opset=23)
three = model("Attention", {"q": [1, 6, 32], "k": kv3, "v": kv3}, [1, 6, 32], opset=23, q_num_heads=4, kv_num_heads=4)
hand = 2 * 4 * 6 * 10 * 8
assert count("Attention 4-D", four, hand, ["onnx-opcounter"]) == (hand,)
assert count("Attention 3-D", three, hand, ["onnx-opcounter"]) == (hand // 20,)
EOF
venv/bin/python check.py
echo "the counters differ by 8x, 4x and 0 on one upsampling layer"
