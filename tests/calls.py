"""Every function and class of the public interface, with all of its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from inspect import signature
from typing import Any

import zzcp
from tests.machines import machine
from zzcp import mappers
from zzcp.hardware.array import InMemoryComputing
from zzcp.mapping.constraints import (
    Bypass,
    DoubleBuffering,
    EvenMapping,
    Innermost,
    LoopOrder,
    MaxEnergy,
    MaxLatency,
    MinUtilization,
    TileElements,
    TileSize,
)
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.workload import DimensionRelation, Equation

MACHINE = machine()
LAYER = zzcp.Layer.gemm(b=2, k=2, c=2)
SPATIAL = {"D1": {"K": 2}}
RESULT = zzcp.optimize(MACHINE, LAYER, spatial=SPATIAL)
MAPPING = RESULT.mapping
assert MAPPING is not None


def attributes(value: Any) -> dict[str, Any]:
    """Return the arguments that make an object."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def of_constraint(item: Any) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return what makes constraints of one item, and its arguments."""
    return lambda **given: zzcp.Constraints((type(item)(**given),)), attributes(item)


RUN = {"spatial": SPATIAL, "time_limit": 2.0, "gap": 0.5}
HOW = {"conventions": zzcp.EXACT, "links": None}
SEARCH = {"seed": 0, "engine": "auto", "on_progress": None}
UNROLLINGS = {"max_dims": 2}
FACTORS = {"factors": "perfect", "max_padding": 1.0}
LIMIT = {"memory_limit": None}
PLACES = {"scheduler": None} | LIMIT
NETWORK = {"dimensions": None, "precision": "file", "operators": "macs"}
WINDOW = {"stride": 1, "padding": 0}
IMAGE = {"b": 1, "oy": 2, "ox": 2, "fy": 1, "fx": 1}
NAMED = {"name": "a", "id": 0}

CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "optimize": (
        zzcp.optimize,
        {
            "accelerator": MACHINE,
            "layer": LAYER,
            "objective": "edp",
            "deterministic_limit": None,
            "workers": 1,
            "jobs": 1,
        }
        | {"constraints": None, "hint": None, "cache": None, "known_bound": None, "elsewhere": True}
        | UNROLLINGS
        | FACTORS
        | LIMIT
        | RUN
        | HOW
        | SEARCH,
    ),
    "optimize_network": (
        zzcp.optimize_network,
        {"accelerator": MACHINE, "network": [LAYER], "objective": "edp", "keep_on_chip": False, "cache": None}
        | {"constraints": None, "jobs": 1}
        | UNROLLINGS
        | PLACES
        | RUN
        | HOW
        | SEARCH,
    ),
    "pareto": (
        zzcp.pareto,
        {"accelerator": MACHINE, "layer": LAYER, "search_limit": 1.0, "max_points": 1, "supported_only": True}
        | {"workers": 1, "factors": "perfect", "cache": None}
        | UNROLLINGS
        | RUN
        | HOW
        | SEARCH,
    ),
    "compare": (
        zzcp.compare,
        {"accelerator": MACHINE, "layer": LAYER, "mappers": ["greedy"], "objective": "edp", "evaluations": 2}
        | {"deterministic_limit": None, "workers": 1, "mapper_time": None, "lpf_limit": 6, "cache": None}
        | UNROLLINGS
        | FACTORS
        | RUN
        | HOW
        | SEARCH,
    ),
    "sweep": (
        zzcp.sweep,
        {"accelerator": MACHINE, "workloads": LAYER, "vary": {"memories.sram.size": [8192]}}
        | {"objectives": ["edp"], "jobs": 1, "cache": None, "db": None, "costs": None, "neighbours": True}
        | {"unrollings": UnrollingOptions()}
        | FACTORS
        | PLACES
        | RUN
        | HOW
        | SEARCH,
    ),
    "evaluate": (
        zzcp.evaluate,
        {"accelerator": MACHINE, "layer": LAYER, "mapping": MAPPING, "conventions": zzcp.EXACT}
        | {"allow_invalid": False},
    ),
    "Evaluator": (
        zzcp.Evaluator,
        {"accelerator": MACHINE, "layer": LAYER, "spatial": MAPPING.spatial, "padded": None} | HOW,
    ),
    "constraint_violations": (
        zzcp.constraint_violations,
        {
            "accelerator": MACHINE,
            "layer": LAYER,
            "mapping": MAPPING,
            "constraints": {},
            "conventions": zzcp.EXACT,
        },
    ),
    "explain": (
        zzcp.explain,
        {"first": RESULT, "other": None, "objective": None, "time_limit": 1.0, "gap": 0.5, "names": None}
        | {"on_progress": None},
    ),
    "explain two": (
        zzcp.explain,
        {
            "first": RESULT,
            "other": RESULT,
            "names": ("a", "b"),
            "what_if": True,
            "resolve": False,
            "cache": None,
        },
    ),
    "verify": (
        zzcp.verify,
        {"result": "nothing.json", "accelerator": None, "network": None, "time_limit": 1.0, "bounds": True}
        | SEARCH,
    ),
    "load_accelerator": (zzcp.load_accelerator, {"path": "docs/toy.yaml"}),
    "load_workload": (zzcp.load_workload, {"path": "models/workloads/seed_workload.yaml"} | NETWORK),
    "load_workload of ONNX": (zzcp.load_workload, {"path": "network.onnx"} | NETWORK),
    "load_mapping": (zzcp.load_mapping, {"path": "models/mappings/eyeriss_like.yaml"}),
    "load_constraints": (zzcp.load_constraints, {"path": "examples/constraints.yaml"}),
    "Layer": (zzcp.Layer, attributes(LAYER)),
    "Layer.conv": (zzcp.Layer.conv, dict.fromkeys(("b", "k", "c", "oy", "ox", "fy", "fx", "g"), 2) | WINDOW),
    "Layer.conv more": (
        zzcp.Layer.conv,
        {"dilation": 1, "name": "a", "operator": "Conv", "precision": {}, "id": 0},
    ),
    "Layer.gemm": (
        zzcp.Layer.gemm,
        {"b": 2, "k": 2, "c": 2, "batch": 2, "precision": {"W": 4}} | NAMED,
    ),
    "Layer.depthwise": (
        zzcp.Layer.depthwise,
        {"g": 2, "dilation": 1, "precision": {}} | IMAGE | WINDOW | NAMED,
    ),
    "Layer.pooling": (zzcp.Layer.pooling, {"g": 2, "precision": {}} | IMAGE | WINDOW | NAMED),
    "Layer.add": (zzcp.Layer.add, {"g": 2, "b": 1, "oy": 1, "ox": 1, "precision": {}} | NAMED),
    "DimensionRelation": (DimensionRelation, attributes(DimensionRelation.parse("ix=ox+fx"))),
    "DimensionRelation.parse": (DimensionRelation.parse, {"text": "ix=ox+fx"}),
    "Equation.parse": (Equation.parse, {"text": "O[b]+=W[b]*I[b]"}),
    "Network": (
        zzcp.Network,
        {"name": "a", "layers": (LAYER,), "skipped": (), "edges": (), "notes": (), "crosswise": ()},
    ),
    "Port": (zzcp.Port, attributes(MACHINE.memories[0].ports[0])),
    "Memory": (zzcp.Memory, attributes(MACHINE.memories[0])),
    "OperationalArray": (zzcp.OperationalArray, attributes(MACHINE.array)),
    "InMemoryComputing": (InMemoryComputing, attributes(InMemoryComputing(True, (8, 8), 2, 8))),
    "Accelerator": (zzcp.Accelerator, attributes(MACHINE)),
    "CostConventions": (zzcp.CostConventions, attributes(zzcp.EXACT)),
    "SpatialMapping": (zzcp.SpatialMapping, attributes(MAPPING.spatial)),
    "SpatialMapping.from_dict": (zzcp.SpatialMapping.from_dict, {"data": SPATIAL}),
    "Mapping": (zzcp.Mapping, attributes(MAPPING)),
    "Mapping.from_order": (
        zzcp.Mapping.from_order,
        {
            "spatial": MAPPING.spatial,
            "order": MAPPING.order,
            "allocation": MAPPING.allocation,
            "bypass": None,
            "buffering": None,
            "links": None,
            "factors": "perfect",
        },
    ),
    "Mapping.from_dict": (zzcp.Mapping.from_dict, {"data": MAPPING.to_dict()}),
    "fields of Mapping.from_dict": (lambda **data: zzcp.Mapping.from_dict(data), MAPPING.to_dict()),
    "Mapping.from_yaml": (zzcp.Mapping.from_yaml, {"text": MAPPING.to_yaml()}),
    "Constraints": (zzcp.Constraints, {"items": ()}),
    "Constraints.from_dict": (zzcp.Constraints.from_dict, {"data": {}}),
    "kinds of Constraints.from_dict": (
        lambda **data: zzcp.Constraints.from_dict(data),
        {"loop_order": [["K", 2]], "innermost": ["K"], "bypass": {"I": ["sram"]}, "max_latency": 9}
        | {"max_energy": 9.5, "even_mapping": True, "double_buffering": {"sram": "forced"}}
        | {"min_utilization": {"sram": 0.5}, "tile_sizes": [{"memory": "sram", "dimension": "K", "max": 2}]},
    ),
    "TileSize": of_constraint(TileSize("sram", "K", "W", 1, 2)),
    "TileElements": of_constraint(TileElements("sram", "W", 1, 2)),
    "LoopOrder": of_constraint(LoopOrder((("K", 2),))),
    "Innermost": of_constraint(Innermost((("K",),))),
    "Bypass": of_constraint(Bypass("I", "sram")),
    "EvenMapping": of_constraint(EvenMapping(None)),
    "DoubleBuffering": of_constraint(DoubleBuffering("sram", True)),
    "MinUtilization": of_constraint(MinUtilization("sram", Fraction(1, 2))),
    "MaxLatency": of_constraint(MaxLatency(9)),
    "MaxEnergy": of_constraint(MaxEnergy(Fraction(9))),
    "make_mapper": (lambda **given: mappers.make_mapper(given["name"]), {"name": "greedy"}),
    "Budget": (mappers.Budget, {"evaluations": 2, "seconds": 1.0, "seed": 0}),
    "Problem": (
        mappers.Problem,
        {"accelerator": MACHINE, "layer": LAYER, "spatial": MAPPING.spatial, "objective": "edp"} | HOW,
    ),
    **{
        f"mapper {name}": (factory, dict.fromkeys(signature(factory).parameters))
        for name, factory in mappers.MAPPERS.items()
    },
}
