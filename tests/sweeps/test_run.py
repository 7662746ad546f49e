"""Sweeps: the same as solving every point alone, on any number of processes, and nothing twice."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import zzcp
from tests.machines import machine
from zzcp.errors import InputError
from zzcp.hardware import Accelerator
from zzcp.io import MappingEntry, MappingFile
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.solver import portable
from zzcp.solver.job import Job
from zzcp.sweeps import SweepPoint, SweepProgress
from zzcp.workload import Layer, Network

LAYER = Layer.gemm(b=2, k=4, c=4)
SIZES = "memories.w_regs.size=4,8,16,32"


def machine_at(point: SweepPoint) -> Accelerator:
    """Return the machine of a point along the size of a memory."""
    memories = tuple(
        replace(memory, size=point.values["memories.w_regs.size"]) if memory.name == "w_regs" else memory
        for memory in machine().memories
    )
    return machine(memories)


def test_every_point_is_what_the_solver_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[SweepProgress] = []
    table = zzcp.sweep(
        machine(), LAYER, {"memories.w_regs.size": "4,8,16", "workload.operand_precision.I": [4, 8]},
        objectives=("edp", "energy"), on_progress=seen.append, spatial="full"
    )  # fmt: skip
    assert table.complete
    assert not table.interrupted
    assert len(table.points) == 12
    for point in table.points:
        layer = replace(
            LAYER, precision={**LAYER.precision, "I": point.values["workload.operand_precision.I"]}
        )
        alone = zzcp.optimize(machine_at(point), layer, point.objective, spatial="full", elsewhere=False)
        assert point.outcome.status == alone.status
        assert point.outcome.objective == alone.objective
        assert point.outcome.data.get("diagnosis") == (str(alone.diagnosis) if alone.diagnosis else None)
    assert [point.outcome.status for point in table.points[:4]] == ["infeasible"] * 4
    assert "a w_regs of 8 bits would do" in table.points[0].outcome.data["diagnosis"]
    assert list(dict.fromkeys(progress.done for progress in seen)) == list(range(13))
    assert {name for progress in seen for name in progress.running} == {
        f"{LAYER.name} at w_regs.size {size}, workload.operand_precision.I {bits}"
        for size in (4, 8, 16)
        for bits in (4, 8)
    }
    assert seen[0].left is None
    assert seen[-1].left == 0
    size, precision = table.checks
    assert (size.applies, size.pairs, size.holds) == (True, 12, True)
    assert not precision.applies


def test_what_a_mapping_file_leaves_out_is_chosen_at_every_point() -> None:
    file = MappingFile((MappingEntry("default", {"D2": {"C": 2}}),))
    table = zzcp.sweep(machine(), LAYER, ["memories.w_regs.size=16,64"], spatial=file)
    for point in table.points:
        alone = zzcp.optimize(machine_at(point), LAYER, spatial=Freedom(fixed={"D2": {"C": 2}}))
        assert point.outcome.data["spatial_mapping"]["D2"] == {"C": 2}
        assert "D1" in point.outcome.data["spatial_mapping"]
        assert point.outcome.objective == alone.objective


def test_in_processes_as_one_by_one(tmp_path: Path) -> None:
    one = zzcp.sweep(machine(), LAYER, [SIZES], spatial="full")
    two = zzcp.sweep(machine(), LAYER, [SIZES], jobs=2, db=tmp_path / "points.sqlite", spatial="full")

    def figures(table: zzcp.sweeps.SweepTable) -> list[object]:
        return [(point.values, replace(point.outcome, wall_s=0)) for point in table.points]

    assert figures(one) == figures(two)
    assert one.checks == two.checks


def test_nothing_is_solved_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "points.sqlite"
    first = zzcp.sweep(machine(), LAYER, [SIZES], db=path, spatial="full")
    assert not any(point.reused for point in first.points)

    def refuse(*_: object) -> None:
        raise AssertionError("solved again")

    monkeypatch.setattr(portable, "run_job", refuse)
    # another name, another order, another time limit: the same points
    again = zzcp.sweep(
        replace(machine(), name="other"), replace(LAYER, name="other"), ["memories.w_regs.size=32,16,8,4"],
        db=path, time_limit=600, spatial="full"
    )  # fmt: skip
    assert all(point.reused for point in again.points)
    assert [point.outcome for point in again.points] == [point.outcome for point in reversed(first.points)]
    with pytest.raises(AssertionError, match="solved again"):
        zzcp.sweep(machine(), LAYER, ["memories.w_regs.size=64"], db=path, spatial="full")


def test_equal_layers_are_solved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    solved: list[str] = []
    original: Callable[..., zzcp.Result] = portable.run_job

    def count(task: Job, *rest: object) -> zzcp.Result:
        solved.append(task.layer.name)
        return original(task, *rest)

    monkeypatch.setattr(portable, "run_job", count)
    layers = tuple(replace(LAYER, name=name, id=number) for number, name in enumerate(("a", "b", "c")))
    small = Layer.gemm(b=2, k=2, c=2, name="small")
    table = zzcp.sweep(
        machine(), [Network("net", layers), small], ["memories.w_regs.size=8,16"], spatial="full"
    )
    assert sorted(solved) == ["a", "a", "small", "small"]
    assert [point.reused for point in table.points] == [False, True, True, False] * 2
    totals = table.totals()
    assert [(total.workload, total.layers) for total in totals] == [("net", 3), ("small", 1)] * 2
    assert totals[0].latency == 3 * table.points[0].outcome.data["evaluation"]["latency"]["total"]


def test_the_unrolling_follows_the_array() -> None:
    machine_of = machine()
    table = zzcp.sweep(
        machine_of, LAYER, {"operational_array.sizes.D1": [1, 2, 4]}, spatial={"D1": {"K": 4}, "D2": {"C": 2}}
    )
    assert [point.outcome.data["spatial_mapping"]["D1"] for point in table.points] == [
        {"K": 1},
        {"K": 2},
        {"K": 4},
    ]
    assert {tuple(point.outcome.data["spatial_mapping"]["D2"].items()) for point in table.points} == {
        (("C", 2),)
    }
    own = replace(machine_of, dataflows={"D1": {"C": 4}, "D2": {"K": 2}})
    (point,) = zzcp.sweep(own, LAYER, ["operational_array.sizes.D1=2"], spatial="full").points
    assert point.outcome.data["spatial_mapping"] == {"D1": {"C": 2}, "D2": {"K": 2}}
    (point,) = zzcp.sweep(machine_of, LAYER, ["operational_array.sizes.D1=2"], spatial="full").points
    assert point.outcome.data["spatial_mapping"] == zzcp.optimize(
        zzcp.sweeps.fields.catalogue(machine_of, [])["operational_array.sizes.D1"]
        .put(zzcp.sweeps.fields.Subject(machine_of, LAYER), 2)
        .accelerator,
        LAYER, spatial="full"
    ).to_dict()["spatial_mapping"]  # fmt: skip


def test_a_sweep_without_axes_solves_the_machine_as_it_is() -> None:
    (point,) = zzcp.sweep(machine(), LAYER, [], spatial="full").points
    assert point.outcome.objective == zzcp.optimize(machine(), LAYER, spatial="full").objective


def test_other_conventions_have_no_theorem() -> None:
    table = zzcp.sweep(
        machine(), LAYER, ["memories.w_regs.size=8,16"], conventions=zzcp.ZIGZAG, spatial="full"
    )
    assert not table.checks[0].applies


def test_json_and_csv() -> None:
    table = zzcp.sweep(
        machine(), LAYER, ["memories.w_regs.size,memories.i_regs.size=4/8,1B/2B"], spatial="full"
    )
    data = json.loads(json.dumps(table.to_dict()))
    assert data["axes"][0]["labels"] == ["4 b / 1 B", "1 B / 2 B"]
    assert [point["status"] for point in data["points"]] == ["infeasible", "optimal"]
    assert data["points"][1]["evaluation"]["edp"] == data["points"][1]["objective"]
    assert zzcp.Mapping.from_dict(
        {key: data["points"][1][key] for key in ("spatial_mapping", "temporal_mapping", "double_buffered")}
    )
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert [(row["memories.i_regs.size"], row["status"], row["latency"]) for row in rows] == [
        ("8", "infeasible", ""),
        ("16", "optimal", str(data["points"][1]["evaluation"]["latency"]["total"])),
    ]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"jobs": 0}, "jobs: expected an integer from 1 to 10000, found 0"),
        ({"objectives": ("edp", "enregy")}, "did you mean 'energy'?"),
        ({"workloads": []}, "nothing to solve"),
        ({"vary": ["memories.w_regs.size=0"]}, "memories.w_regs.size = 0: memory w_regs: size out of range"),
        ({"vary": ["memories.w_regs.size=4", "memories.w_regs.size=8"]}, "field on two axes"),
        ({"vary": ["memories.w_regs.size=1:1000:+1", "workload.loop_sizes.B=1:1000:+1"]}, "too many points"),
        ({"spatial": {"D1": {"K": 8}}, "workloads": Layer.gemm(b=1, k=8, c=1)}, "D1 has 4 units"),
        ({"time_limit": 0}, "time limit out of range"),
        ({"seed": -1}, "seed out of range"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], part: str) -> None:
    given = {"accelerator": machine(), "workloads": LAYER, "vary": [SIZES], **arguments}
    with pytest.raises(InputError) as caught:
        zzcp.sweep(**given)  # type: ignore[arg-type]
    assert part in str(caught.value)


SCRIPT = """
import sys, zzcp
zzcp.sweep(zzcp.load_accelerator("docs/toy.yaml"), zzcp.Layer.gemm(b=4, k=4, c=4),
           {"memories.buf.size": "16B:74B:+2B"}, db=sys.argv[1], jobs=int(sys.argv[2]), spatial="full",
           neighbours=False)
"""


POINTS = 30
"""More than are solved before the signal arrives, on a busy machine, too."""


def start(root: Path, path: Path, jobs: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), str(jobs)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def rows(path: Path) -> dict[str, tuple[str, str]]:
    """Return the points in a database, each with when it was solved and its outcome."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
            found = database.execute("SELECT key, solved, outcome FROM points").fetchall()
    except sqlite3.OperationalError:
        return {}
    return {key: (solved, outcome) for key, solved, outcome in found}


def wait_for(condition: Callable[[], bool], seconds: float = 600.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("number", "jobs"), [(signal.SIGKILL, 2), (signal.SIGINT, 1), (signal.SIGINT, 2)])
def test_a_run_that_is_killed_loses_nothing(number: int, jobs: int, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "points.sqlite"
    process = start(root, path, jobs)
    wait_for(lambda: len(rows(path)) >= 2)
    process.send_signal(number)  # to the process alone: its workers have to notice
    _, errors = process.communicate(timeout=600)
    assert process.returncode == (-number if number == signal.SIGKILL else 0), errors
    wait_for(lambda: not alive(process.pid), 120)
    kept = rows(path)
    assert 2 <= len(kept) < POINTS
    again = start(root, path, 2)
    _, errors = again.communicate(timeout=600)
    assert (again.returncode, errors) == (0, "")
    found = rows(path)
    assert len(found) == POINTS
    assert {key: found[key] for key in kept} == kept


def test_unrollings_are_chosen_at_every_point(tmp_path: Path) -> None:
    name, db = "operational_array.sizes.D1", tmp_path / "points.db"
    given = zzcp.sweep(machine(), LAYER, {name: "2,4"}, db=db, spatial="full")
    unrollings = UnrollingOptions("auto", 1)
    table = zzcp.sweep(machine(), LAYER, {name: "2,4"}, unrollings=unrollings, db=db)
    for point, other in zip(table.points, given.points, strict=True):
        array = replace(machine().array, sizes=(point.values[name], *machine().array.sizes[1:]))
        alone = zzcp.optimize(replace(machine(), array=array), LAYER, spatial="auto", max_dims=1)
        assert point.outcome.status == alone.status == "optimal"
        assert point.outcome.objective == alone.objective
        assert point.outcome.objective <= other.outcome.objective * (1 + 1e-4)
