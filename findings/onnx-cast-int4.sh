#!/usr/bin/env bash
# onnxruntime 1.32.0 and onnx 1.23.2: Cast to INT4 rounds, Cast to INT8 truncates, and both wrap.
#
# One would guess: Cast from float to an integer type truncates towards zero, for 4 bits as for 8,
#   and out of range values saturate for a 4-bit type, as they do for QuantizeLinear and for FLOAT8.
# What happens: onnxruntime rounds halves away from zero for INT4 and UINT4 and truncates for INT8,
#   UINT8 and INT16; onnx's reference truncates for all. Then only the low 4 bits are kept: in the
#   runtime 7.5 becomes -8 (rounded to 8, wrapped), -9 becomes 7, 15.5 becomes 0; in the reference
#   7.5 becomes 7. QuantizeLinear with scale 1 gives 7, -8, 7 in both.
# Versions: onnx 1.23.2, onnxruntime 1.32.0 (both the newest), Python 3.11.
# Output seen (1.5, 2.5, -2.5, 7.5, -9, 15.5 cast and cast back):
#   INT4   runtime [2, 3, -3, -8, 7, 0]   reference [1, 2, -2, 7, 7, -1]
#   UINT4  runtime [2, 3, 13, 8, 7, 0]    reference [1, 2, 14, 7, 7, 15]
#   INT8   both    [1, 2, -2, 7, -9, 15]
#   QuantizeLinear to INT4, both [2, 2, -2, 7, -8, 7]
# Why it matters: a 4-bit accelerator that is verified against one of the two mismatches the other,
#   and a model quantised by Cast instead of QuantizeLinear flips the sign of its largest weights.
#   Neither the checker nor the shape inference has anything to say.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0

cat > check.py <<'EOF'
import numpy as np, onnx, onnxruntime
from onnx import TensorProto as T, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

X = np.array([1.5, 2.5, -2.5, 7.5, -9, 15.5], np.float32)

def there_and_back(first, second, initializers=()):
    info = [helper.make_tensor_value_info(n, T.FLOAT, X.shape) for n in "xy"]
    graph = helper.make_graph([first, second], "g", info[:1], info[1:], list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [e.run(None, {"x": X})[0].astype(int).tolist() for e in (session, ReferenceEvaluator(model))]

def cast(to):
    return there_and_back(helper.make_node("Cast", ["x"], ["q"], to=to), helper.make_node("Cast", ["q"], ["y"], to=T.FLOAT))

scale = numpy_helper.from_array(np.float32(1), "s")
quantised = there_and_back(helper.make_node("QuantizeLinear", ["x", "s"], ["q"], output_dtype=T.INT4),
                           helper.make_node("DequantizeLinear", ["q", "s"], ["y"]), [scale])
found = {"INT4": cast(T.INT4), "UINT4": cast(T.UINT4), "INT8": cast(T.INT8), "QuantizeLinear": quantised}
for name, (runtime, reference) in found.items():
    print(f"{name:15} runtime {runtime}, reference {reference}")
assert found["INT4"] == [[2, 3, -3, -8, 7, 0], [1, 2, -2, 7, 7, -1]]
assert found["UINT4"] == [[2, 3, 13, 8, 7, 0], [1, 2, 14, 7, 7, 15]]
assert found["INT8"] == [[1, 2, -2, 7, -9, 15]] * 2
assert found["QuantizeLinear"] == [[2, 2, -2, 7, -8, 7]] * 2
EOF
venv/bin/python check.py
echo "onnxruntime 1.32.0: 7.5 cast to INT4 is -8"
