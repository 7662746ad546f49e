"""Problem, budget, registry: what is refused, and what a mapper of one's own needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.mappers.problems import OWN, QUICK, problem
from zzcp import InputError, evaluate
from zzcp.mappers import (
    MAPPERS,
    Budget,
    Mapper,
    OnBest,
    Problem,
    Run,
    Search,
    make_mapper,
    options_of,
    shuffled,
)
from zzcp.mappers import loop_prime_factors as factors


def test_the_mappers_by_name() -> None:
    assert list(MAPPERS) == ["loma", "salsa", "random", "genetic", "greedy", "zigzag-loma", "zigzag-salsa"]
    for name in OWN:
        mapper = make_mapper(name)
        assert isinstance(mapper, Mapper)
        assert mapper.name == name
        assert make_mapper(name, name="other").name == "other"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lomma", {}, "unknown mapper: expected loma, salsa, .*found lomma .did you mean 'loma'"),
        ("loma", {"lpf": 6}, "unknown option of mapper loma: expected lpf_limit, name, found lpf"),
        ("loma", {"lpf_limit": 0}, "lpf_limit out of range: expected an integer >= 1, found 0"),
        ("loma", {"lpf_limit": True}, "lpf_limit out of range"),
        ("salsa", {"iterations": 0}, "iterations out of range"),
        ("salsa", {"chains": 1.5}, "chains out of range"),
        ("salsa", {"temperature": 0}, "temperature out of range"),
        ("salsa", {"cooling": 1.1}, "cooling out of range: expected 1e-09 to 1, found 1.1"),
        ("salsa", {"lpf_limit": -1}, "lpf_limit out of range"),
        ("random", {"samples": 0}, "samples out of range"),
        ("random", {"lpf_limit": "x"}, "lpf_limit out of range"),
        ("genetic", {"population": 1}, "population out of range"),
        ("genetic", {"elite": 2}, "elite out of range"),
        ("genetic", {"lpf_limit": 0}, "lpf_limit out of range"),
        ("greedy", {"stationary": "outputs"}, "unknown stationary operand.*did you mean 'output'"),
        ("greedy", {"lists": 0}, "lists out of range"),
    ],
)
def test_unknown_names_and_bad_options_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make_mapper(name, **options)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"evaluations": 0}, "budget of evaluations: expected an integer >= 1, found 0"),
        ({"seconds": 0.0}, "budget of seconds out of range"),
        ({"seconds": float("nan")}, "budget of seconds out of range"),
        ({"seed": -1}, "seed out of range"),
    ],
)
def test_budgets_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Budget(**arguments)


def test_unknown_objectives_are_refused() -> None:
    with pytest.raises(InputError, match=r"unknown objective: expected edp.*did you mean 'energy'"):
        problem("enery")


def test_options_of_a_mapper() -> None:
    assert options_of("loma") == ("lpf_limit", "name")


def test_an_unrolling_that_does_not_fit_is_refused() -> None:
    good = problem()
    bad = Problem(good.accelerator, good.layer, type(good.spatial).from_dict({"D1": {"K": 8}}))
    for name in OWN:
        with pytest.raises(InputError, match="D1 has 4 units"):
            make_mapper(name, **QUICK.get(name, {})).map(bad, Budget())


class Shuffle:
    """A mapper as a user writes one: a thousand random orders."""

    name = "shuffle"

    def map(self, problem: Problem, budget: Budget, *, on_best: OnBest | None = None) -> Search:
        with Run(self.name, problem, budget, on_best) as run:
            loops = factors(run.setting.temporal_sizes)
            run.score_orders(*shuffled(loops, list(problem.layer.sizes), run.rng, 1000))
            return run.search()


def test_a_mapper_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(Shuffle(), Mapper)
    monkeypatch.setitem(MAPPERS, "shuffle", Shuffle)
    found = make_mapper("shuffle").map(problem(), Budget(500, seed=3))
    assert found.evaluations == 500
    assert found.mapping is not None
    assert found.mapper == "shuffle"
    monkeypatch.setitem(MAPPERS, "free", lambda **options: Shuffle())
    assert options_of("free") == ()
    make_mapper("free", anything=1)


def test_mappings_of_any_kind_can_be_scored() -> None:
    task = problem()
    known = make_mapper("loma", lpf_limit=4).map(task, Budget())
    assert known.mapping is not None
    with Run("given", task, Budget()) as run:
        values = run.score([known.mapping, known.mapping])
        found = run.search()
    assert values.tolist() == [known.objective] * 2
    assert (found.evaluations, len(found.history)) == (2, 1)
    assert found.mapping is not None
    assert found.mapping.temporal == known.mapping.temporal


def test_plain_data_of_a_search() -> None:
    task = problem("energy")
    found = make_mapper("loma", lpf_limit=4).map(task, Budget())
    data = json.loads(json.dumps(found.to_dict()))
    assert data["name"] == "loma"
    assert data["evaluation"]["energy"]["total"] == data["objective"] == found.objective
    assert found.mapping is not None
    again = evaluate(task.accelerator, task.layer, found.mapping)
    assert again.energy.total == data["objective"]
    nothing = Search("x", None, None, None, 5, 0.1, interrupted=True).to_dict()
    assert nothing == {"name": "x", "objective": None, "evaluations": 5, "wall_s": 0.1, "interrupted": True}
