#!/usr/bin/env bash
# OR-Tools CP-SAT 9.15.6755: max_deterministic_time is a limit of each worker, not of the solve.
#
# One would guess: max_deterministic_time = 1 ends a solve at a deterministic time of 1 (and a little),
#   so a budget gives the same amount of search whatever the number of workers; more workers, fixed
#   by interleave_search to be reproducible, share it.
# What happens: the response's deterministic_time adds up all workers, the limit is held against each
#   alone. With interleave_search, 8 workers spend up to 8 times the limit and 16 workers 16 times, and
#   end with a proof that one worker under the same limit does not find.
# Versions: ortools 9.15.6755 (the newest), Python 3.11.
# Output seen (90 binaries, 25 knapsack rows, limit 1.0):
#   1 worker:   FEASIBLE, deterministic time  1.0
#   8 workers:  OPTIMAL,  deterministic time  6.9
#   16 workers: OPTIMAL,  deterministic time 12.4
# Why it matters: results "at equal deterministic budget" over numbers of workers compare 1 with 12;
#   a test suite or a service that bills or bounds work by this limit runs over by the worker count.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check ortools==9.15.6755

cat > check.py <<'EOF'
import random
from ortools.sat.python import cp_model

LIMIT = 1.0

def knapsacks():
    random.seed(3)
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{i}") for i in range(90)]
    for _ in range(25):
        weights = [random.randint(100, 999) for _ in x]
        model.add(sum(w * v for w, v in zip(weights, x)) <= sum(weights) // 2)
    model.maximize(sum(random.randint(100, 999) * v for v in x))
    return model

def spent(workers):
    solver = cp_model.CpSolver()
    solver.parameters.max_deterministic_time = LIMIT
    solver.parameters.num_workers = workers
    solver.parameters.interleave_search = True
    status = solver.status_name(solver.solve(knapsacks()))
    time = solver.response_proto.deterministic_time
    print(f"{workers:2} workers: {status}, deterministic time {time:.2f} under a limit of {LIMIT}")
    return status, time

one, eight, sixteen = spent(1), spent(8), spent(16)
assert one[0] == "FEASIBLE" and one[1] < 1.1 * LIMIT
assert eight[0] == sixteen[0] == "OPTIMAL"
assert 4 * LIMIT < eight[1] <= 8.5 * LIMIT and 8 * LIMIT < sixteen[1] <= 17 * LIMIT
EOF
venv/bin/python check.py
echo "ortools 9.15.6755: the deterministic limit is per worker"
