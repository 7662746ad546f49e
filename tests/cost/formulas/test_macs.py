"""Energy of the array's operations: exact decimals on plain arrays, ZigZag's floats where arrays compute in memory."""

from __future__ import annotations

import importlib
import math
from fractions import Fraction
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from tests.generators import random_spatial
from tests.macros import array_of, machine, macro, random_macro, recorded, zigzag_macro
from tests.random_layers import KINDS, random_layer
from zzcp.cost import EXACT, ZIGZAG, CostConventions, evaluate
from zzcp.cost.formulas.macs import (
    _zigzag_order,
    imc_energy_breakdown,
    mac_energy,
    macro_use,
)
from zzcp.cost.setting.setting import Setting
from zzcp.cost.setting_compiler import compile_setting
from zzcp.errors import InputError
from zzcp.hardware import OperationalArray
from zzcp.hardware.imc import MacroUse, precharge_energy_per_weight
from zzcp.io import layer_to_dict
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

LAYERS = {
    "conv": Layer.conv(k=24, c=10, oy=6, ox=7, fy=3, fx=3),
    "strided": Layer.conv(k=16, c=3, oy=8, ox=8, fy=5, fx=5, stride=2, padding=2),
    "depthwise": Layer.depthwise(g=12, oy=6, ox=6, fy=3, fx=3),
    "gemm": Layer.gemm(b=6, k=40, c=33),
    "pooling": Layer.pooling(g=12, oy=6, ox=6, fy=3, fx=3),
}


def setting_of(
    array: OperationalArray,
    layer: Layer,
    spatial: dict[str, dict[str, int]] | SpatialMapping,
    cells_size: int = 0,
    conventions: CostConventions = ZIGZAG,
) -> Setting:
    unrolling = spatial if isinstance(spatial, SpatialMapping) else SpatialMapping.from_dict(spatial)
    return compile_setting(machine(array, cells_size), layer, unrolling, conventions)


def zigzag_node(layer: Layer, spatial: SpatialMapping) -> Any:
    """Return ZigZag's object for a layer with an unrolling."""
    entry = {
        "name": "default",
        "memory_operand_links": layer.default_links,
        "spatial_mapping": {
            dimension: [f"{dim}, {factor}" for dim, factor in factors]
            for dimension, factors in spatial.unrolling
        },
    }
    factory = importlib.import_module("zigzag.parser.workload_factory").LayerNodeFactory
    return factory(layer_to_dict(layer), [entry]).create()


RECORDED = recorded("layers")


def case_id(case: dict[str, Any]) -> str:
    return f"{case['layer']} {case['spatial']} {'analog' if case['array']['analog'] else 'digital'}"


@pytest.mark.parametrize("case", RECORDED, ids=case_id)
def test_recorded_energy(case: dict[str, Any]) -> None:
    setting = setting_of(array_of(case["array"]), LAYERS[case["layer"]], case["spatial"])
    assert imc_energy_breakdown(setting) == case["energy"]
    assert float(setting.mac_energy) == sum(case["energy"].values())


@pytest.mark.differential
@pytest.mark.parametrize("case", RECORDED, ids=case_id)
def test_recorded_energy_is_that_of_zigzag(case: dict[str, Any]) -> None:
    node = zigzag_node(LAYERS[case["layer"]], SpatialMapping.from_dict(case["spatial"]))
    assert zigzag_macro(array_of(case["array"])).get_energy_for_a_layer(node, None) == case["energy"]


@pytest.mark.differential
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "one_input"])
def test_random_layers_as_zigzag(kind: str) -> None:
    rng = Random(kind)
    compared = 0
    for _ in range(60):
        array, layer = random_macro(rng), random_layer(rng, kind)
        accelerator = machine(array)
        spatial = random_spatial(rng, accelerator, layer)
        setting = compile_setting(accelerator, layer, spatial, ZIGZAG)
        theirs = zigzag_macro(array)
        try:
            energy = theirs.get_energy_for_a_layer(zigzag_node(layer, spatial), None)
        except (ArithmeticError, LookupError):  # see zzcp.cost.formulas.macs._rows
            continue
        compared += 1
        assert imc_energy_breakdown(setting) == energy, (array, layer, spatial)
        assert float(mac_energy(setting)) == theirs.energy
    assert compared >= 15


@pytest.mark.differential
def test_random_diagonals_as_zigzag() -> None:
    """Outputs on the columns and several loops on the rows."""
    rng = Random(1)
    for _ in range(150):
        array = macro(64, 64, analog=rng.random() < 0.5, serial=1)
        layer = Layer.conv(**{dim: rng.randint(1, 9) for dim in ("k", "c", "oy", "ox", "fy", "fx")})
        columns, rows = (
            {dim: rng.randint(1, min(3, layer.sizes[dim])) for dim in rng.sample(dims, k=rng.randint(2, 3))}
            for dims in (("K", "OX", "OY"), ("C", "FX", "FY"))
        )
        spatial = SpatialMapping.from_dict({"D1": columns, "D2": rows})
        energy = zigzag_macro(array).get_energy_for_a_layer(zigzag_node(layer, spatial), None)
        assert imc_energy_breakdown(setting_of(array, layer, spatial)) == energy, (layer, spatial)


def test_plain_arrays_take_the_decimal_of_the_file() -> None:
    layer = LAYERS["conv"]
    accelerator = machine(macro(4, 4))
    plain = OperationalArray(("D1", "D2"), (4, 4), unit_energy=0.095)
    plain_machine = type(accelerator)("plain", accelerator.memories, plain)
    setting = compile_setting(plain_machine, layer, SpatialMapping(), EXACT)
    assert mac_energy(setting) == Fraction(95, 1000) * layer.macs


@pytest.mark.parametrize(
    ("spatial", "rows", "columns"),
    [
        ({}, 1, 1),
        ({"D1": {"K": 24}, "D2": {"C": 10}}, 10, 24),
        ({"D1": {"OX": 7}, "D2": {"C": 2, "FX": 3}}, 2 * (7 + 3 - 1), 7),
        ({"D1": {"OX": 2, "OY": 3}, "D2": {"FX": 3, "FY": 2}}, (2 + 3 - 1) * (3 + 2 - 1), 6),
        ({"D1": {"OX": 7}, "D2": {"C": 2, "FY": 3}}, 6, 7),
        ({"D1": {"FX": 3}, "D2": {"OX": 7, "C": 2}}, 14, 3),
        ({"D3": {"OX": 2}, "D2": {"FX": 3}}, 3, 1),
        ({"D1": {"OX": 4}, "D2": {"FX": 1}}, 1, 4),
        ({"D1": {"OX": 4}, "D2": {"FX": 3}}, 6, 4),  # where ZigZag fails
    ],
)
def test_rows_and_columns(spatial: dict[str, dict[str, int]], rows: int, columns: int) -> None:
    layer = LAYERS["conv"]
    lanes = math.prod(math.prod(spatial.get(name, {}).values()) for name in ("D1", "D2"))
    setting = setting_of(macro(32, 32, 2), layer, spatial, conventions=EXACT)
    assert macro_use(setting) == MacroUse(rows, columns, layer.macs / lanes)


def test_zigzag_mixes_up_the_loops_on_the_rows() -> None:
    """It takes the loops in the order of their hashes, here FX before C, and their lanes in that of the user."""
    spatial = {"D1": {"OX": 7}, "D2": {"C": 5, "FX": 3}}
    layer = LAYERS["conv"]
    assert macro_use(setting_of(macro(32, 32), layer, spatial, conventions=EXACT)).rows == 5 * (3 + 7 - 1)
    assert macro_use(setting_of(macro(32, 32), layer, spatial, conventions=ZIGZAG)).rows == 3 * (5 + 7 - 1)


@pytest.mark.differential
def test_order_of_the_loops_as_in_a_set_of_zigzag() -> None:
    dimension = importlib.import_module("zigzag.datatypes").LayerDim
    rng = Random(0)
    for _ in range(300):
        dims = rng.sample(["B", "K", "C", "G", "H", "OX", "OY", "FX", "FY", "M", "N"], k=rng.randint(1, 6))
        unrolling = {dimension(dim): 2 for dim in dims}
        assert [dim.name for dim in set(unrolling.keys())] == _zigzag_order(dims)


def test_batches_on_the_columns_take_no_more_rows() -> None:
    """ZigZag fails with a KeyError."""
    assert macro_use(setting_of(macro(32, 32), LAYERS["gemm"], {"D1": {"B": 6}, "D2": {"C": 4}})).rows == 4


def test_a_layer_needs_weights_and_activations() -> None:
    layer = Layer("O[g]+=I[g][c]", {"G": 4, "C": 8}, name="sum")
    with pytest.raises(InputError, match=r"sum cannot run on an array that computes in memory: .*, found I"):
        setting_of(macro(4, 4), layer, {})


ORDER = [("K", 4), ("OX", 7), ("C", 5), ("OY", 6), ("K", 3), ("FY", 3), ("FX", 3)]
SPATIAL = {"D1": {"K": 2}, "D2": {"C": 2}}


def mapping_of(order: list[tuple[str, int]], in_cells: int) -> Mapping:
    """Return a mapping with some loops in the cells and all others in the outermost memory."""
    ends = {"W": (in_cells, len(order)), "I": (0, len(order)), "O": (len(order),)}
    return Mapping.from_order(SpatialMapping.from_dict(SPATIAL), order, ends)


@pytest.mark.parametrize("in_cells", [0, 1, 3])
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_precharge_for_every_weight_that_is_read(in_cells: int, conventions: CostConventions) -> None:
    layer, array = LAYERS["conv"], macro(4, 4)
    per_read = precharge_energy_per_weight(array, 32)

    def cells(order: list[tuple[str, int]]) -> float:
        setting = setting_of(array, layer, SPATIAL, cells_size=32, conventions=conventions)
        mapping = mapping_of(order, in_cells)
        found = evaluate(setting.accelerator, layer, mapping, conventions, allow_invalid=True)
        memory = setting.accelerator.memory("cells")
        reads = found.accesses["W"][0].to_below
        return found.energy.by_direction["W"][0].to_below - float(reads * memory.read_energy)

    # the innermost loop needs another weight in every operation
    assert cells(ORDER) == pytest.approx(layer.macs * per_read)
    # with seven outputs innermost a weight is read once for all of them
    assert cells([ORDER[1], ORDER[0], *ORDER[2:]]) == pytest.approx(layer.macs / 7 * per_read)


@pytest.mark.differential
@pytest.mark.parametrize("cells_size", [8, 16, 64])
def test_precharge_of_a_weight_as_zigzag(cells_size: int) -> None:
    """On a mapping with a single read: ZigZag's own fail, without the attribute that it asks for."""
    array, layer = macro(4, 4), LAYERS["conv"]
    weights = importlib.import_module("zigzag.datatypes").LayerOperand("W")
    reads = SimpleNamespace(data_elem_move_count=SimpleNamespace(rd_out_to_low=1))
    mapping = SimpleNamespace(
        temporal_mapping=SimpleNamespace(mapping_dic_origin={weights: [[]]}),
        unit_mem_data_movement={weights: [reads]},
    )
    theirs = zigzag_macro(array, cells_size)
    energy, _ = theirs.get_precharge_energy(
        theirs.tech_param, zigzag_node(layer, SpatialMapping.from_dict(SPATIAL)), mapping
    )
    assert precharge_energy_per_weight(array, cells_size) == energy
