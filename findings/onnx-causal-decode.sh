#!/usr/bin/env bash
# ONNX Attention (opset 23), onnx 1.23.2 and onnxruntime 1.32.0: one decode step, two answers.
#
# One would guess: a causal Attention of one new query over a cache of 4 keys attends to all 4 (the
#   query is the newest token), whether the cache comes concatenated in K and V or in past_key and
#   past_value; FlashAttention and the KV-cache literature align the mask at the last key.
# What happens: without past inputs the mask is aligned at the FIRST key: the single query sees key
#   0 only, the rest of the cache counts for nothing. The same numbers through past_key and
#   past_value give the mean of all 4. Reference and runtime agree with each other in both.
# Versions: onnx 1.23.2 (opset 23 and 24 alike), onnxruntime 1.32.0 (both the newest), Python 3.11.
# Output seen (equal keys, values 1, 2, 3, 4, so that the answer is the mean of what is seen):
#   K, V hold 4 tokens, 1 query:   1.0        (guess 2.5)
#   K, V hold 4 tokens, 2 queries: 1.0, 1.5   (guess 2.0, 2.5)
#   past holds 3, K and V hold 1:  2.5
# Why it matters: a mapper or cost model that takes q x kv / 2 (or all of q x kv) for a causal
#   Attention of a decode graph counts work and cache traffic the operator does not ask for: here one
#   key of four. The graph's wiring, not its shapes, decides whether the KV cache must be read.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0

cat > check.py <<'EOF'
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

def attend(opset, **tensors):
    names = ["q", "k", "v", "", "past_k", "past_v"] if "past_k" in tensors else ["q", "k", "v"]
    outputs = ["y", "all_k", "all_v"] if "past_k" in tensors else ["y"]
    node = helper.make_node("Attention", names, outputs, is_causal=1)
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, t.shape) for n, t in tensors.items()]
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, tensors["q"].shape)
    model = helper.make_model(helper.make_graph([node], "g", info, [result]),
                              opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = [np.ravel(e.run(None, tensors)[0]).tolist() for e in (session, ReferenceEvaluator(model))]
    assert answers[0] == answers[1], answers
    return answers[0]

ones = lambda n: np.ones((1, 1, n, 1), np.float32)
values = np.arange(1, 5, dtype=np.float32).reshape(1, 1, 4, 1)
for opset in (23, 24):
    one = attend(opset, q=ones(1), k=ones(4), v=values)
    two = attend(opset, q=ones(2), k=ones(4), v=values)
    cached = attend(opset, q=ones(1), k=ones(1), v=values[:, :, 3:], past_k=ones(3), past_v=values[:, :, :3])
    print(f"opset {opset}: cache in K and V {one} and {two}, cache as past {cached}")
    assert (one, two, cached) == ([1.0], [1.0, 1.5], [2.5])
EOF
venv/bin/python check.py
echo "onnx 1.23.2: a causal query over a cache in K and V sees its first key alone"
