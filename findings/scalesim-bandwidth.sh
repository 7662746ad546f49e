#!/usr/bin/env bash
# SCALE-Sim 3.0.0: the user's DRAM bandwidths do not go where their names say.
#
# One would guess: `InterfaceBandwidth = USER` with `Bandwidth = a, b, c` sets the DRAM bandwidths
#   of inputs, filters and outputs, and the [layout] section, with both custom layouts off, is idle.
# What happens: `a`, the first number, is the OUTPUT's bandwidth; `b` and `c` are read by nothing.
#   Inputs and filters come in at [layout] IfmapSRAMBankBandwidth and FilterSRAMBankBandwidth,
#   custom layout or not.
# Versions: scalesim 3.0.0 (the newest), numpy 1.26.4, Python 3.9 to 3.12.
# Output seen (GEMM 32x32x32 on 4x4, weight stationary; average DRAM words per cycle):
#   Bandwidth = 1           bank 10 -> in 10.0  filter 10.0  out  1.0, 10981 cycles with prefetch
#   Bandwidth = 100         bank 10 -> in 10.0  filter 10.0  out 99.9,  2871 cycles with prefetch
#   Bandwidth = 1,100,100   bank 10 -> as with 1 alone
#   Bandwidth = 100,1,1     bank 10 -> as with 100 alone
#   Bandwidth = 1,1,1       bank 20 -> in 20.0  filter 20.0  out  1.0
# Why it matters: a sweep over the input bandwidth of an accelerator draws the curve of its output
#   bandwidth; a design whose weights starve is reported as running free of stalls.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check scalesim==3.0.0 numpy==1.26.4

cat > machine.template <<'EOF'
[general]
run_name = run
[run_presets]
InterfaceBandwidth = USER
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
Bandwidth = @BANDWIDTH@
Dataflow = ws
MemoryBanks = 1
ReadRequestBuffer = 512
WriteRequestBuffer = 512
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = @BANK@
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = @BANK@
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
SparseRep = ellpack_block
OptimizedMapping = false
BlockSize = 8
RandomNumberGeneratorSeed = 40
EOF
printf 'Layer, M, N, K,\nsquare, 32, 32, 32,\n' > gemm.csv
printf 'Layer,\n' > layout.csv

cat > check.py <<'EOF'
import contextlib, csv, io, shutil
from scalesim.scale_sim import scalesim

def run(bandwidth, bank):
    text = open("machine.template").read()
    open("machine.cfg", "w").write(text.replace("@BANDWIDTH@", bandwidth).replace("@BANK@", bank))
    shutil.rmtree("out", ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        sim = scalesim(save_disk_space=True, verbose=False, config="machine.cfg",
                       topology="gemm.csv", layout="layout.csv", input_type_gemm=True)
        sim.run_scale(top_path="out")
    def row(name):
        head, values = list(csv.reader(open(f"out/run/{name}_REPORT.csv")))[:2]
        return dict(zip((h.strip() for h in head), map(str.strip, values)))
    bw, compute = row("BANDWIDTH"), row("COMPUTE")
    figures = [round(float(bw[f"Avg {t} DRAM BW"]), 1) for t in ("IFMAP", "FILTER", "OFMAP")]
    cycles = int(compute["Total Cycles (incl. prefetch)"])
    print(f"Bandwidth = {bandwidth:12} bank {bank:>2}: in, filter, out = {figures}, {cycles} cycles")
    return (*figures, cycles)

slow, fast = run("1", "10"), run("100", "10")
assert slow == (10.0, 10.0, 1.0, 10981), slow
assert fast == (10.0, 10.0, 99.9, 2871), fast
assert run("1,100,100", "10") == slow
assert run("100,1,1", "10") == fast
assert run("1,1,1", "20")[:2] == (20.0, 20.0)
EOF
venv/bin/python check.py
echo "scalesim 3.0.0: the first bandwidth is the output's, the others are not read"
