#!/usr/bin/env bash
# OR-Tools CP-SAT 9.15.6755: an integer solver whose proven lower bound lies above the optimum.
#
# One would guess: with integer objectives below 2^63 the objective and its bound are exact, and of
#   a minimisation best_objective_bound never exceeds the value of any solution.
# What happens: the solution is exact, but objective_value and best_objective_bound pass through a
#   double. Beyond 2^53 the bound is rounded to the nearest even: the solver reports OPTIMAL, a
#   solution of 9007199254740995 and a "lower bound" of 9007199254740996. The exact integer bound is
#   in response_proto.inner_objective_lower_bound, before the model's scaling and offset.
# Versions: ortools 9.15.6755 (the newest), Python 3.11.
# Output seen (minimise x, x >= 2^53 + 3): value 9007199254740995, objective 9007199254740996,
#   bound 9007199254740996, inner bound 9007199254740995. With "x >= bound" added as a cut, the
#   model that still allows the optimum by "x <= value" is INFEASIBLE.
# Why it matters: 2^53 attojoules are 9 mJ, one inference of a mid-sized network, and products
#   (energy x delay) get there with one layer. A bound fed into the next model, or a certificate that compares value
#   and bound, is wrong by one unit there, on the wrong side.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check ortools==9.15.6755

cat > check.py <<'EOF'
from ortools.sat.python import cp_model

def smallest(at_least):
    model = cp_model.CpModel()
    x = model.new_int_var(0, 2**61, "x")
    model.add(x >= at_least)
    other = model.new_int_var(0, 2**61, "energy")
    model.add(other == x)                      # the objective is another variable than the bounded one
    model.minimize(other)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    return solver.status_name(solver.solve(model)), solver, x

least = 2**53 + 3
status, solver, x = smallest(least)
value, objective, bound = solver.value(x), int(solver.objective_value), int(solver.best_objective_bound)
inner = solver.response_proto.inner_objective_lower_bound
print(f"{status}: value {value}, objective {objective}, bound {bound}, inner bound {inner}")
assert (status, value) == ("OPTIMAL", least)
assert bound == objective == least + 1, "the proven lower bound is above the solution it belongs to"
assert inner == least

# The bound, taken at its word in the next model, removes the optimum.
model = cp_model.CpModel()
x = model.new_int_var(0, 2**61, "x")
model.add(x >= least)
model.add(x <= value)
model.add(x >= bound)
solver = cp_model.CpSolver()
status = solver.status_name(solver.solve(model))
print("the same optimum under its own lower bound:", status)
assert status == "INFEASIBLE"
EOF
venv/bin/python check.py
echo "ortools 9.15.6755: the lower bound is one above the optimum"
