#!/usr/bin/env bash
# AccelForge 1.0.467: a DRAM without `keep` gives its traffic away.
#
# One would guess: `tensors: {}` or `{may_keep: All}` at the outermost memory means what it means
#   elsewhere (the mapper may store any tensor there), and since the data must come from somewhere,
#   DRAM is read and written as with `keep: All`.
# What happens: the mapper leaves every tensor out of DRAM, the next memory becomes the place where
#   data comes from, and no DRAM access is charged at all. The result is valid, nothing is said.
# Versions: accelforge 1.0.467 (the newest), Python 3.12.
# Output seen (GEMM 16x16x16, three levels, DRAM 400 an access, SRAM 12, registers 2):
#   keep: All      399,360
#   {}              82,944
#   may_keep: All   82,944   at the same 4,096 cycles
# Why it matters: DRAM is most of an accelerator's energy, here four fifths. Leaving out a field that
#   is optional everywhere makes any design look that much better, and the search, told to save
#   energy, picks just this.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3.12}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check accelforge==1.0.467

cat > tool.py <<'PY'
import warnings
warnings.filterwarnings("ignore")
import accelforge
from accelforge.mapper.FFM.mappings import Mappings
Mappings.render = lambda *_, **__: ""        # it draws each mapping with Graphviz, which may be missing
accelforge.set_n_parallel_jobs(1)

def memory(name, size, energy, throughput, tensors="{keep: All}"):
    return f"""
  - !Memory
    name: {name}
    size: {size}
    leak_power: 0
    area: 0
    tensors: {tensors}
    total_latency: {'max(a.n_calls / a.throughput for a in actions)' if throughput != 'inf' else 0}
    actions:
    - {{name: read, energy: {energy}, throughput: {throughput}, bits_per_action: 8}}
    - {{name: write, energy: {energy}, throughput: {throughput}, bits_per_action: 8}}"""

def search(memories, m, n, k, metric):
    """The mapper's one best mapping of a GEMM of 8-bit values: energy and latency."""
    open("arch.yaml", "w").write("arch:\n  nodes:" + "".join(memories) + """
  - !Compute
    name: MAC
    leak_power: 0
    area: 0
    actions:
    - {name: compute, energy: 1, throughput: 1}
""")
    open("work.yaml", "w").write(f"""workload:
  bits_per_value: {{All: 8}}
  iteration_space_shape: {{m: 0 <= m < {m}, n: 0 <= n < {n}, k: 0 <= k < {k}}}
  einsums:
  - name: G
    tensor_accesses:
    - {{name: I, projection: [m, k]}}
    - {{name: W, projection: [k, n]}}
    - {{name: O, projection: [m, n], output: True}}
    renames: {{input: I, weight: W, output: O}}
""")
    spec = accelforge.Spec.from_yaml("arch.yaml", "work.yaml")
    spec.mapper.metrics = getattr(accelforge.Metrics, metric)
    row = spec.map_workload_to_arch(print_progress=False).data.iloc[0]
    return tuple(float(row[f"Total<SEP>{name}"]) for name in ("energy", "latency"))
PY

cat > check.py <<'EOF'
from tool import memory, search

def total(tensors):
    machine = [memory("DRAM", "inf", 400, 1, tensors), memory("SRAM", 1024 * 8, 12, 4), memory("REG", 16 * 8, 2, "inf")]
    energy, latency = search(machine, 16, 16, 16, "ENERGY")
    print(f"DRAM with tensors: {tensors:15} energy {energy:,.0f}, latency {latency:,.0f}")
    return energy, latency

charged, free, also_free = total("{keep: All}"), total("{}"), total("{may_keep: All}")
assert charged == (399360, 4096) and free == also_free == (82944, 4096)
# Each of the three matrices must cross once: 768 values, 400 to touch DRAM.
assert charged[0] - free[0] >= 3 * 16 * 16 * 400
EOF
venv/bin/python check.py
echo "accelforge 1.0.467: without keep, DRAM is left out and costs nothing"
