#!/usr/bin/env bash
# OR-Tools CP-SAT 9.15.6755: "the least energy-delay product" of two mappings has no solution.
#
# One would guess: a product of two variables within small positive bounds, far below 2^63, has a least value; and where
#   a solver cannot handle the numbers it says MODEL_INVALID or UNKNOWN, not that there is no solution.
# What happens: an energy that is 13,483,983 or one more, times 739,608 to 739,618 cycles (about 10^13), minimised, is
#   INFEASIBLE, with one worker and default parameters. With auto_detect_greater_than_at_least_one_of off it is OPTIMAL at
#   the right value. With a cycle range of one value, an energy range of eleven, or a smaller energy it is right as well.
#   Presolve turns the product into one of two multiples of the other variable, which that detection takes for
#   precedences of which one must hold.
# Versions: ortools 9.15.6755 (the newest), Python 3.11.
# Output seen: default INFEASIBLE, detection off OPTIMAL 9,972,861,698,664 (= 13,483,983 x 739,608), check by hand: 22 products.
# Why it matters: energy times delay is the objective of mapping searches; a wrong "infeasible" is a wrong proof, of a layer
#   that cannot be mapped, or of an incumbent that nothing beats.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check ortools==9.15.6755

cat > check.py <<'EOF'
from ortools.sat.python import cp_model

ENERGY, CYCLES = 13_483_983, 739_608


def least_product(more_energy, more_cycles, energy=ENERGY, detect=True):
    model = cp_model.CpModel()
    pair = model.new_int_var(energy, energy + more_energy, "energy"), model.new_int_var(CYCLES, CYCLES + more_cycles, "cycles")
    edp = model.new_int_var(0, 2**61, "edp")
    model.add_multiplication_equality(edp, pair)
    model.minimize(edp)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    if not detect:
        solver.parameters.auto_detect_greater_than_at_least_one_of = False
    status = solver.status_name(solver.solve(model))
    return status, int(solver.objective_value) if status == "OPTIMAL" else None


right = min((ENERGY + e) * (CYCLES + c) for e in range(2) for c in range(11))
print("default:", least_product(1, 10), " detection off:", least_product(1, 10, detect=False), " by hand:", right)
assert least_product(1, 10) == ("INFEASIBLE", None)
assert least_product(1, 10, detect=False) == ("OPTIMAL", right)
assert least_product(1, 0) == least_product(10, 10) == ("OPTIMAL", right)
assert least_product(1, 10, energy=1348)[0] == "OPTIMAL"
EOF
venv/bin/python check.py
echo "ortools 9.15.6755: an energy-delay product of 22 pairs is infeasible"
