#!/usr/bin/env bash
# hwcomponents 1.0.114: over 256 times the depth, energy "as CACTI scales" grows four times as much as in CACTI.
#
# One would guess: `cacti_depth_energy`, documented as an empirical measurement of CACTI, gives about
#   what the CACTI of the same family of packages gives when a memory gets deeper.
# What happens: the function is depth ** 0.78. CACTI 1.0.40 gives depth ** 0.5 to 0.6, the square root
#   that one expects of longer word and bit lines. Where a library component (the eDRAMs and buffers
#   of ISAAC, AtomLayer, TIMELY, RAAAM) is scaled from the size of its paper, a deeper one costs
#   several times too much and a shallower one far too little. Leakage of three of them is scaled by
#   the same function, where CACTI has it grow almost with the number of bits.
# Versions: hwcomponents 1.0.114, hwcomponents-cacti 1.0.40, hwcomponents-library 1.0.58, Python 3.12.
# Output seen (energy of a read, depth 262144 over depth 1024, words of 64 bits):
#   function 75.6      CACTI at 22 nm 19.9, at 32 nm 20.5, at 45 nm 20.8; leakage in CACTI 171 to 194
#   RAAAM eDRAM, 16 nm, words of 1024 bits: 2.58 pJ a bit at 1 Mib, 66.1 at 64 Mib, more than DDR or HBM off the chip
# Why it matters: sweeps over buffer sizes and comparisons of in-memory chips at equal buffers rest on
#   this exponent. A deeper eDRAM ends up dearer than DRAM, so that the mapper does not use it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3.12}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-binary hwcomponents-cacti hwcomponents==1.0.114 hwcomponents-cacti==1.0.40 \
  hwcomponents-library==1.0.58 hwcomponents-neurosim==1.0.43

cat > check.py <<'EOF'
from math import log

from hwcomponents.scaling import cacti_depth_energy
from hwcomponents_cacti import SRAM
from hwcomponents_library import RaaamEDRAM

SHALLOW, DEEP, WIDTH = 1024, 262144, 64
function = cacti_depth_energy(DEEP, SHALLOW)
print(f"function: {function:.1f} times, exponent {log(function, DEEP / SHALLOW):.2f}")
assert round(function, 1) == 75.6
for node in (22, 32, 45):
    small, large = (SRAM(tech_node=float(f"{node}e-9"), width=WIDTH, size=WIDTH * depth) for depth in (SHALLOW, DEEP))
    energy = large.read().energy / small.read().energy
    leakage = large.leak_power / small.leak_power
    print(f"CACTI, {node} nm: energy {energy:.1f} times, exponent {log(energy, DEEP / SHALLOW):.2f}, leakage {leakage:.0f} times")
    assert 19 < energy < 22 and leakage > 150
base, large = (RaaamEDRAM(tech_node=16e-9, width=1024, size=mib * 2**20) for mib in (1, 64))
bit = [memory.read().energy / 1024 * 1e12 for memory in (base, large)]
print(f"RAAAM eDRAM: {bit[0]:.2f} pJ a bit at 1 Mib, {bit[1]:.1f} at 64 Mib")
assert [round(value, 2) for value in bit] == [2.58, 66.14]
EOF
venv/bin/python check.py
echo "hwcomponents 1.0.114: 256 times the depth costs 76 times the energy, 20 times in CACTI"
