"""Every form of the evaluator's formulas on the same mappings: interpreted, compiled, and in arrays of both kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import numpy as np
import pytest

from tests.simulation.tiny_cases import Case
from zzcp.cost import Evaluator, evaluator
from zzcp.cost.batch import MappingBatch, score_batch
from zzcp.mapping import Mapping


def shuffled(case: Case, rng: Random) -> list[Mapping]:
    """Return mappings of a case whose loops have the same products, in other orders and with other boundaries."""
    order, depths = list(case.mapping.order), {o: len(levels) for o, levels in case.mapping.temporal.items()}
    mappings = []
    for _ in range(12):
        rng.shuffle(order)
        ends = {
            o: [*sorted(rng.choices(range(len(order) + 1), k=n - 1)), len(order)] for o, n in depths.items()
        }
        mappings.append(Mapping.from_order(case.mapping.spatial, order, ends, links=case.links))
    return mappings


def check_all_forms(
    fresh: Callable[[], Evaluator],
    mappings: Sequence[Mapping],
    batch: MappingBatch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Assert that all forms give mappings the same cost, to the bit; a fresh evaluator has compiled nothing."""
    plain = fresh()
    expected = [plain.evaluate(mapping, allow_invalid=True) for mapping in mappings]
    with monkeypatch.context() as patch:
        patch.setattr(evaluator, "COMPILE_AFTER", 0)
        compiled = fresh()
        for mapping, result in zip(mappings, expected, strict=True):
            assert compiled.evaluate(mapping, allow_invalid=True).to_dict() == result.to_dict()
        arrays = [score_batch(plain, batch)]
        patch.setattr(evaluator, "COMPILE_ARRAYS_AFTER", 0)
        arrays.append(score_batch(compiled, batch))
    for found in arrays:
        np.testing.assert_array_equal(found.latency, [result.latency.total for result in expected])
        np.testing.assert_array_equal(found.energy, [result.energy.total for result in expected])
        np.testing.assert_array_equal(found.valid, [result.valid for result in expected])
