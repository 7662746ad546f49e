#!/usr/bin/env bash
# stream-dse 2.1.1: a register that cannot hold one word is the best one of a sweep: a third faster, and no energy.
#
# One would guess: a core whose registers are smaller than a word cannot run the layer: an error, or the worst figures.
# What happens: ZigZag, which estimates the core, finds no mapping and says so; Stream then takes "ideal cycles": all
#   operations at full use of the array, no stalls, energy 0. A warning goes to the log; the returned estimate is
#   a number like every other, and only `backend: ideal-cycle` in one of the reports tells. A core that does not
#   work beats each that does, in a sweep and where candidate mappings are compared by cycles.
# Versions: stream-dse 2.1.1 (the newest) with zigzag-dse 3.9.1, Python 3.12; six, which it needs and does not declare.
#   The package's eyeriss_like_single_core, one float16 MatMul of 64 x 64 x 64.
# Output seen (bits of the activation register rf_64B_A; cycles of the whole, and cycles and pJ of the core):
#   512: 6,978  3,906  2,022,196     64: 6,944  3,872  2,898,572     16: 7,261  4,189  2,678,706
#    15: 4,633  1,561          0     partial sums' register of 15 bits: the same
# Why it matters: sizes of memories are what such tools are asked for. The optimum of the sweep is the machine that
#   cannot compute, and its energy of zero disappears in the sum over a network's layers.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3.12}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check stream-dse==2.1.1 zigzag-dse==3.9.1 six==1.17.0

cat > check.py <<'EOF'
import logging, pathlib, shutil
logging.disable(logging.CRITICAL)
import onnx, stream, yaml
from onnx import TensorProto, helper
from stream.api import evaluate_mapping

def product(path, size=64):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, [size, size]) for name in "xy"]
    weights = helper.make_tensor("w", TensorProto.FLOAT16, [size, size], bytes(2 * size * size), raw=True)
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"], name="mm")], "g", ends[:1], ends[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)

def estimate(before="", after=""):
    """Cycles of the whole and cycles, energy and estimator of the core, with one size of the core's file replaced."""
    shutil.rmtree("machine", ignore_errors=True)
    shutil.copytree(pathlib.Path(stream.__file__).parent / "inputs/examples/hardware", "machine")
    core = pathlib.Path("machine/cores/eyeriss_like.yaml")
    text = core.read_text()
    assert before in text
    core.write_text(text.replace(before, after, 1))
    cycles = evaluate_mapping("machine/eyeriss_like_single_core.yaml", "layer.onnx", "out").cycles
    (node,) = yaml.safe_load(pathlib.Path("out/group_0/core_cost_lut.yaml").read_text())["nodes"]
    (cost,) = node["cores"]
    return cycles, cost["latency_cycles"], cost["energy_pj"], cost["metadata"]["backend"]

product("layer.onnx")
seen = {bits: estimate("size: 512", f"size: {bits}") for bits in (512, 64, 16, 15)}
for bits, figures in seen.items():
    print(f"activation register of {bits:3} bits: {figures}")
assert seen == {512: (6978, 3906, 2022196, "zigzag"), 64: (6944, 3872, 2898572, "zigzag"),
                16: (7261, 4189, 2678706, "zigzag"), 15: (4633, 1561, 0, "ideal-cycle")}
assert estimate("size: 128", "size: 15") == seen[15]
EOF
venv/bin/python check.py
echo "stream-dse 2.1.1: of four registers the one below a word has the least cycles, and no energy"
