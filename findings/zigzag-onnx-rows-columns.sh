#!/usr/bin/env bash
# ZigZag 3.9.1: an ONNX convolution is costed with rows and columns exchanged, at 8 bits.
#
# One would guess: a layer read from ONNX costs what the same layer costs written in ZigZag's own
#   YAML, and float32 tensors take 32 bits.
# What happens: ONNX lists rows first (kernel_shape and strides are [height, width]); the parser gives
#   the first number to the x direction, while sizes are read the right way round. A 1x7 filter is
#   costed as 7x1; with strides [1, 2] the columns step by 1, so half of the input columns that the
#   outputs span are never fetched. And every operand has 8 bits, whatever the tensors' type.
# Versions: zigzag-dse 3.9.1 (the newest), onnx as it pins it, Python 3.12; six undeclared.
# Output seen (Meta-prototype machine of the package, 32 -> 32 channels, LOMA, best EDP):
#   3x3, strides [1, 2], 16x64:  ONNX 4,484,823 pJ, 7,333 cycles; YAML 5,883,889 pJ, 9,733 cycles
#   ONNX layer's relations: ix = 1*ox + 1*fx, iy = 2*oy + 1*fy; W, I: 8 bits for float32
# Why it matters: keyword spotting and speech networks are full of such filters and strides; each of
#   those layers comes out a quarter too cheap, and a float32 export passes as an int8 one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3.12}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check zigzag-dse==3.9.1 six==1.17.0

cat > check.py <<'EOF'
import contextlib, io, logging, pathlib
logging.disable(logging.CRITICAL)
import numpy as np, onnx, zigzag
from onnx import TensorProto, helper, numpy_helper
from zigzag.api import get_hardware_performance_zigzag

INPUTS = pathlib.Path(zigzag.__file__).parent / "inputs"

def from_onnx():
    weights = numpy_helper.from_array(np.zeros((32, 32, 3, 3), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", kernel_shape=[3, 3], strides=[1, 2],
                            pads=[1, 1, 1, 1], dilations=[1, 1], group=1)
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 32, 16, c]) for n, c in (("x", 64), ("y", 32))]
    model = helper.make_model(helper.make_graph([node], "g", info[:1], info[1:], [weights]),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model

BY_HAND = [{
    "id": 0, "name": "conv", "operator_type": "Conv",
    "equation": "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]",
    "dimension_relations": ["ix=2*ox+1*fx", "iy=1*oy+1*fy"],         # two columns, one row a step
    "loop_dims": ["B", "K", "G", "OX", "OY", "C", "FX", "FY"], "loop_sizes": [1, 32, 1, 32, 16, 32, 3, 3],
    "operand_precision": {"W": 8, "I": 8, "O": 16, "O_final": 8}, "operand_source": {"I": 0, "W": 0},
    "pr_loop_dims": ["IX", "IY"], "pr_loop_sizes": [64, 16], "padding": [[1, 1], [1, 1]],
}]

def cost(workload):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        energy, cycles, layers = get_hardware_performance_zigzag(
            workload, str(INPUTS / "hardware/meta_prototype.yaml"), str(INPUTS / "mapping/meta_prototype_like.yaml"),
            opt="EDP", lpf_limit=6, dump_folder="out", pickle_filename="out/found.pickle", loma_show_progress_bar=False)
    return round(energy), round(cycles), layers[0][1][0][0].layer

energy, cycles, layer = cost(from_onnx())
energy2, cycles2, layer2 = cost(BY_HAND)
print(f"ONNX: {energy} pJ, {cycles} cycles, sizes {layer.layer_dim_sizes}, bits {layer.operand_precision}")
print(f"YAML: {energy2} pJ, {cycles2} cycles, sizes {layer2.layer_dim_sizes}")
assert str(layer.layer_dim_sizes) == str(layer2.layer_dim_sizes), "the same loops"
assert (energy, cycles) == (4484823, 7333) and (energy2, cycles2) == (5883889, 9733)
assert {str(k): v for k, v in dict(layer.operand_precision.data).items()} == {"W": 8, "I": 8, "O_final": 8, "O": 16}
EOF
venv/bin/python check.py
echo "zigzag-dse 3.9.1: strides [1, 2] from ONNX cost a quarter less than from YAML"
