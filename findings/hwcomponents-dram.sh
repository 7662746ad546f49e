#!/usr/bin/env bash
# hwcomponents-cacti 1.0.40: the DRAM models' bandwidths are off by factors from 1/61 to 8.6.
#
# One would guess: LPDDR4, DDR3, HBM2, HBM3 and HBM4 components give about their standards' peak
#   bandwidth at the default width (64 data lines; two stacks for HBM), rising along the list.
# What happens: `throughput` is in actions a second, an action being a whole bus width, yet the table
#   holds what look like other units: the core clock over 8 (LPDDR 50, LPDDR4 400, DDR3 266 MHz), the
#   bit rate of a line (HBM2), and that rate times 8 (HBM3, HBM4).
# Versions: hwcomponents-cacti 1.0.40 with hwcomponents 1.0.114 (both the newest), Python 3.12.
# Output seen (GB/s at the default width, beside the peak of the standards' top speed grades):
#   LPDDR      64 lines      0.05      3.2       (400 Mb/s a line)
#   LPDDR4     64 lines      0.42     25.6       (3200 Mb/s a line)
#   DDR3       64 lines      0.28     12.8       (1600 Mb/s a line)
#   HBM2     2048 lines    659.7     614.4       (2.4 Gb/s a line)
#   HBM3     2048 lines  14073.7    1638.4       (6.4 Gb/s a line)
#   HBM4     4096 lines  35184.4    4096         (8 Gb/s a line)
# Why it matters: an accelerator of AccelForge that takes its DRAM from this library is bound by
#   memory everywhere with LPDDR4 and nowhere with HBM3; a move from HBM2 to HBM3 is worth 21x here
#   and 2.7x in silicon. The energies per bit are as published, so nothing looks wrong.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3.12}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check hwcomponents==1.0.114 hwcomponents-cacti==1.0.40

cat > check.py <<'EOF'
from hwcomponents_cacti import hwcomponents_cacti as memories

# Gb/s of one data line, and the number of lines of the component's default.
STANDARD = {"LPDDR": (0.4, 64), "LPDDR4": (3.2, 64), "DDR3": (1.6, 64),
            "HBM2": (2.4, 2048), "HBM3": (6.4, 2048), "HBM4": (8.0, 4096)}
SEEN = {"LPDDR": 0.1, "LPDDR4": 0.4, "DDR3": 0.3, "HBM2": 659.7, "HBM3": 14073.7, "HBM4": 35184.4}

got = {}
for name, (rate, lines) in STANDARD.items():
    memory = getattr(memories, name)()
    assert memory.width == lines, (name, memory.width)
    read = memory.read()                     # one action is one read of `width` bits
    got[name] = read.throughput * memory.width / 8 / 1e9
    peak = rate * lines / 8
    print(f"{name:7}{lines:5} lines {got[name]:10.2f} GB/s, peak {peak:7.1f}, ratio {got[name] / peak:7.3f}, "
          f"{read.energy / memory.width * 1e12:.2f} pJ/bit")
    assert round(got[name], 1) == SEEN[name], (name, got[name])
assert got["LPDDR4"] < 25.6 / 50 and got["DDR3"] < 12.8 / 40
assert got["HBM3"] / got["HBM2"] > 21
EOF
venv/bin/python check.py
echo "hwcomponents-cacti 1.0.40: LPDDR4 60 times too slow, HBM3 8.6 times too fast"
