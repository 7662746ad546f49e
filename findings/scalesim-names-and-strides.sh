#!/usr/bin/env bash
# SCALE-Sim 3.0.0: a layer's NAME and a stride that leaves a rest change what is computed.
#
# One would guess: the first column of a topology file is a label; the output of a convolution is
#   floor((in - filter) / stride) + 1, as in PyTorch, ONNX and every published table of ResNet.
# What happens: "DP" anywhere in the name makes the layer depthwise: one layer a channel, each with
#   all filters, nothing summed over channels. The output size is rounded UP: a last window that
#   hangs over the edge is computed, and the input beyond the edge is fetched and counted.
# Versions: scalesim 3.0.0 (the newest), numpy 1.26.4, Python 3.9 to 3.12.
# Output seen (4x4, output stationary; 3x3 filters, 2 channels, 4 filters, stride 2):
#   CONV1,   9x9:   1 layer,   64 outputs to DRAM, 162 inputs read
#   ADPCM1,  9x9:   2 layers, 128 outputs to DRAM, 162 inputs read
#   CONV1, 10x10:   1 layer,  100 outputs to DRAM (5x5; the formula gives 4x4 = 64), 200 inputs
#   7x7, stride 2 on 230x230 (first layer of ResNet-50, padded as the file format asks, since it has
#   no padding column): 113x113 = 12,769 pixels, not 112x112 = 12,544
# Why it matters: padded inputs of strided layers leave a rest of one in most networks, so cycles
#   and traffic of every such layer are too high; and a layer called ADPCM, UDP_HEAD or DPN1 is
#   another layer, with other cycles, without a word.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check scalesim==3.0.0 numpy==1.26.4

cat > machine.cfg <<'EOF'
[general]
run_name = run
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
[architecture_presets]
ArrayHeight = 4
ArrayWidth = 4
IfmapSramSzkB = 64
FilterSramSzkB = 64
OfmapSramSzkB = 64
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = os
MemoryBanks = 1
ReadRequestBuffer = 512
WriteRequestBuffer = 512
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
SparseRep = ellpack_block
OptimizedMapping = false
BlockSize = 8
RandomNumberGeneratorSeed = 40
EOF
printf 'Layer,\n' > layout.csv

cat > check.py <<'EOF'
import contextlib, csv, io, shutil
from scalesim.scale_sim import scalesim
from scalesim.topology_utils import topologies

def write(name, side, window, stride):
    head = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"
    row = f"{name}, {side}, {side}, {window}, {window}, 2, 4, {stride},"
    open("layers.csv", "w").write(f"{head}\n{row}\n")

def run(name, side):
    write(name, side, 3, 2)
    shutil.rmtree("out", ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        sim = scalesim(save_disk_space=True, verbose=False, config="machine.cfg",
                       topology="layers.csv", layout="layout.csv", input_type_gemm=False)
        sim.run_scale(top_path="out")
    head, *rows = csv.reader(open("out/run/DETAILED_ACCESS_REPORT.csv"))
    head = [h.strip() for h in head]
    total = lambda column: sum(int(r[head.index(column)]) for r in rows)
    found = len(rows), total("DRAM OFMAP Writes"), total("DRAM IFMAP Reads")
    print(f"{name}, {side}x{side}: layers {found[0]}, outputs {found[1]}, inputs {found[2]}")
    return found

assert run("CONV1", 9) == (1, 64, 162)
assert run("ADPCM1", 9) == (2, 128, 162)
assert run("CONV1", 10) == (1, 100, 200)

write("CONV1", 230, 7, 2)
topology = topologies()
topology.load_arrays("layers.csv")
topology.topo_calc_hyperparams()
rows, columns = topology.layers_calculated_hyperparams[0][:2]
print(f"7x7, stride 2 on 230x230: {rows}x{columns}")
assert (rows, columns) == (113, 113) and (230 - 7) // 2 + 1 == 112
EOF
venv/bin/python check.py
echo "scalesim 3.0.0: DP in a name is depthwise, and strided outputs are rounded up"
