"""The search over all tile sizes at once."""

from __future__ import annotations

from fractions import Fraction

from tests.machines import machine
from zzcp import Layer, SpatialMapping
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import objective_of
from zzcp.mapping import Mapping
from zzcp.solver.clock import Clock
from zzcp.solver.lattice.start import outermost_mapping
from zzcp.solver.padding.loops import shortened
from zzcp.solver.padding.tiles import TileSearch, applies

PRIME = Layer.gemm(b=13, k=8, c=6)
SPATIAL = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 2}})


def searched(seconds: float, share: Fraction = Fraction(1)) -> tuple[TileSearch, list[Fraction]]:
    """Return the search after its end, with the objectives of what it found, the first mapping's before them."""
    evaluator = Evaluator(machine(), PRIME, SPATIAL)
    first = evaluator.evaluate(outermost_mapping(evaluator.setting))
    values = [objective_of(first, "edp")]

    def offer(mapping: Mapping) -> None:
        value = objective_of(evaluator.evaluate(shortened(mapping, evaluator.setting.iterations)), "edp")
        values.append(min(value, values[-1]))

    clock = Clock(seconds)
    search = TileSearch(
        evaluator, frozenset("BC"), frozenset(), "edp", lambda: values[-1] * share, offer, clock
    )
    with clock.watched():
        search.run()
    return search, values


def test_the_best_mapping_is_found_and_proven() -> None:
    search, values = searched(600)
    assert values[-1] < values[0]
    assert search.bound == values[-1]


def test_what_does_not_matter_is_left_out() -> None:
    exact, values = searched(600)
    search, rough = searched(600, Fraction(9, 10))
    assert search.bound == rough[-1] * Fraction(9, 10)
    assert search.bound <= exact.bound
    assert values[-1] <= rough[-1]


def test_the_bound_holds_at_any_time() -> None:
    exact, _ = searched(600)
    for seconds in (0.0, 0.005, 0.02):
        assert searched(seconds)[0].bound <= exact.bound


def test_outputs_that_windows_share_are_left_to_the_search_over_padded_sizes() -> None:
    assert applies(Evaluator(machine(), PRIME, SPATIAL))
    shared = Layer("O[k][iy]+=W[k][fy]*I[k][oy]", {"K": 8, "OY": 5, "FY": 3}, relations=("iy=1*oy+1*fy",))
    assert not applies(Evaluator(machine(), shared, SpatialMapping.from_dict({"D1": {"K": 4}})))
