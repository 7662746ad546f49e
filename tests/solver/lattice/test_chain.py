"""From boundaries back to mappings."""

from __future__ import annotations

from random import Random

import pytest

from tests.solver.brute_force import best_mappings, random_case
from tests.solver.pinned import boundaries_of
from zzcp.cost import EXACT, ZIGZAG, CostConventions
from zzcp.solver.lattice.chain import Chain, best_completion, merged
from zzcp.solver.lattice.keys import keys_of


@pytest.mark.parametrize("number", range(20))
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_the_best_mapping_is_found_again_from_its_boundaries(
    conventions: CostConventions, number: int
) -> None:
    case = random_case(Random(f"chain {number}"), 2000)
    evaluator = case.evaluator(conventions)
    keys = keys_of(evaluator.setting.temporal_sizes)
    full = tuple(key.multiplicity for key in keys)
    for objective, best in best_mappings(case, conventions).items():
        rows = boundaries_of(evaluator, best.mapping, keys)
        operands = [operand.name for operand in evaluator.setting.operands]
        ends = {name: (*row[1:], full) for name, row in zip(operands, rows, strict=True)}
        found = best_completion(evaluator, Chain(keys, ends), objective, [row[0] for row in rows])
        assert found.mapping is not None
        assert found.exhaustive
        evaluation = evaluator.evaluate(found.mapping)
        values = {
            "edp": evaluation.edp,
            "energy": evaluation.energy.total,
            "latency": evaluation.latency.total,
            "ed2": evaluation.edp * evaluation.latency.total,
        }
        assert values[objective] == pytest.approx(best.value, rel=1e-12)


@pytest.mark.parametrize("number", range(20))
def test_the_merged_form_costs_the_same(number: int) -> None:
    case = random_case(Random(f"merged {number}"), 2000)
    evaluator = case.evaluator(EXACT)
    for best in best_mappings(case, EXACT).values():
        one = evaluator.evaluate(best.mapping)
        other = evaluator.evaluate(merged(best.mapping, evaluator.setting))
        assert (one.energy.exact, one.latency) == (other.energy.exact, other.latency)
