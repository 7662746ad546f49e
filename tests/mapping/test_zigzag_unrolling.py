"""What ZigZag would cut of an unrolling, beside ZigZag itself."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import pytest

import zzcp
from zzcp.io.write import layer_to_dict
from zzcp.mapping import SpatialMapping
from zzcp.mapping.zigzag_unrolling import zigzag_cuts
from zzcp.workload import Layer

pytestmark = pytest.mark.skipif(find_spec("zigzag") is None, reason="zigzag-dse is not installed")

LAYERS = (
    Layer.conv(k=64, c=64, oy=14, ox=14, fy=3, fx=3),
    Layer.depthwise(g=64, oy=14, ox=14, fy=3, fx=3),
    Layer.gemm(b=64, k=64, c=64),
)

OFTEN = ("eyeriss_like", "simba_like")
"""Machines on which random unrollings are cut."""


def used_by_zigzag(path: Path, layer: Layer, spatial: SpatialMapping) -> dict[str, dict[str, int]]:
    """Return the unrolling that ZigZag's generator makes of a given one."""
    parser: Any = import_module("zigzag.stages.parser.accelerator_parser")
    factory: Any = import_module("zigzag.parser.workload_factory")
    stage: Any = import_module("zigzag.stages.mapping.spatial_mapping_generation")
    machine = parser.AcceleratorParserStage.parse_accelerator(str(path))
    given = {
        name: [f"{dim}, {factor}" for dim, factor in factors.items()]
        for name, factors in spatial.to_dict().items()
    }
    entry = {"name": "default", "memory_operand_links": dict(layer.default_links), "spatial_mapping": given}
    node = factory.LayerNodeFactory(layer_to_dict(layer), [entry]).create()
    made = stage.SpatialMappingGeneratorStage([lambda *_, **__: None], accelerator=machine, layer=node)
    (found,) = list(made.generate_spatial_mappings())
    return {
        oa_dim.name: {dim.name: int(factor) for dim, factor in factors.items()}
        for oa_dim, factors in found.items()
    }


@pytest.mark.parametrize("name", ["eyeriss_like", "tpu_like", "gemmini_like", "simba_like", "edge_tpu_like"])
def test_what_is_cut_is_what_zigzag_cuts(root: Path, name: str) -> None:
    path, rng = root / "models" / "accelerators" / f"{name}.yaml", Random(name)
    machine = zzcp.load_accelerator(path)
    cut = 0
    for _ in range(12):
        layer = rng.choice(LAYERS)
        dims = [dim for dim, size in layer.sizes.items() if size > 1]
        factors = {
            array_dim: {dim: min(layer.sizes[dim], machine.array.size(array_dim))}
            for array_dim, dim in zip(
                machine.array.dimensions, rng.sample(dims * 2, len(machine.array.dimensions)), strict=True
            )
        }
        spatial = SpatialMapping.from_dict(factors).fitted(layer)
        if list(spatial.to_dict()) != list(machine.array.dimensions):
            continue
        texts = zigzag_cuts(machine, layer, spatial)
        assert (used_by_zigzag(path, layer, spatial) == spatial.to_dict()) == (not texts), (factors, texts)
        cut += bool(texts)
    assert cut or name not in OFTEN


def test_the_reason_is_named(root: Path) -> None:
    machine = zzcp.load_accelerator(root / "docs" / "toy.yaml")
    assert zigzag_cuts(machine, LAYERS[2], SpatialMapping.from_dict({"D1": {"K": 2}})) == []
