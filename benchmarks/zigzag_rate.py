"""ZigZag's evaluation of a given mapping, with everything prebuilt that does not depend on the mapping."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zigzag.cost_model.cost_model import CostModelEvaluation
from zigzag.cost_model.cost_model_imc import CostModelEvaluationForIMC
from zigzag.datatypes import LayerDim
from zigzag.hardware.architecture.imc_array import ImcArray
from zigzag.mapping.temporal_mapping import TemporalMapping, TemporalMappingType
from zigzag.parser.workload_factory import LayerNodeFactory
from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage
from zigzag.stages.mapping.spatial_mapping_conversion import SpatialMappingConversionStage
from zigzag.stages.parser.accelerator_parser import AcceleratorParserStage

from zzcp import Layer, Mapping, SpatialMapping
from zzcp.io import layer_to_dict

logging.getLogger("zigzag").setLevel(logging.CRITICAL + 1)


def zigzag_evaluations(
    path: Path, layer: Layer, spatial: SpatialMapping, mappings: list[Mapping]
) -> list[Callable[[], Any]]:
    """Return one call per mapping that evaluates it: ZigZag's temporal mapping object, then its cost model."""
    machine = AcceleratorParserStage.parse_accelerator(str(path))
    entry = {
        "name": "default",
        "memory_operand_links": dict(layer.default_links),
        "spatial_mapping": {
            dimension: [f"{dim}, {factor}" for dim, factor in factors]
            for dimension, factors in spatial.unrolling
        },
    }
    node = LayerNodeFactory(layer_to_dict(layer), [entry]).create()
    node.spatial_mapping.initialize_oa_dims(machine.operational_array.dimension_sizes)
    stage = SpatialMappingConversionStage([CostModelStage], accelerator=machine, layer=node)
    unrolled, floored = stage.convert_user_spatial_mapping(node.spatial_mapping)
    in_memory = isinstance(machine.operational_array, ImcArray)
    model = CostModelEvaluationForIMC if in_memory else CostModelEvaluation

    def prepare(mapping: Mapping) -> Callable[[], Any]:
        loops = {
            operand: [
                [(LayerDim(dim), size) for dim, size in level] for level in mapping.temporal[operand.name]
            ]
            for operand in node.memory_operand_links.layer_operands
        }
        return lambda: model(
            accelerator=machine,
            layer=node,
            spatial_mapping=unrolled,
            spatial_mapping_int=floored,
            temporal_mapping=TemporalMapping(loops, node, TemporalMappingType.UNEVEN),
        )

    return [prepare(mapping) for mapping in mappings]
