"""The cases of the solver's benchmark: every distinct layer of some networks on the machines of zigzag-dse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from benchmarks.cases import bundled_machines
from zzcp import Accelerator, Layer, SpatialMapping, load_mapping, load_workload
from zzcp.errors import InputError
from zzcp.mapping.default import default_spatial

MODELS = Path(__file__).parents[1] / "models"
NETWORKS = ("resnet18", "mobilenetv2", "alexnet", "llama_7b_block_prefill")
MACHINES = (
    "eyeriss_like",
    "tpu_like",
    "edge_tpu_like",
    "tesla_npu_like",
    "ascend_like",
    "meta_prototype",
    "gemm_l1",
    "gemm_l1_l3",
)
MATRIX_MACHINES = ("gemm_l1", "gemm_l1_l3")
EIGHT_BITS = {"W": 8, "I": 8, "O": 16, "O_final": 8}
"""Bits of the operands: the files hold shapes of float32, and the figures on record are for 8 bits."""
FOUR_KEYS = "four_keys"
"""The extreme case: four dimensions with four prime factors each or nearly so."""


@dataclass(frozen=True)
class Case:
    """One layer on one machine under the unrolling of the machine's mapping file.

    Parameters
    ----------
    name : str
        ``MACHINE/NETWORK.LAYER``.
    machine : str
        Name of the machine's file.
    path : Path
        The file.
    accelerator, layer, spatial
        What is solved.
    """

    name: str
    machine: str
    path: Path
    accelerator: Accelerator
    layer: Layer
    spatial: SpatialMapping


def distinct_layers() -> dict[str, Layer]:
    """Return the layers by name, those of equal shape once."""
    seen: set[object] = set()
    found = {}
    for network in NETWORKS:
        for layer in load_workload(MODELS / "workloads" / f"{network}.onnx", precision=EIGHT_BITS):
            shape = (
                str(layer.equation),
                *map(str, layer.relations),
                *sorted(layer.sizes.items()),
                *sorted(layer.precision.items()),
                *sorted(layer.padding.items()),
            )
            if shape not in seen:
                seen.add(shape)
                found[f"{network}.{layer.name}"] = layer
    return found


@lru_cache(maxsize=1)
def all_cases() -> tuple[Case, ...]:
    """Return all cases, the extreme one last."""
    machines = bundled_machines()
    layers = distinct_layers()
    cases = [
        Case(f"{machine}/{name}", machine, *machines[machine], layer, _unrolling(machine, machines, layer))
        for machine in MACHINES
        for name, layer in layers.items()
    ]
    path, accelerator = machines["eyeriss_like"]
    layer = Layer.conv(b=60, k=240, c=240, oy=60, ox=60, fy=3, fx=3)
    spatial = SpatialMapping.from_dict({"D1": {"K": 12}, "D2": {"C": 4, "FY": 3}})
    extreme = Case(f"eyeriss_like/{FOUR_KEYS}", "eyeriss_like", path, accelerator, layer, spatial)
    return (*cases, extreme)


def case_named(name: str) -> Case:
    """Return the case of a name."""
    return next(case for case in all_cases() if case.name == name)


def _unrolling(machine: str, machines: dict[str, tuple[Path, Accelerator]], layer: Layer) -> SpatialMapping:
    """Return the unrolling of the mapping file bundled for the machine, fitted to the layer.

    eyeriss_like has none in zigzag-dse; that of this project's folder of models is taken. A full unrolling replaces
    what does not fit the array. The matrix machines' files name loops D0 to D2: rows, columns and reduction.
    """
    path, accelerator = machines[machine]
    folder = path.parents[1] / "mapping"
    files = [
        MODELS / "mappings" / f"{machine}.yaml" if machine == "eyeriss_like" else folder / f"{machine}.yaml",
        folder / f"{machine}_like.yaml",
        folder / "default.yaml",
    ]
    source = load_mapping(next(file for file in files if file.exists()))
    try:
        entry = source.for_layer(layer)
    except InputError:
        return default_spatial(accelerator, layer)
    stated = entry.spatial_mapping or {}
    if machine in MATRIX_MACHINES:
        # the file names the loops of a product; the middle one, D2 of the array, is the reduction
        row = next((dim for dim in ("D", "OX", "OY", "B") if layer.sizes.get(dim, 1) > 1), "B")
        stated = {"D1": {row: 8}, "D2": {"C": 8}, "D3": {"K": 8}}
    given = SpatialMapping.from_dict(stated).fitted(layer)
    used = SpatialMapping(
        tuple(
            (dimension, factors)
            for dimension, factors in given.unrolling
            if dimension in accelerator.array.dimensions
        )
    )
    if not used.unrolling or used.violations(accelerator, layer):
        return default_spatial(replace(accelerator, dataflows=None), layer)
    return used
