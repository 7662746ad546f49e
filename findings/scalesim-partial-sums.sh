#!/usr/bin/env bash
# SCALE-Sim 3.0.0: under weight stationary, partial sums go out to DRAM and never come back.
#
# One would guess: a 64 KB output memory keeps the 1,024 sums of a 32x32x32 GEMM until they are
#   final, so DRAM sees 1,024 output writes whatever the dataflow; or, if the model spills partial
#   sums, that it reads them again.
# What happens: each of the K / rows folds writes all of its partial sums, through to DRAM, and no
#   counter anywhere has a read of an output. The size of the output memory changes nothing. Under
#   output stationary the DRAM figure is right, but the SRAM counts cells that hold no result.
# Versions: scalesim 3.0.0 (the newest), numpy 1.26.4, Python 3.9 to 3.12.
# Output seen (GEMM 32x32x32, 1,024 outputs):
#   ws 4x4,  OFMAP 64 KB:  8192 DRAM writes, 8192 SRAM writes      ws 4x4, 1024 KB: the same
#   ws 8x8,  OFMAP 64 KB:  4096 DRAM writes      ws 32x32: 1024 DRAM writes
#   os 4x4,  OFMAP 64 KB:  1024 DRAM writes, 1536 SRAM writes
# Why it matters: DRAM energy is taken from these counts. Weight stationary pays for its output
#   eightfold here and its partial sums are never read: neither a machine that keeps them nor one
#   that spills them. The comparison of dataflows, what the tool is for, tips on it.
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
InterfaceBandwidth = CALC
UseRamulatorTrace = False
[architecture_presets]
ArrayHeight = @SIDE@
ArrayWidth = @SIDE@
IfmapSramSzkB = 64
FilterSramSzkB = 64
OfmapSramSzkB = @KB@
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = @FLOW@
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
printf 'Layer, M, N, K,\nsquare, 32, 32, 32,\n' > gemm.csv
printf 'Layer,\n' > layout.csv

cat > check.py <<'EOF'
import contextlib, csv, io, shutil
from scalesim.scale_sim import scalesim

def run(flow, side, kb):
    text = open("machine.template").read().replace("@FLOW@", flow)
    open("machine.cfg", "w").write(text.replace("@SIDE@", str(side)).replace("@KB@", str(kb)))
    shutil.rmtree("out", ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        sim = scalesim(save_disk_space=True, verbose=False, config="machine.cfg",
                       topology="gemm.csv", layout="layout.csv", input_type_gemm=True)
        sim.run_scale(top_path="out")
    head, values = list(csv.reader(open("out/run/DETAILED_ACCESS_REPORT.csv")))[:2]
    counts = dict(zip((h.strip() for h in head), map(str.strip, values)))
    assert not [h for h in counts if "OFMAP Reads" in h], "outputs are read now"
    found = int(counts["DRAM OFMAP Writes"]), int(counts["SRAM OFMAP Writes"])
    print(f"{flow} {side}x{side}, {kb} KB for outputs: DRAM writes {found[0]}, SRAM writes {found[1]}")
    return found

assert run("ws", 4, 64) == (8 * 1024, 8 * 1024)
assert run("ws", 4, 1024) == (8 * 1024, 8 * 1024)
assert run("ws", 8, 64) == (4 * 1024, 4 * 1024)
assert run("ws", 32, 64) == (1024, 1024)
assert run("os", 4, 64) == (1024, 1536)
EOF
venv/bin/python check.py
echo "scalesim 3.0.0: K / rows writes of every output to DRAM, no read of one"
