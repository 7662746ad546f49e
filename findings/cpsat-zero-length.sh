#!/usr/bin/env bash
# OR-Tools CP-SAT 9.15.6755: an interval of length zero may not lie inside another, except where
# it may: no_overlap and cumulative disagree on the same machine.
#
# One would guess: add_no_overlap is add_cumulative with capacity 1 and demands 1, so a transfer of
#   zero cycles (a tile that is already there) that starts while the port is busy is free in both.
# What happens: no_overlap forbids it strictly inside another interval (at either end it is allowed);
#   cumulative with the same intervals, and an optional interval that is absent, do not care. In two
#   dimensions a box without width inside another box is forbidden as well, although its area is 0.
# Versions: ortools 9.15.6755 (the newest), Python 3.11.
# Output seen: [0, 10) and an empty interval at 5: no_overlap INFEASIBLE, cumulative OPTIMAL,
#   no_overlap_2d INFEASIBLE; at 0 or at 10: no_overlap OPTIMAL.
#   Port schedule of loads of 4 and 6 cycles, where the size-zero load must start at 5: 10 cycles by
#   cumulative, 11 by no_overlap.
# Why it matters: durations that come from a table (bits / bandwidth, 0 for data that stays) make
#   optimal schedules infeasible or longer, and a "proof" of optimality covers too few schedules.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check ortools==9.15.6755

cat > check.py <<'EOF'
from ortools.sat.python import cp_model

def solve(model):
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    return solver.status_name(solver.solve(model)), solver

def verdict(kind, at):
    model = cp_model.CpModel()
    busy, empty = model.new_fixed_size_interval_var(0, 10, "busy"), model.new_fixed_size_interval_var(at, 0, "empty")
    if kind == "no_overlap":
        model.add_no_overlap([busy, empty])
    elif kind == "cumulative":
        model.add_cumulative([busy, empty], [1, 1], 1)
    else:
        tall = model.new_fixed_size_interval_var(0, 10, "tall"), model.new_fixed_size_interval_var(2, 3, "short")
        model.add_no_overlap_2d([busy, empty], list(tall))
    return solve(model)[0]

def makespan(kind):
    model = cp_model.CpModel()
    starts = [model.new_int_var(0, 50, f"s{i}") for i in range(2)]
    loads = [model.new_fixed_size_interval_var(s, n, f"load{n}") for s, n in zip(starts, (4, 6))]
    loads.append(model.new_fixed_size_interval_var(5, 0, "resident"))
    model.add_no_overlap(loads) if kind == "no_overlap" else model.add_cumulative(loads, [1] * 3, 1)
    end = model.new_int_var(0, 60, "end")
    model.add_max_equality(end, [starts[0] + 4, starts[1] + 6])
    model.minimize(end)
    status, solver = solve(model)
    assert status == "OPTIMAL"
    return solver.value(end)

inside = {kind: verdict(kind, 5) for kind in ("no_overlap", "cumulative", "no_overlap_2d")}
edges = [verdict("no_overlap", at) for at in (0, 10)]
spans = makespan("cumulative"), makespan("no_overlap")
print("inside:", inside, "at the ends:", edges, "makespans (cumulative, no_overlap):", spans)
assert inside == {"no_overlap": "INFEASIBLE", "cumulative": "OPTIMAL", "no_overlap_2d": "INFEASIBLE"}
assert edges == ["OPTIMAL", "OPTIMAL"] and spans == (10, 11)
EOF
venv/bin/python check.py
echo "ortools 9.15.6755: nothing may happen while a port is busy, says no_overlap"
