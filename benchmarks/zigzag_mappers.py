"""ZigZag's two mappers, called as its own stages call them: LOMA with the best EDP, and SALSA with its defaults."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import numpy as np
from zigzag.cost_model.cost_model import CostModelEvaluation
from zigzag.cost_model.cost_model_imc import CostModelEvaluationForIMC
from zigzag.hardware.architecture.imc_array import ImcArray
from zigzag.mapping.temporal_mapping import TemporalMappingType
from zigzag.opt.loma.engine import LomaEngine
from zigzag.opt.salsa.engine import SalsaEngine
from zigzag.parser.workload_factory import LayerNodeFactory
from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage
from zigzag.stages.mapping.spatial_mapping_conversion import SpatialMappingConversionStage
from zigzag.stages.parser.accelerator_parser import AcceleratorParserStage

from benchmarks.solver_cases import Case
from zzcp.io import layer_to_dict

logging.getLogger("zigzag").setLevel(logging.CRITICAL + 1)


def search(case: Case, mapper: str) -> dict[str, Any]:
    """Return energy, latency and EDP of the best mapping that a mapper finds, how many it scored, and its times.

    Parameters
    ----------
    case : Case
        What is mapped.
    mapper : str
        ``loma6`` (any limit of loop prime factors), or ``salsa0`` (any seed).
    """
    machine = AcceleratorParserStage.parse_accelerator(str(case.path))
    entry = {
        "name": "default",
        "memory_operand_links": dict(case.layer.default_links),
        "spatial_mapping": {
            dimension: [f"{dim}, {factor}" for dim, factor in factors]
            for dimension, factors in case.spatial.unrolling
        },
    }
    node = LayerNodeFactory(layer_to_dict(case.layer), [entry]).create()
    node.spatial_mapping.initialize_oa_dims(machine.operational_array.dimension_sizes)
    stage = SpatialMappingConversionStage([CostModelStage], accelerator=machine, layer=node)
    unrolled, floored = stage.convert_user_spatial_mapping(node.spatial_mapping)
    common = {
        "accelerator": machine,
        "layer": node,
        "spatial_mapping": unrolled,
        "mapping_type": TemporalMappingType.UNEVEN,
    }
    # from here on the mapper itself is timed: its engine, and the scoring of every mapping
    started, cpu = time.monotonic(), time.process_time()
    best: tuple[float, float, float] | None = None
    scored = 0
    for energy, latency in (
        _loma(common, floored, int(mapper.removeprefix("loma")))
        if mapper.startswith("loma")
        else _salsa(common, int(mapper.removeprefix("salsa")))
    ):
        scored += 1
        if best is None or energy * latency < best[0]:
            best = energy * latency, energy, latency
    times = {
        "wall_s": round(time.monotonic() - started, 3),
        "cpu_s": round(time.process_time() - cpu, 3),
        "scored": scored,
    }
    if best is None:
        return {"status": "nothing found", **times}
    return {"status": "done", "edp": best[0], "energy": best[1], "latency": best[2], **times}


def _loma(common: dict[str, Any], floored: Any, limit: int) -> Iterator[tuple[float, float]]:
    in_memory = isinstance(common["accelerator"].operational_array, ImcArray)
    model = CostModelEvaluationForIMC if in_memory else CostModelEvaluation
    engine = LomaEngine(**common, loma_lpf_limit=limit)
    for temporal_mapping in engine.run():
        cme = model(
            accelerator=common["accelerator"],
            layer=common["layer"],
            spatial_mapping=common["spatial_mapping"],
            spatial_mapping_int=floored,
            temporal_mapping=temporal_mapping,
        )
        yield float(cme.energy_total), float(cme.latency_total2)


def _salsa(common: dict[str, Any], seed: int) -> Iterator[tuple[float, float]]:
    random.seed(seed)
    np.random.seed(seed)
    found: SimpleQueue[Any] = SimpleQueue()
    SalsaEngine(**common).run(found)
    cme = found.get()
    yield float(cme.energy_total), float(cme.latency_total2)
