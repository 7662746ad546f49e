"""The referee: every figure that zigzag-dse computes for a given mapping, without any search of its own.

Needs zigzag-dse 3.9.1; nothing else in the tests does but what imports this module.
"""

from __future__ import annotations

import logging
import traceback
from collections import OrderedDict
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import zigzag
from zigzag.cost_model.cost_model import CostModelEvaluation
from zigzag.cost_model.cost_model_imc import CostModelEvaluationForIMC
from zigzag.datatypes import LayerDim, LayerOperand, MemoryOperand
from zigzag.hardware.architecture.accelerator import Accelerator as ZigZagAccelerator
from zigzag.hardware.architecture.imc_array import ImcArray
from zigzag.mapping.data_movement import DataDirection, FourWayDataMoving
from zigzag.mapping.temporal_mapping import TemporalMapping, TemporalMappingType
from zigzag.parser.workload_factory import LayerNodeFactory
from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage
from zigzag.stages.mapping.spatial_mapping_conversion import SpatialMappingConversionStage
from zigzag.stages.parser.accelerator_parser import AcceleratorParserStage
from zigzag.workload.layer_node import LayerNode

from zzcp.io import layer_to_dict
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

logging.getLogger("zigzag").setLevel(logging.CRITICAL + 1)

BUNDLED = Path(zigzag.__file__).parent / "inputs" / "hardware"
"""Where the machines lie that zigzag-dse bundles."""

_DIRECTIONS = (
    DataDirection.WR_IN_BY_HIGH,
    DataDirection.RD_OUT_TO_HIGH,
    DataDirection.WR_IN_BY_LOW,
    DataDirection.RD_OUT_TO_LOW,
)
"""In the order of `zzcp.cost.Accesses`: from above, to above, from below, to below."""


class ZigZagCrash(Exception):  # noqa: N818 - it is ZigZag's crash, not our error
    """ZigZag stopped with an exception of its own on a valid mapping; the text names its kind and place."""


@lru_cache(maxsize=64)
def load_machine(path: Path) -> ZigZagAccelerator:
    """Return ZigZag's reading of a hardware file."""
    machine: ZigZagAccelerator = AcceleratorParserStage.parse_accelerator(str(path))
    return machine


def level_names(machine: ZigZagAccelerator, operand: str) -> list[str]:
    """Return the memories of an operand in the order in which ZigZag's graph has them, innermost first."""
    return [level.name for level in machine.memory_hierarchy.get_memory_levels(MemoryOperand(operand))]


def zigzag_figures(path: Path, layer: Layer, mapping: Mapping) -> dict[str, Any]:
    """Return every figure of ZigZag's evaluation of a mapping, in the form of `tests.differential.figures`.

    Raises
    ------
    ZigZagCrash
        If ZigZag stops with an exception.
    """
    try:
        cme = _evaluate(load_machine(path), layer, mapping)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        cause = str(error).split(":")[0].split("[")[0][:60]
        raise ZigZagCrash(f"{type(error).__name__} in {frame.name}: {cause}") from error
    return _figures(cme)


_nodes: OrderedDict[tuple[Any, ...], tuple[Any, ...]] = OrderedDict()


def _evaluate(machine: ZigZagAccelerator, layer: Layer, mapping: Mapping) -> CostModelEvaluation:
    links = layer.default_links | dict(mapping.links or {})
    key = (id(machine), id(layer), mapping.spatial, tuple(links.items()))
    if key not in _nodes:
        # the layer is kept, so that its id is not used again
        _nodes[key] = (*_layer_node(machine, layer, mapping.spatial, links), layer)
        if len(_nodes) > 32:
            _nodes.popitem(last=False)
    node, spatial, spatial_int, _ = _nodes[key]
    loops = {
        operand: [[(LayerDim(dim), size) for dim, size in level] for level in mapping.temporal[operand.name]]
        for operand in node.memory_operand_links.layer_operands
    }
    kind = (
        CostModelEvaluationForIMC if isinstance(machine.operational_array, ImcArray) else CostModelEvaluation
    )
    return kind(
        accelerator=machine,
        layer=node,
        spatial_mapping=spatial,
        spatial_mapping_int=spatial_int,
        temporal_mapping=TemporalMapping(loops, node, TemporalMappingType.UNEVEN),
    )


def _layer_node(
    machine: ZigZagAccelerator, layer: Layer, spatial: SpatialMapping, links: dict[str, str]
) -> tuple[LayerNode, Any, Any]:
    """Return ZigZag's layer and its unrolling, fractional and floored."""
    entry = {
        "name": "default",
        "memory_operand_links": links,
        "spatial_mapping": {
            dimension: [f"{dim}, {factor}" for dim, factor in factors]
            for dimension, factors in spatial.unrolling
        },
    }
    # past its validators, which demand two inputs (the evaluator does not) and take longer than all the rest
    node = LayerNodeFactory(layer_to_dict(layer), [entry]).create()
    node.spatial_mapping.initialize_oa_dims(machine.operational_array.dimension_sizes)
    stage = SpatialMappingConversionStage([CostModelStage], accelerator=machine, layer=node)
    return node, *stage.convert_user_spatial_mapping(node.spatial_mapping)


def _figures(cme: CostModelEvaluation) -> dict[str, Any]:
    return _plain(
        {
            "energy": [cme.energy_total, cme.mac_energy, cme.mem_energy],
            "energy_by_operand": cme.mem_energy_breakdown,
            "energy_by_direction": {
                op: [_row(entry) for entry in rows] for op, rows in cme.mem_energy_breakdown_further.items()
            },
            "accesses": {op: [_row(entry) for entry in rows] for op, rows in cme.memory_word_access.items()},
            "latency": {
                "total": cme.latency_total2,
                "ideal": cme.ideal_cycle,
                "spatial_stall": cme.ideal_temporal_cycle - cme.ideal_cycle,
                "temporal_stall": cme.stall_slack_comb,
                "data_loading": cme.data_onloading_cycle,
                "data_unloading": cme.data_offloading_cycle,
                "drain": cme.systolic_drain_cycle,
            },
            "array_utilization": [
                cme.mac_spatial_utilization,
                cme.mac_utilization0,
                cme.mac_utilization1,
                cme.mac_utilization2,
            ],
            "individual": cme.mem_utili_individual,
            "shared": cme.mem_utili_shared,
            "effective": cme.effective_mem_utili_individual,
            "double_buffered": {op: flags[1:-1] for op, flags in cme.double_buffer_true.items()},
            "ports": _ports(cme),
            "links": _links(cme),
        }
    )


def _row(entry: FourWayDataMoving[Any]) -> list[Any]:
    return [entry.get(direction) for direction in _DIRECTIONS]


def _ports(cme: CostModelEvaluation) -> dict[str, list[Any]]:
    """Return stall (or the slack of a port's only user) and busy cycles of every port that has any."""
    figures = {
        f"{level.name}.{port}": [stalls[port], sum(act.real_cycle * act.period_count for act in activities)]
        for level, stalls, ports in zip(
            cme.mem_level_list, cme.stall_slack_comb_collect, cme.port_activity_collect, strict=True
        )
        for port, activities in ports.items()
    }
    return {port: figure for port, figure in figures.items() if any(figure)}


def _links(cme: CostModelEvaluation) -> dict[str, list[Any]]:
    """Return for every first fill and last drain the cycles at both ports, and those outside the computation."""
    result = {}
    for operand in cme.layer.layer_operands:
        is_output = operand == cme.layer.output_operand
        down, up = (
            (DataDirection.RD_OUT_TO_HIGH, DataDirection.WR_IN_BY_LOW)
            if is_output
            else (DataDirection.WR_IN_BY_HIGH, DataDirection.RD_OUT_TO_LOW)
        )
        names = level_names(cme.accelerator, cme.memory_operand_links.layer_to_mem_op(operand).name)
        real = cme.real_data_trans_cycle[operand]
        shown = (
            cme.data_offloading_cc_pair_combined
            if is_output
            else cme.data_loading_cc_pair_combined_per_op[operand]
        )
        for level, (lower, upper) in enumerate(pairwise(names)):
            source, target = (lower, upper) if is_output else (upper, lower)
            result[f"{operand.name} {source} -> {target}"] = [
                real[level].get(down),
                real[level + 1].get(up),
                shown[level],
            ]
    return result


def _plain(value: Any) -> Any:
    """Return figures as JSON holds them: names as text, numbers without numpy."""
    if isinstance(value, dict):
        return {key.name if isinstance(key, LayerOperand) else key: _plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value.item() if hasattr(value, "item") else value
