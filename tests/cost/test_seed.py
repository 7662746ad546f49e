"""The question that the project started from: both machines, both layers, and every recorded figure of ZigZag.

``tests/data/seed`` holds what zigzag-dse 3.0.0 and 3.9.1 found and computed for them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import zzcp
from tests.differential.figures import differences, our_figures
from zzcp.cost import CostConventions, Evaluation

RECORDED = Path(__file__).parents[1] / "data" / "seed"
OLD: list[dict[str, Any]] = json.loads((RECORDED / "zigzag-3.0.0.json").read_text())
NEW: list[dict[str, Any]] = json.loads((RECORDED / "zigzag-3.9.1.json").read_text())


def label(record: dict[str, Any]) -> str:
    return f"{record['search']} {record['machine']} {record['layer']}"


def evaluation_of(root: Path, record: dict[str, Any], conventions: CostConventions) -> Evaluation:
    accelerator = zzcp.load_accelerator(
        root / "models" / "accelerators" / f"seed_eyeriss_{record['machine']}.yaml"
    )
    layer = zzcp.load_workload(root / "models" / "workloads" / "seed_workload.yaml").layer(record["layer"])
    mapping = zzcp.Mapping.from_dict(record["mapping"])
    return zzcp.evaluate(accelerator, layer, mapping, conventions)


def record_of(records: list[dict[str, Any]], search: str, machine: str, layer: str) -> dict[str, Any]:
    (record,) = (
        record
        for record in records
        if (record["search"], record["machine"], record["layer"]) == (search, machine, layer)
    )
    return record


def check(evaluation: Evaluation, record: dict[str, Any]) -> None:
    """Check every figure of an evaluation that was recorded."""
    figures = our_figures(evaluation)
    ours = {name: figures[name] for name in record if name in figures}
    assert set(ours) == set(record) & set(figures)
    assert len(ours) >= 6
    ours["energy"] = ours["energy"][:2]
    found = [text for name in ours for text in differences(ours[name], record[name], name)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("layer", ["conv", "gemm"])
@pytest.mark.parametrize(
    ("machine", "loading", "total", "energy"),
    [("1_2_4", 220, 250_439, 83_531_250), ("8_64_1024", 5020, 260_519, 38_060_370)],
)
def test_the_figures_of_the_question(
    root: Path, machine: str, loading: int, total: int, energy: int, layer: str
) -> None:
    record = record_of(OLD, "loma lpf 6 EDP", machine, layer)
    evaluation = evaluation_of(root, record, zzcp.ZIGZAG_3_0)
    assert evaluation.latency.data_loading == loading
    assert evaluation.latency.total == total
    assert evaluation.energy.total == energy


@pytest.mark.parametrize("layer", ["conv", "gemm"])
@pytest.mark.parametrize(("machine", "loading"), [("1_2_4", 220), ("8_64_1024", 23)])
def test_the_figures_that_zigzag_gives_now(root: Path, machine: str, loading: int, layer: str) -> None:
    record = record_of(NEW, "loma lpf 6 EDP", machine, layer)
    assert evaluation_of(root, record, zzcp.ZIGZAG).latency.data_loading == loading


@pytest.mark.parametrize("record", OLD, ids=label)
def test_every_figure_of_zigzag_3_0(root: Path, record: dict[str, Any]) -> None:
    evaluation = evaluation_of(root, record, zzcp.ZIGZAG_3_0)
    check(evaluation, record)
    for operand, cycles in record[
        "first_fills"
    ].items():  # innermost link first; ours start where the data does
        ours = [link.cycles for link in evaluation.links if link.operand == operand]
        assert (ours if operand == "O" else ours[::-1]) == cycles


@pytest.mark.parametrize("record", NEW, ids=label)
def test_every_figure_of_zigzag_3_9(root: Path, record: dict[str, Any]) -> None:
    evaluation = evaluation_of(root, record, zzcp.ZIGZAG)
    check(evaluation, record)
    stalls = {f"{port.memory}.{port.port}": port.stall - port.slack for port in evaluation.ports}
    assert stalls == record["stall_per_port"]


def test_the_mappings_of_the_examples_are_the_recorded_ones(root: Path) -> None:
    for record in OLD:
        if record["search"] == "loma lpf 6 EDP":
            path = root / "examples" / "seed" / f"{record['layer']}_{record['machine']}.yaml"
            assert zzcp.Mapping.from_yaml(path.read_text()) == zzcp.Mapping.from_dict(record["mapping"])


@pytest.mark.parametrize("layer", ["conv", "gemm"])
def test_what_the_machine_does(root: Path, layer: str) -> None:
    """Under EXACT the larger memories cost no cycles: what is loaded once hides, port by port, till it is needed."""
    small, large = (
        evaluation_of(root, record_of(OLD, "loma lpf 6 EDP", machine, layer), zzcp.EXACT)
        for machine in ("1_2_4", "8_64_1024")
    )
    assert large.latency.data_loading < small.latency.data_loading
    assert large.energy.total < small.energy.total
    # two first fills of 200 cycles on the one port of the DRAM take 400, where ZigZag counts 200
    filling = [link for link in small.links if link.source == "dram" and link.start is not None]
    assert [link.cycles for link in filling] == [200, 200]
    assert sorted(link.start or 0 for link in filling)[1] >= 200


def test_enlarging_a_memory_keeps_the_small_mapping_valid_and_its_cost(root: Path) -> None:
    """The theorem: what the small machine can do the large one can do, at the same cost or a lower one."""
    large = zzcp.load_accelerator(root / "models" / "accelerators" / "seed_eyeriss_8_64_1024.yaml")
    layers = zzcp.load_workload(root / "models" / "workloads" / "seed_workload.yaml")
    for record in OLD:
        if record["machine"] != "1_2_4":
            continue
        before = evaluation_of(root, record, zzcp.EXACT)
        after = zzcp.evaluate(
            large, layers.layer(record["layer"]), zzcp.Mapping.from_dict(record["mapping"]), zzcp.EXACT
        )
        assert after.energy == before.energy
        assert after.latency.total <= before.latency.total
