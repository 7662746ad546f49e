#!/usr/bin/env bash
# ZigZag 3.9.1: a register file with extracted costs is priced as an SRAM 128 times as large, and ports do not count.
#
# One would guess: `auto_cost_extraction: true` asks CACTI for the memory that the file describes; `mem_type: rf`, if it
#   matters at all, makes a small memory cheaper than an SRAM of the same size; a second port costs area.
# What happens: a memory of type rf is laid out as an SRAM of 128 times its size, and the figures are taken as they come
#   out: 64 bytes in words of a byte cost 35 times the read energy and 65 times the area of the same memory as an sram.
#   CACTI is always asked for one port to read and one to write, and for 22 nm, whatever ports the memory has.
# Versions: zigzag-dse 3.9.1 (the newest), with the CACTI 7 that it brings along; Python 3.12; six, which it needs and does
#   not declare.
# Output seen:
#   sram, 512 bits, 8 wide: read 0.0463 pJ, write 0.0864 pJ, 0.000215 mm2
#   rf,   512 bits, 8 wide: read 1.6460 pJ, write 0.6145 pJ, 0.014011 mm2
#   sram, 64 KiB, 64 wide, 1 port that reads and writes: 7.3805 pJ, 0.123675 mm2; 3 of them: the same
# Why it matters: registers at every unit are read in every cycle, so a factor of 35 there decides which dataflow looks
#   best; and a study of how many ports a buffer should have sees more bandwidth for nothing.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3.12}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check zigzag-dse==3.9.1 six==1.17.0

cat > check.py <<'EOF'
import logging
logging.disable(logging.CRITICAL)
from zigzag.hardware.architecture.memory_instance import MemoryInstance
from zigzag.hardware.architecture.memory_port import MemoryPort, MemoryPortType

def costs(kind, size, width, ports=1):
    every = tuple(MemoryPort(f"p{n}", MemoryPortType.READ_WRITE, width, width) for n in range(ports))
    found = MemoryInstance("m", size, ports=every, mem_type=kind, auto_cost_extraction=True)
    figures = found.r_cost, found.w_cost, found.area
    print(f"RESULT {kind:4} {size:6} bits, {width:2} wide, {ports} port(s): read {figures[0]:.4f} pJ, "
          f"write {figures[1]:.4f} pJ, {figures[2]:.6f} mm2", flush=True)
    return figures

as_sram, as_rf = costs("sram", 512, 8), costs("rf", 512, 8)
assert as_rf == costs("sram", 512 * 128, 8), "the register file is no SRAM of 128 times its size"
assert 35 < as_rf[0] / as_sram[0] < 36 and 65 < as_rf[2] / as_sram[2] < 66
assert costs("sram", 65536 * 8, 64, 1) == costs("sram", 65536 * 8, 64, 3), "ports count"
EOF
# the package calls `python` for CACTI, which says a lot
PATH="$dir/venv/bin:$PATH" venv/bin/python check.py > out.txt 2>&1 || { tail -5 out.txt; exit 1; }
grep RESULT out.txt | sed 's/RESULT //'
echo "zigzag-dse 3.9.1: a register file costs as much as an SRAM of 128 times its size"
