"""What points of a sweep take from each other: nothing that is not so, and the same whatever is ready first."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

import zzcp
from tests.machines import machine
from zzcp.cost import ZIGZAG
from zzcp.errors import InputError
from zzcp.mapping.default import default_spatial
from zzcp.mapping.freedom import Freedom
from zzcp.solver import portable
from zzcp.solver.job import Job
from zzcp.solver.result import KnownBound
from zzcp.sweeps import SweepTable
from zzcp.workload import Layer

LAYERS = [Layer.gemm(b=2, k=4, c=4, name="small"), Layer.gemm(b=4, k=6, c=4, name="large")]


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    found: list[Job] = []
    search = portable.run_job

    def note(job: Job, tell: Callable[..., None]) -> zzcp.Result:
        found.append(job)
        return search(job, tell)

    monkeypatch.setattr(portable, "run_job", note)
    return found


def bytes_of(table: SweepTable) -> list[object]:
    return [(point.values, replace(point.outcome, wall_s=0)) for point in table.points]


def agree(one: SweepTable, other: SweepTable) -> None:
    """Check that no bound contradicts a mapping of the other way, and that what fits is the same."""
    for a, b in zip(one.points, other.points, strict=True):
        assert a.outcome.status == b.outcome.status
        if a.outcome.objective is None or b.outcome.objective is None:
            assert a.outcome.data["diagnosis"] == b.outcome.data["diagnosis"]
            continue
        assert a.outcome.lower_bound <= b.outcome.objective
        assert b.outcome.lower_bound <= a.outcome.objective
        assert a.outcome.objective == pytest.approx(b.outcome.objective, rel=1e-5)
        assert a.outcome.data["evaluation"].keys() == b.outcome.data["evaluation"].keys()
    assert all(check.holds for check in one.checks)


GIVEN = default_spatial(machine(), LAYERS[0])


def grid() -> dict[str, object]:
    first, second = (memory.name for memory in machine().memories[:2])
    size = machine().memories[1].size
    return {
        f"memories.{first}.size": [4, 8, 12, 16, 20, 24, 28, 32],
        f"memories.{second}.size": [size, size * 2, size * 3, size * 4],
    }


def test_few_points_are_searched_and_all_are_right(searched: list[Job]) -> None:
    table = zzcp.sweep(machine(), LAYERS, grid(), objectives=("edp", "energy"), spatial=GIVEN)
    few = len(searched)
    alone = zzcp.sweep(
        machine(), LAYERS, grid(), objectives=("edp", "energy"), spatial=GIVEN, neighbours=False
    )
    assert len(table.points) == len(alone.points) == len(searched) - few == 128
    assert few < 70
    agree(table, alone)


def test_the_results_do_not_depend_on_what_is_ready_first(tmp_path: Path) -> None:
    table = zzcp.sweep(machine(), LAYERS, grid(), spatial=GIVEN, db=tmp_path / "one.db")
    assert bytes_of(zzcp.sweep(machine(), LAYERS, grid(), spatial=GIVEN, jobs=3)) == bytes_of(table)
    # as if it had been killed: any part of the points is there already
    for seed in range(4):
        path = tmp_path / f"{seed}.db"
        path.write_bytes((tmp_path / "one.db").read_bytes())
        with sqlite3.connect(path) as database:
            keys = [key for (key,) in database.execute("SELECT key FROM points ORDER BY key")]
            gone = Random(seed).sample(keys, len(keys) * (seed + 1) // 5)
            database.executemany("DELETE FROM points WHERE key = ?", [(key,) for key in gone])
        assert bytes_of(zzcp.sweep(machine(), LAYERS, grid(), spatial=GIVEN, db=path)) == bytes_of(table)


def test_where_the_theorem_says_nothing_every_point_is_searched(searched: list[Job]) -> None:
    vary = {"workload.operand_precision.I": [4, 8], "memories.w_regs.size": [8, 16, 32]}
    zzcp.sweep(machine(), LAYERS[0], vary, spatial=GIVEN, conventions=ZIGZAG)
    assert len(searched) == 6
    assert all(job.known_bound is None and job.hint is None for job in searched)


def test_a_bandwidth_is_cut_first(root: Path, searched: list[Job]) -> None:
    toy = zzcp.load_accelerator(root / "docs/toy.yaml")
    layer = Layer.gemm(b=4, k=4, c=4)
    port = next(memory for memory in toy.memories if memory.name == "buf").ports[0]
    name = f"memories.buf.ports.{port.name}.bandwidth_max"
    wide = [port.bandwidth_max, port.bandwidth_max * 2]
    toy_spatial = default_spatial(toy, layer)
    vary = {"memories.buf.size": "16B:80B:+4B", name: wide}
    table = zzcp.sweep(toy, layer, vary, spatial=toy_spatial)
    few = len(searched)
    agree(table, zzcp.sweep(toy, layer, vary, spatial=toy_spatial, neighbours=False))
    assert few < 34


def test_unrollings_that_are_chosen_are_known_to_neighbours_too(searched: list[Job]) -> None:
    vary = {f"memories.{machine().memories[0].name}.size": [8, 16, 24, 32, 40, 48]}
    table = zzcp.sweep(machine(), LAYERS[0], vary, spatial=Freedom())
    few = len(searched)
    alone = zzcp.sweep(machine(), LAYERS[0], vary, spatial=Freedom(), neighbours=False)
    agree(table, alone)
    assert few < 6
    assert all(point.outcome.data["space"]["unrollings"] > 1 for point in table.points)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_random_grids_are_those_of_points_alone(seed: int) -> None:
    rng = Random(seed)
    layer = Layer.gemm(b=rng.choice((2, 4, 6)), k=rng.choice((2, 4, 9)), c=rng.choice((3, 4, 8)))
    memories = machine().memories
    vary = {
        f"memories.{memory.name}.size": sorted(
            {max(1, int(memory.size * rng.uniform(0.3, 4))) for _ in range(4)}
        )
        for memory in rng.sample(memories[:-1], min(2, len(memories) - 1))
    }
    memory = rng.choice(memories)
    vary[f"memories.{memory.name}.r_cost"] = [memory.read_energy, memory.read_energy * 1.5]
    objectives = (rng.choice(("edp", "energy", "latency", "ed2")),)
    table = zzcp.sweep(machine(), layer, vary, objectives=objectives, spatial=GIVEN)
    agree(table, zzcp.sweep(machine(), layer, vary, objectives=objectives, spatial=GIVEN, neighbours=False))


def test_a_known_bound_is_believed_and_named() -> None:
    free = zzcp.optimize(machine(), LAYERS[1], spatial=GIVEN)
    assert free.objective is not None
    known = KnownBound(free.lower_bound, "ranges")
    helped = zzcp.optimize(machine(), LAYERS[1], spatial=GIVEN, hint=free.mapping, known_bound=known)
    assert (helped.objective, helped.lower_bound, helped.engine) == (
        free.objective,
        free.lower_bound,
        "ranges",
    )
    with pytest.raises(InputError, match="known bound"):
        KnownBound(-1.0, "ranges")
    with pytest.raises(InputError, match="known bound: expected a KnownBound"):
        zzcp.optimize(machine(), LAYERS[1], spatial=GIVEN, known_bound=3.0)  # type: ignore[arg-type]
