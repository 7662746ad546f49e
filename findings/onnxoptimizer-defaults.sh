#!/usr/bin/env bash
# onnxoptimizer 0.4.2: the DEFAULT passes change pooled values and output shapes.
#
# One would guess: `optimize(model)` with its default list ("fuse and eliminate") gives the same
#   function, as onnxsim, onnxslim and the runtime's own optimiser do on the same files.
# What happens: a zero Pad before MaxPool is folded into the pool's pads, which are minus infinity,
#   not zero: windows of negative numbers change. A Pad before an AveragePool that has pads of its
#   own is folded in and ALL of its pads count in the mean from then on. And two Reshapes become the last one alone, although
#   its 0 means "copy from the tensor before", which is now another tensor: other shape.
# Versions: onnxoptimizer 0.4.2 (the newest), onnx 1.23.2, onnxruntime 1.32.0 with its own
#   optimisations off; onnxsim 0.8.1 and onnxslim 0.1.98 keep all three models' results.
# Output seen: MaxPool corner of an input of all -1: 0 before, -1 after;
#   AveragePool corner of ones: 0.25 before, 0.11 after; Reshape (1,4,9,9) -> (2,2,81) -> (0,-1):
#   (2, 162) before, (1, 324) after. No warning.
# Why it matters: it is run on a network "to clean it" before layers are mapped. Whatever is
#   extracted after it (padding, shapes, layer sizes) is of another network, and a golden output
#   computed before it condemns the accelerator.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 onnxoptimizer==0.4.2 onnxsim==0.8.1 onnxslim==0.1.98

cat > check.py <<'EOF'
import copy
import numpy as np, onnx, onnxoptimizer, onnxruntime, onnxsim, onnxslim
from onnx import TensorProto, helper, numpy_helper

def model(nodes, constants):
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [1, 4, 9, 9]), ("y", None))]
    initializers = [numpy_helper.from_array(np.array(v, np.int64), n) for n, v in constants.items()]
    made = helper.make_model(helper.make_graph(nodes, "g", info[:1], info[1:], initializers),
                             opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    made = onnx.shape_inference.infer_shapes(made, strict_mode=True)
    onnx.checker.check_model(made, full_check=True)
    return made

def run(m, x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]

def before_and_after(m, value):
    x = np.full((1, 4, 9, 9), value, np.float32)
    before, after = run(m, x), run(onnxoptimizer.optimize(copy.deepcopy(m)), x)
    for other in (onnxsim.simplify(copy.deepcopy(m))[0], onnxslim.slim(copy.deepcopy(m))):
        assert np.array_equal(run(other, x), before)
    return before, after

node, pads = helper.make_node, {"p": [0, 0, 1, 1, 0, 0, 1, 1]}
pad = node("Pad", ["x", "p"], ["a"])

before, after = before_and_after(model([pad, node("MaxPool", ["a"], ["y"], kernel_shape=[3, 3])], pads), -1)
print("MaxPool corner", before[0, 0, 0, 0], "->", after[0, 0, 0, 0])
assert (before[0, 0, 0, 0], after[0, 0, 0, 0]) == (0, -1)

pool = node("AveragePool", ["a"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
before, after = before_and_after(model([pad, pool], pads), 1)
print("AveragePool corner", before[0, 0, 0, 0], "->", after[0, 0, 0, 0])
assert before[0, 0, 0, 0] == 0.25 and np.isclose(after[0, 0, 0, 0], 1 / 9)

reshapes = [node("Reshape", ["x", "s"], ["a"]), node("Reshape", ["a", "t"], ["y"])]
before, after = before_and_after(model(reshapes, {"s": [2, 2, 81], "t": [0, -1]}), 1)
print("Reshape", before.shape, "->", after.shape)
assert (before.shape, after.shape) == ((2, 162), (1, 324))
EOF
venv/bin/python check.py
echo "onnxoptimizer 0.4.2: default passes change values and shapes"
