"""The search by ranges: its bounds against the evaluator, mapping by mapping."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.cases import LAYERS, own_machines
from benchmarks.solver_cases import FOUR_KEYS, case_named
from tests.solver.pinned import boundaries_of
from tests.solver.test_pinned import Case, random_case
from zzcp import Mapping, evaluate, optimize
from zzcp.cost import EXACT, ZIGZAG, CostConventions
from zzcp.mapping.default import default_spatial
from zzcp.solver.lattice.keys import keys_of
from zzcp.solver.lattice.tables import boundary_tables
from zzcp.solver.ranges.cuts import by_completion
from zzcp.solver.ranges.enumeration import Enumeration
from zzcp.solver.ranges.goals import Product
from zzcp.solver.ranges.ground import Ground
from zzcp.solver.ranges.multipliers import Budgets, Line

FLOAT_ERROR = 1e-9
BOTH = pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)


def check(case: Case, slack: tuple[float, float] | None = None) -> float:
    """Assert that the chain of a mapping is among the labels, with bounds below its cost; return their ratio.

    With budgets of energy and latency that the mapping just meets, but for some slack, the same holds.
    """
    evaluator = case.evaluator
    model = evaluator.model
    keys = keys_of(evaluator.setting.temporal_sizes)
    if not keys:
        return 1.0
    tables = boundary_tables(model, keys)
    ground = Ground.of(model, keys, tables)
    relaxation = ground.relaxation
    chain = {
        (operand, link): vector
        for operand, row in enumerate(boundaries_of(evaluator, case.mapping, keys))
        for link, vector in enumerate(row)
    }
    lattice = relaxation.lattice
    alive = {}
    for place, vector in chain.items():
        alive[place] = np.zeros(lattice.shape, dtype=bool)
        alive[place][vector] = np.broadcast_to(lattice.alive[place], lattice.shape)[vector]
    real = evaluator.evaluate(case.mapping)
    energy, latency = float(real.energy.exact * tables.scale), float(real.latency.total)
    if slack is not None:
        relaxation = relaxation.within(Budgets(energy * slack[0], latency * slack[1]))
    parts = by_completion(relaxation, ground.factors)
    relaxation = relaxation.restricted(alive)
    line = Line(0.5 / energy, 0.5 / latency)
    value, weights = relaxation.tighten(line, 5)
    assert value <= 1 + FLOAT_ERROR
    search = Enumeration(relaxation, ground, line, weights, energy * (1 + FLOAT_ERROR), Product(1, 1))
    found = list(search.chains(lambda: energy * latency, 10**6, 600))
    assert found, "no label leads to the mapping"
    bound = min(part.bound.min() for part in found)
    assert bound <= energy * latency * (1 + FLOAT_ERROR)
    if parts:
        # of the parts in which the reduction is complete from different boundaries on, one has the mapping
        holding = [
            part for part in parts if all((part.lattice.alive[place] & alive[place]).any() for place in chain)
        ]
        assert len(holding) == 1
        inner = holding[0].restricted(alive)
        assert inner.tighten(line, 5)[0] <= 1 + FLOAT_ERROR
        search = Enumeration(inner, ground, line, weights, energy * (1 + FLOAT_ERROR), Product(1, 1))
        assert list(search.chains(lambda: energy * latency, 10**6, 600)), "the cut leaves the mapping out"
    return float(bound / (energy * latency))


@BOTH
def test_every_mapping_is_among_the_labels(conventions: CostConventions) -> None:
    ratios = [check(random_case(f"labels {number}", conventions)) for number in range(40)]
    assert np.median(ratios) > 0.99


@pytest.mark.parametrize("slack", [(1, 1), (1, np.inf), (np.inf, 1), (1.1, 1.2)])
@BOTH
def test_every_mapping_within_budgets_is_among_the_labels(
    conventions: CostConventions, slack: tuple[float, float]
) -> None:
    ratios = [check(random_case(f"budgets {number}", conventions), slack) for number in range(10)]
    assert np.median(ratios) > 0.99


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
@BOTH
def test_every_mapping_is_among_the_labels_on_many_machines(conventions: CostConventions, part: int) -> None:
    ratios = [check(random_case(f"labels {part} {number}", conventions)) for number in range(100)]
    assert np.median(ratios) > 0.98


@pytest.mark.differential
def test_a_bound_that_was_once_too_high() -> None:
    """An early form of the search by ranges claimed a bound above this mapping's product, and proved it optimal."""
    pytest.importorskip("zigzag")
    found = case_named("tpu_like/mobilenetv2.features.8.conv.1.0")
    inner = [("FX", 3), ("FY", 3), ("OY", 7), ("G", 2), ("OX", 2), ("OY", 2), ("G", 2), ("G", 2)]
    order = [*inner, ("OX", 7), *[("G", 2)] * 4, ("G", 3)]
    mapping = Mapping.from_order(found.spatial, order, {"O": (2, 8, 14), "W": (9, 14), "I": (14, 14)})
    known = float(evaluate(found.accelerator, found.layer, mapping).edp_exact)
    assert known == 15710528852553.217
    result = optimize(found.accelerator, found.layer, spatial=found.spatial)
    assert result.status == "optimal"
    assert result.lower_bound <= known
    assert result.objective <= known


@pytest.mark.differential
def test_a_tile_of_finished_outputs_is_kept_twice() -> None:
    """The labels once took it for partial sums, which would not fit twice, and ruled this mapping out."""
    pytest.importorskip("zigzag")
    found = case_named("eyeriss_like/resnet18.layer3.0.downsample.0")
    order = [("OY", 7), *[("C", 2)] * 7, ("OY", 2), ("K", 11), ("K", 2)]
    mapping = Mapping.from_order(
        found.spatial, order, {"O": (8, 8, 11, 11), "W": (5, 11, 11), "I": (4, 11, 11)}
    )
    known = evaluate(found.accelerator, found.layer, mapping, ZIGZAG).edp
    assert known == 2358120441600.0
    result = optimize(found.accelerator, found.layer, spatial=found.spatial, conventions=ZIGZAG)
    assert result.status == "optimal"
    assert result.lower_bound <= known
    assert result.objective <= known


def test_movements_over_one_link_share_its_windows() -> None:
    """With what fits the whole run alone a gap of two percent stayed open: partial sums go up and down a port."""
    _, machine = own_machines()["seed_eyeriss_8_64_1024"]
    layer = LAYERS["resnet18 conv2"]
    result = optimize(machine, layer, spatial=default_spatial(machine, layer), time_limit=120)
    assert result.status == "optimal"


@pytest.mark.differential
def test_the_search_aims_at_less_than_the_gap_asked_for() -> None:
    """With the gap asked for alone it ended 2.1e-5 above the optimum."""
    case = case_named("edge_tpu_like/alexnet.classifier.6")
    asked = {"spatial": case.spatial, "time_limit": 60.0}
    result, exact = (optimize(case.accelerator, case.layer, gap=gap, **asked) for gap in (1e-4, 0.0))
    assert result.objective is not None
    assert exact.objective is not None
    assert result.status == "optimal"
    assert result.objective <= exact.objective * (1 + 1e-6)


@pytest.mark.slow
@pytest.mark.differential
@BOTH
def test_four_dimensions_with_four_prime_factors_each(conventions: CostConventions) -> None:
    pytest.importorskip("zigzag")
    case = case_named(f"eyeriss_like/{FOUR_KEYS}")
    result = optimize(
        case.accelerator, case.layer, spatial=case.spatial, conventions=conventions, time_limit=600.0
    )
    assert result.status == "optimal"
    assert result.gap is not None
    assert result.gap <= 1e-4
