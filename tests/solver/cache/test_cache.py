"""The cache: what it gives back is what was found, scored again, and what is damaged is not believed."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.generators import random_accelerator, random_spatial
from tests.machines import MEMORIES, machine
from tests.random_layers import ALL_KINDS, random_layer
from zzcp import EXACT, ZIGZAG, Constraints, Layer, Result, SpatialMapping, optimize
from zzcp.cost.objective import WeightedSum
from zzcp.errors import InputError
from zzcp.solver.cache import ResultCache
from zzcp.solver.cache.entry import from_entry, to_entry
from zzcp.solver.cache.question import Question, code_version
from zzcp.solver.cache.store import FILE

SMALL = machine()
GEMM = Layer.gemm(b=6, k=8, c=6)
SPATIAL = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 2}})
QUESTION = Question(SMALL, GEMM, SPATIAL, "edp", EXACT, None, Constraints(), {"seed": 0, "engine": "auto"})


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of layers that were searched, one entry for every search."""
    done: list[str] = []
    put = ResultCache.put

    def kept(self: ResultCache, question: Question, result: Result, tolerance: float) -> None:
        done.append(question.layer.name)
        put(self, question, result, tolerance)

    monkeypatch.setattr(ResultCache, "put", kept)
    return done


def solve(folder: Path | None, layer: Layer = GEMM, **options: Any) -> Result:
    return optimize(SMALL, layer, **{"spatial": SPATIAL, "cache": folder, "time_limit": 20.0, **options})


def comparable(result: Result) -> Result:
    """Return a result without that in which a kept one may differ."""
    return replace(result, cached=False)


def test_nothing_is_kept_unless_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZZCP_CACHE_DIR", str(tmp_path))
    optimize(SMALL, GEMM, spatial=SPATIAL)
    assert list(tmp_path.iterdir()) == []
    optimize(SMALL, GEMM, spatial=SPATIAL, cache=True)
    assert (tmp_path / FILE).exists()


def test_a_second_search_is_none(tmp_path: Path, searches: list[str]) -> None:
    first = solve(tmp_path)
    second = solve(tmp_path, replace(GEMM, name="another", id=7))
    assert searches == [GEMM.name]
    assert (first.cached, second.cached) == (False, True)
    assert comparable(second) == first
    assert second.evaluation is not None
    assert first.evaluation is not None
    assert second.to_dict() == first.to_dict()


@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda entry: entry.name)
@pytest.mark.parametrize("kind", sorted(ALL_KINDS))
def test_what_comes_back_is_what_was_found(kind: str, conventions: Any, tmp_path: Path) -> None:
    rng = Random(f"cache {kind}")
    compared = 0
    while compared < 2:
        accelerator, layer = random_accelerator(rng), random_layer(rng, kind, 500)
        spatial = random_spatial(rng, accelerator, layer)
        options = {
            "objective": rng.choice(("edp", "energy", "ed2")),
            "spatial": spatial,
            "conventions": conventions,
            "time_limit": 3.0,
            "gap": 0.1,
            "cache": tmp_path,
        }
        first = optimize(accelerator, layer, **options)
        second = optimize(accelerator, layer, **options)
        assert second.cached is (first.status == "optimal")
        if second.cached:
            assert comparable(second) == first
            assert second.to_dict() == first.to_dict()
            compared += 1


def test_the_space_of_unrollings_comes_back_too(tmp_path: Path) -> None:
    first = solve(tmp_path, spatial="auto")
    again = solve(tmp_path, spatial="auto")
    assert again.cached
    assert comparable(again) == first
    assert again.space.unrollings > 1
    assert not solve(tmp_path, spatial="auto", max_dims=1).cached
    assert not solve(tmp_path).cached


@pytest.mark.parametrize("spatial", [{}, "auto"])
def test_loops_that_need_not_divide_come_back_as_such(tmp_path: Path, spatial: Any) -> None:
    """Of what was kept nothing said so once, and `verify` would have proven less than was claimed."""
    options = {"spatial": spatial, "factors": "imperfect", "max_padding": 0.5}
    first, again = (solve(tmp_path, **options) for _ in range(2))
    assert again.cached
    assert again.space == first.space
    assert again.to_dict()["space"]["factors"] == "imperfect"


def test_constraints_are_part_of_the_question_and_obeyed_again(tmp_path: Path, searches: list[str]) -> None:
    constraints = {"max_latency": 400}
    free, bound = solve(tmp_path), solve(tmp_path, constraints=constraints)
    assert len(searches) == 2
    again = solve(tmp_path, constraints=constraints)
    assert len(searches) == 2
    assert comparable(again) == bound
    assert solve(tmp_path).mapping == free.mapping


def test_a_smaller_gap_is_searched_for_again_a_larger_one_is_not(tmp_path: Path, searches: list[str]) -> None:
    loose = solve(tmp_path, gap=0.5)
    assert loose.gap is not None
    solve(tmp_path, gap=0.9)
    assert len(searches) == 1
    if loose.gap > 1e-6:
        solve(tmp_path, gap=1e-6)
        assert len(searches) == 2
    assert solve(tmp_path, gap=0.5).cached


def test_what_has_no_mapping_is_not_kept(tmp_path: Path) -> None:
    tiny = machine((replace(MEMORIES[0], size=1), *MEMORIES[1:]))
    for _ in range(2):
        result = optimize(tiny, GEMM, spatial=SPATIAL, cache=tmp_path)
        assert (result.status, result.cached) == ("infeasible", False)


# ---- what the key depends on ----------------------------------------------------------------------------------


def test_everything_that_matters_changes_the_key_and_names_do_not() -> None:
    faster = replace(SMALL.memories[0], read_energy=SMALL.memories[0].read_energy + 1)
    changes: list[dict[str, Any]] = [
        {},
        {"accelerator": replace(SMALL, memories=(faster, *SMALL.memories[1:]))},
        {"accelerator": replace(SMALL, array=replace(SMALL.array, unit_energy=123.0))},
        {"layer": replace(GEMM, sizes={**GEMM.sizes, "B": 7})},
        {"layer": replace(GEMM, precision={**GEMM.precision, "W": 4})},
        {"spatial": SpatialMapping.from_dict({"D1": {"C": 2}, "D2": {"K": 2}})},
        {"objective": "energy"},
        {"objective": WeightedSum(Fraction(1), Fraction(1, 3))},
        {"objective": WeightedSum(Fraction(1), Fraction(2, 3))},
        {"conventions": ZIGZAG},
        {"conventions": replace(EXACT, greedy_buffering=True)},
        {"links": {"W": "I1", "I": "I2", "O": "O"}},
        {"constraints": Constraints.from_dict({"max_latency": 400})},
        {"options": {"seed": 1, "engine": "auto"}},
        {"options": {"seed": 0, "engine": "ranges"}},
    ]
    assert len({replace(QUESTION, **change).key for change in changes}) == len(changes)
    same: list[dict[str, Any]] = [
        {"accelerator": replace(SMALL, name="another")},
        {"layer": replace(GEMM, name="another", id=3, operator="MatMul")},
        {"links": dict(GEMM.default_links)},
        {"conventions": replace(EXACT, name="another")},
        {"options": {"engine": "auto", "seed": 0}},
    ]
    assert {replace(QUESTION, **change).key for change in same} == {QUESTION.key}


def test_the_key_is_the_same_in_every_process(root: Path) -> None:
    code = "from tests.solver.cache.test_cache import QUESTION; print(QUESTION.key)"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == QUESTION.key


def test_what_another_version_found_is_not_used(
    tmp_path: Path, searches: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    solve(tmp_path)
    monkeypatch.setattr("zzcp.solver.cache.question.code_version", lambda: "another")
    monkeypatch.setattr("zzcp.solver.cache.store.code_version", lambda: "another")
    assert not solve(tmp_path).cached
    assert len(searches) == 2
    found = ResultCache(tmp_path).info()
    assert (found.entries, found.current) == (2, 1)
    assert len(code_version()) == 64


# ---- nothing is believed --------------------------------------------------------------------------------------


def change_entry(folder: Path, change: Any, *, with_digest: bool) -> None:
    """Change the only entry of a cache, with or without its hash."""
    database = sqlite3.connect(folder / FILE)
    with database:
        (text,) = database.execute("SELECT entry FROM solved").fetchone()
        entry = json.loads(text)
        text = json.dumps(change(entry) or entry)
        database.execute("UPDATE solved SET entry = ?", (text,))
        if with_digest:
            database.execute("UPDATE solved SET digest = ?", (sha256(text.encode()).hexdigest(),))
    database.close()


def other_objective(entry: dict[str, Any]) -> None:
    entry["objective"] = "12345/7"
    entry["lower_bound"] = 1.0


def bound_above(entry: dict[str, Any]) -> None:
    entry["lower_bound"] *= 2


def bound_below_zero(entry: dict[str, Any]) -> None:
    entry["lower_bound"] = -1.0


def bound_too_low_for_optimal(entry: dict[str, Any]) -> None:
    """Once it came back as optimal, with a bound of 0."""
    entry["lower_bound"] = 0.0


def other_unrolling(entry: dict[str, Any]) -> None:
    entry["mapping"]["spatial_mapping"] = {"D1": {"K": 2}}


def loop_missing(entry: dict[str, Any]) -> None:
    for levels in entry["mapping"]["temporal_mapping"].values():
        levels[:] = [[] for _ in levels]


def no_mapping(entry: dict[str, Any]) -> None:
    del entry["mapping"]


def no_numbers(entry: dict[str, Any]) -> None:
    entry["objective"] = "nothing"


def a_list(entry: dict[str, Any]) -> list[int]:
    return [1]


CHANGES = (
    other_objective,
    bound_above,
    bound_below_zero,
    bound_too_low_for_optimal,
    other_unrolling,
    loop_missing,
    no_mapping,
    no_numbers,
    a_list,
)


@pytest.mark.parametrize("with_digest", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_an_entry_that_fails_is_dropped_with_a_note(
    change: Any, with_digest: bool, tmp_path: Path, searches: list[str]
) -> None:
    first = solve(tmp_path)
    change_entry(tmp_path, change, with_digest=with_digest)
    with pytest.warns(UserWarning, match="was dropped"):
        again = solve(tmp_path)
    assert not again.cached
    assert again.objective == first.objective
    assert len(searches) == 2
    assert solve(tmp_path).cached  # it was solved and kept again


@pytest.mark.parametrize(
    "content", [b"no database at all, but a longer text than its header" * 20, b"SQLite"]
)
def test_a_damaged_file_is_a_warning_until_it_is_cleared(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.warns(UserWarning, match=r"cannot be (read|written)"):
        result = solve(tmp_path)
    assert result.status == "optimal"
    cache = ResultCache(tmp_path)
    with pytest.raises(InputError, match="the cache cannot be read"):
        cache.info()
    assert cache.clear() == 0
    solve(tmp_path)
    assert solve(tmp_path).cached


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE)
    with database:
        database.execute("CREATE TABLE treasure (gold INTEGER)")
    database.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.warns(UserWarning, match="something else"):
        assert solve(tmp_path).status == "optimal"
    assert (tmp_path / FILE).read_bytes() == before


def test_a_folder_that_cannot_be_made_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="cannot be written"):
        assert solve(tmp_path / "file").status == "optimal"


def test_an_argument_that_names_no_folder_is_an_error() -> None:
    with pytest.raises(InputError, match="path"):
        optimize(SMALL, GEMM, cache=3, spatial="full")  # type: ignore[arg-type]


# ---- several processes ----------------------------------------------------------------------------------------


def _work(folder: str, first: int) -> list[tuple[str, bool]]:
    found = []
    for number in range(12):
        size = 4 + (first + number) % 12
        result = solve(Path(folder), Layer.gemm(b=size, k=4, c=4), gap=0.1)
        found.append((str(result.objective), result.cached))
    return found


def test_several_processes_share_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        found = pool.starmap(_work, [(str(tmp_path), first) for first in (0, 4, 8)])
    values = [
        {(4 + (first + n) % 12): value for n, (value, _) in enumerate(rows)}
        for first, rows in zip((0, 4, 8), found, strict=True)
    ]
    assert values[0] == values[1] == values[2]
    assert ResultCache(tmp_path).info().entries == 12
    assert all(cached for _, cached in _work(str(tmp_path), 0))


def test_an_entry_holds_no_figures_but_the_proof(tmp_path: Path) -> None:
    result = solve(None)
    entry = json.loads(json.dumps(to_entry(result, "edp", 1e-4)))
    assert "evaluation" not in entry
    again = from_entry(entry, QUESTION, 1e-4)
    assert again is not None
    assert comparable(again) == result
