"""Layers that an unrolling somebody guessed makes slow or impossible, with what is right for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from zzcp import SpatialMapping, load_accelerator, load_mapping, load_workload, optimize
from zzcp.hardware import Accelerator
from zzcp.mapping.default import full_spatial
from zzcp.solver import Result
from zzcp.workload import Layer

FILES = Path("tests/data/unrolling")
QUICK = ("edge_tpu_like", "meta_prototype", "tesla_npu_like")
"""Machines of zigzag-dse on which an ordinary layer had no mapping in the full unrolling."""
SLOW = (
    "aimc", "ascend_like", "dimc", "eyeriss_like", "gemm_l1", "gemm_l1_l3", "generic_array_cacti", "tpu_like",
)  # fmt: skip


@pytest.fixture(autouse=True)
def at_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def bundled(name: str) -> Accelerator:
    return load_accelerator(f"models/accelerators/{name}.yaml")


def layers(name: str) -> list[Layer]:
    return list(load_workload(FILES / f"{name}.yaml"))


def searched(accelerator: Accelerator, layer: Layer, *, time_limit: float = 300, gap: float = 1e-4) -> Result:
    found = optimize(accelerator, layer, spatial="auto", time_limit=time_limit, gap=gap)
    assert found.evaluation is not None, (accelerator.name, layer.name, found.diagnosis)
    return found


def test_a_layer_is_not_called_infeasible_for_its_unrolling() -> None:
    machine, (layer,) = bundled("edge_tpu_like"), layers("04-conv3x3")
    entry = load_mapping("models/mappings/edge_tpu_like.yaml").for_layer(layer)
    file = optimize(
        machine, layer, spatial=SpatialMapping.from_dict(entry.spatial_mapping or {}).fitted(layer)
    )
    assert file.evaluation is not None
    assert file.evaluation.latency.total <= 25_600
    full = optimize(machine, layer, spatial=full_spatial(machine, layer))
    assert full.status == "infeasible"
    assert full.diagnosis is not None
    assert full.diagnosis.elsewhere.startswith("another unrolling has a mapping, such as D1 ")
    found = searched(machine, layer, time_limit=600, gap=0.9)
    assert found.objective is not None
    assert file.objective is not None
    assert found.objective <= file.objective


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_ordinary_layers_have_mappings(name: str) -> None:
    machine = load_accelerator(f"tests/data/zigzag/machines/{name}.yaml")
    for layer in [*layers("19-three-layers"), *layers("small_conv")]:
        searched(machine, layer, time_limit=5, gap=0.99)


def test_the_first_layer_of_a_network_uses_the_rows_for_its_filter() -> None:
    machine, (layer,) = bundled("gemmini_like"), layers("19-vgg-first")
    entry = load_mapping(FILES / "19-map-fx.yaml").for_layer(layer)
    by_hand = optimize(
        machine, layer, spatial=SpatialMapping.from_dict(entry.spatial_mapping or {}).fitted(layer)
    )
    assert by_hand.evaluation is not None
    assert by_hand.evaluation.latency.total <= 602_700
    found = searched(machine, layer)
    assert found.status == "optimal"
    assert found.objective is not None
    assert by_hand.objective is not None
    assert found.objective <= by_hand.objective <= 4.63e14
    full = optimize(machine, layer, spatial=full_spatial(machine, layer))
    assert full.objective is not None
    assert full.objective > 20 * found.objective


@pytest.mark.parametrize("place", range(4))
def test_four_kinds_of_layers_are_proven_over_all_unrollings(place: int) -> None:
    machine, layer = bundled("gemmini_like"), layers("four_layers")[place]
    found = searched(machine, layer)
    assert found.status == "optimal"
    assert found.space.complete
    entry = load_mapping("models/mappings/gemmini_like.yaml").for_layer(layer)
    file = optimize(
        machine, layer, spatial=SpatialMapping.from_dict(entry.spatial_mapping or {}).fitted(layer)
    )
    assert found.objective is not None
    assert file.objective is not None
    assert found.lower_bound <= file.objective
    assert found.objective <= file.objective * (1 + 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tpu_like", "simba_like", "eyeriss_like"])
@pytest.mark.parametrize("place", range(4))
def test_no_bundled_mapping_is_below_the_bound_over_all_unrollings(name: str, place: int) -> None:
    machine, layer = bundled(name), layers("four_layers")[place]
    found = searched(machine, layer, time_limit=60)
    entry = load_mapping(f"models/mappings/{name}.yaml").for_layer(layer)
    file = optimize(
        machine, layer, spatial=SpatialMapping.from_dict(entry.spatial_mapping or {}).fitted(layer)
    )
    assert file.objective is not None
    assert found.lower_bound <= file.objective
