#!/usr/bin/env bash
# ZigZag 3.9.1: a DRAM with extracted costs is dearest in narrow words and in its size; wide writes cost three reads.
#
# One would guess: `auto_cost_extraction: true` of a memory with `mem_type: dram` gives a DRAM's energy: some pJ a bit,
#   most of it for the interface, whatever the chip's capacity; a word of 8 bits costs less than one of 64, and a write
#   what a read costs.
# What happens: CACTI lays out one bank of a "main memory" as wide as the first port that reads, in a process of 22 nm. A
#   read of 8 bits costs more than one of 64. Capacity decides: 8 Gbit cost 2.6 times the energy of 1 Gbit a word of 64
#   bits. With 512 bits a write costs 2.9 times a read.
# Versions: zigzag-dse 3.9.1 (the newest), with the CACTI 7 that it brings along; Python 3.11; six, which it needs and does
#   not declare.
# Output seen:
#   8 Gbit,   8 wide: read 1348.1 pJ, write  1237.9 pJ, 1518 mm2   (169 pJ a bit)
#   8 Gbit,  32 wide: read  839.5 pJ, write   854.0 pJ, 1572 mm2   (26 pJ a bit)
#   8 Gbit,  64 wide: read 1156.9 pJ, write  1267.2 pJ, 1613 mm2   (18 pJ a bit)
#   8 Gbit, 512 wide: read 6229.3 pJ, write 17903.8 pJ, 1642 mm2   (12 pJ a bit)
#   1 Gbit,  64 wide: read  437.7 pJ, write   490.5 pJ,  217 mm2   (6.8 pJ a bit)
# Why it matters: DRAM traffic is most of the energy of many layers: the size field of a DRAM that is never full, or the
#   width of its port, moves the whole design's energy by a factor of ten, and outputs look three times as dear as inputs.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check zigzag-dse==3.9.1 six==1.17.0

cat > check.py <<'EOF'
import logging
logging.disable(logging.CRITICAL)
from zigzag.hardware.architecture.memory_instance import MemoryInstance
from zigzag.hardware.architecture.memory_port import MemoryPort, MemoryPortType

def costs(gigabits, width):
    port = (MemoryPort("p", MemoryPortType.READ_WRITE, width, width),)
    found = MemoryInstance("m", gigabits * 2**30, ports=port, mem_type="dram", auto_cost_extraction=True)
    print(f"RESULT {gigabits} Gbit, {width:3} wide: read {found.r_cost:6.1f} pJ, write {found.w_cost:7.1f} pJ, "
          f"{found.area:4.0f} mm2 ({found.r_cost / width:.3g} pJ a bit)", flush=True)
    return found.r_cost, found.w_cost

large = {width: costs(8, width) for width in (8, 32, 64, 512)}
small = costs(1, 64)
assert large[8][0] > large[64][0] > large[32][0], "energy grows with the width"
assert 2.6 < large[64][0] / small[0] < 2.7, "capacity does not decide"
assert large[512][1] > 2.8 * large[512][0] and large[8][1] < large[8][0]
EOF
# the package calls `python` for CACTI, which says a lot
PATH="$dir/venv/bin:$PATH" venv/bin/python check.py > out.txt 2>&1 || { tail -5 out.txt; exit 1; }
grep RESULT out.txt | sed 's/RESULT //'
echo "zigzag-dse 3.9.1: 8 bits of a DRAM cost more than 64; 8 Gbit cost 2.6 times 1 Gbit"
