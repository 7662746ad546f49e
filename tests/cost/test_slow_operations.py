"""Plain arrays whose operations take several cycles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.machines import ARRAY, machine
from tests.random_layers import KINDS, random_layer
from zzcp import EXACT, ZIGZAG, Accelerator, InputError, Layer, Mapping, MappingError, evaluate
from zzcp.cost import CostConventions, Evaluation, Evaluator
from zzcp.cost.arguments import not_counted
from zzcp.cost.batch import evaluate_batch
from zzcp.documents import parse_document
from zzcp.io import accelerator_to_yaml, read_accelerator


def slowed(accelerator: Accelerator, cycles: int) -> Accelerator:
    return replace(accelerator, array=replace(accelerator.array, cycles_per_op=cycles))


def random_case(seed: int) -> tuple[Accelerator, Layer, Mapping]:
    rng = Random(f"slow operations {seed}")
    while True:
        accelerator = random_accelerator(rng)
        layer = random_layer(rng, rng.choice(list(KINDS)), 2000)
        spatial = random_spatial(rng, accelerator, layer)
        mapping = random_mapping(rng, accelerator, layer, spatial)
        if mapping is not None:
            return accelerator, layer, mapping


def scored(
    accelerator: Accelerator, layer: Layer, mapping: Mapping, conventions: CostConventions = EXACT
) -> Evaluation:
    return evaluate(accelerator, layer, mapping, conventions=conventions, allow_invalid=True)


@pytest.mark.parametrize("seed", range(40))
def test_slow_operations_hide_transfers_and_cost_no_energy(seed: int) -> None:
    """In c times the cycles the ports move c times the data, so that nothing takes more than c times as long."""
    accelerator, layer, mapping = random_case(seed)
    plain = scored(accelerator, layer, mapping)
    for cycles in (2, 3, 7):
        slow = scored(slowed(accelerator, cycles), layer, mapping)
        assert slow.energy.exact == plain.energy.exact
        assert slow.latency.ideal == cycles * plain.latency.ideal
        assert slow.latency.spatial_stall == cycles * plain.latency.spatial_stall
        assert slow.latency.total <= cycles * plain.latency.total
        assert slow.latency.temporal_stall <= cycles * plain.latency.temporal_stall


@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
@pytest.mark.parametrize("seed", range(10))
def test_batches_are_equal_to_the_bit(seed: int, conventions: CostConventions) -> None:
    accelerator, layer, mapping = random_case(seed)
    slow = slowed(accelerator, 3)
    try:
        expected = evaluate(slow, layer, mapping, conventions=conventions)
    except MappingError:
        return
    evaluator = Evaluator(slow, layer, mapping.spatial, conventions, mapping.links)
    batch = evaluate_batch(slow, layer, mapping.spatial, [mapping], conventions, mapping.links)
    assert batch.latency[0] == expected.latency.total
    assert batch.energy[0] == expected.energy.total
    assert evaluator.cost(mapping) == (expected.energy.exact, expected.latency.total)


@pytest.mark.parametrize("seed", range(5))
def test_zigzag_does_not_know_them(seed: int) -> None:
    """They counted under its conventions, too, without a note."""
    accelerator, layer, mapping = random_case(seed)
    slow = slowed(accelerator, 3)
    figures = [scored(array, layer, mapping, ZIGZAG) for array in (accelerator, slow)]
    assert len({(entry.energy.exact, entry.latency.total) for entry in figures}) == 1
    assert not_counted(slow, ZIGZAG) == [*not_counted(accelerator, ZIGZAG), "cycles_per_op"]
    assert not_counted(slow, EXACT) == []


def test_figure_is_read_and_written() -> None:
    accelerator = slowed(machine(), 4)
    text = accelerator_to_yaml(accelerator)
    assert "cycles_per_op: 4" in text
    assert read_accelerator(parse_document(text)) == accelerator
    assert "cycles_per_op" not in accelerator_to_yaml(machine())


@pytest.mark.parametrize("value", ["0", "1.5", "true", "4 cycles", str(2**21)])
def test_bad_figures(value: str) -> None:
    text = accelerator_to_yaml(slowed(machine(), 4)).replace("cycles_per_op: 4", f"cycles_per_op: {value}")
    with pytest.raises(InputError, match=r"operational_array.cycles_per_op: wrong value"):
        read_accelerator(parse_document(text))


def test_a_macro_says_its_cycles_by_its_precisions(root: Path) -> None:
    text = (root / "tests/data/zigzag/machines/dimc.yaml").read_text()
    accelerator = read_accelerator(parse_document(text))
    assert accelerator.array.operation_cycles > 1
    with pytest.raises(InputError, match="cycles_per_op of an array that computes in memory"):
        replace(accelerator.array, cycles_per_op=2)
    assert replace(ARRAY, cycles_per_op=5).operation_cycles == 5
