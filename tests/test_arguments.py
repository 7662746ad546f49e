"""Every argument of the public interface, of a wrong type or out of range: a result, or one `InputError`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zzcp
from tests.io.onnx.builders import ModelBuilder
from tests.machines import machine
from zzcp import mappers
from zzcp.checks import MAX_SEED, repr_of
from zzcp.documents.document import MAX_DEPTH
from zzcp.documents.text import MAX_BYTES
from zzcp.errors import ZzcpError
from zzcp.hardware.accelerator import MAX_MEMORIES
from zzcp.hardware.array import MAX_UNITS, InMemoryComputing
from zzcp.hardware.figures import MAX_ENERGY
from zzcp.hardware.memory import MAX_BITS, MAX_LATENCY
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
from zzcp.mapping.constraints_reader import MAX_SIZE
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.workload import DimensionRelation, Equation
from zzcp.workload.checks import MAX_LOOP, MAX_MACS, MAX_PRECISION

MACHINE = machine()
LAYER = zzcp.Layer.gemm(b=2, k=2, c=2)
SPATIAL = {"D1": {"K": 2}}
RESULT = zzcp.optimize(MACHINE, LAYER, spatial=SPATIAL)
MAPPING = RESULT.mapping
assert MAPPING is not None

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    math.nan,
    math.inf,
    2**70,
    10**5000,
    Fraction(1, 3),
    "x",
    b"x",
    ["x"],
    [None],
    [("K", 2.5)],
    {1: 2},
    {"W": None},
    {"D1": {"K": "x"}},
    object(),
    [],
    {"W": []},
    {"memories.sram.size": 1.5},
    np.array([1, 2]),
    np.array(2),
    "\0",
    "\ud800",
)
"""None of them is right for more than a few arguments; some break `str`, hashing or arithmetic."""


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


def test_no_public_function_is_left_out() -> None:
    named = {name.partition(" ")[0].partition(".")[0] for name in CALLS}
    results = {
        "Comparison",
        "Evaluation",
        "Explanation",
        "Front",
        "NetworkResult",
        "Result",
        "SweepTable",
        "Verification",
    }
    others = {"InputError", "MappingError", "ZzcpError", "EXACT", "ZIGZAG", "ZIGZAG_3_0", "__version__"}
    assert set(zzcp.__all__) - results - others <= named


def test_no_argument_is_left_out() -> None:
    """`sweep` took any costs and unrollings, and ended in an AttributeError."""
    given: dict[Any, set[str]] = {}
    for call, arguments in CALLS.values():
        given.setdefault(call, set()).update(arguments)
    for call, names in given.items():
        parameters = signature(call).parameters.values()
        stated = {entry.name for entry in parameters if entry.kind is not entry.VAR_KEYWORD}
        assert stated <= names, call


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_argument_is_one_message(
    name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("docs", "models", "examples"):
        (tmp_path / folder).symlink_to(root / folder)
    monkeypatch.chdir(tmp_path)  # a text is the name of a database
    monkeypatch.setenv("ZZCP_CACHE_DIR", str(tmp_path / "cache"))
    net = ModelBuilder()
    net.node("Gemm", net.input("batch", 6), net.weight(6, 7))
    net.save(tmp_path, name="network.onnx")
    call, arguments = CALLS[name]
    lengths = []
    given = {
        key: value for key, value in arguments.items() if value is not None or not name.startswith("mapper")
    }
    for argument in arguments:
        for value in HOSTILE:
            try:
                call(**given | {argument: value})
            except ZzcpError as error:
                lengths.append(len(str(error)))
            except Exception as error:  # noqa: BLE001 - whatever else is the fault that is looked for
                pytest.fail(f"{argument}={repr_of(value)}: {type(error).__name__}: {error}")
    assert max(lengths, default=0) < 700


@pytest.mark.parametrize("name", CALLS)
def test_a_truth_value_is_true_or_false(name: str) -> None:
    """`allow_invalid="no"`, `force_double_buffering="no"` and six others were taken for true."""
    call, arguments = CALLS[name]
    for argument, value in arguments.items():
        if isinstance(value, bool):
            for wrong in ("no", 1, 0, None, []):
                with pytest.raises(zzcp.InputError, match=f"{argument}.*expected [Tt]rue"):
                    call(**arguments | {argument: wrong})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"conventions": "exact"},
            "conventions: expected a CostConventions such as zzcp.EXACT, found 'exact'",
        ),
        ({"time_limit": "5"}, "time limit is not a number: expected a positive number of seconds, found '5'"),
        (
            {"time_limit": math.nan},
            "time limit out of range: expected a positive number of seconds, found nan",
        ),
        ({"workers": 1.5}, "workers: expected an integer from 1 to 10000, found 1.5"),
        ({"spatial": 5}, "spatial mapping: expected a dictionary per array dimension, found 5"),
        ({"hint": 5}, "hint: expected a Mapping, found 5"),
        ({"seed": -1}, "seed out of range: expected a whole number from 0 to 2^63 - 1, found -1"),
        (
            {"objective": "ed"},
            "unknown objective: expected edp, energy, latency, ed2, found ed (did you mean 'edp'?)",
        ),
        ({"links": {"W": 2}}, "link of W: expected I1, I2 or O, found 2"),
        ({"on_progress": 3}, "on_progress: expected a function, or None, found 3"),
    ],
)
def test_messages_of_optimize(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(zzcp.InputError) as caught:
        zzcp.optimize(MACHINE, LAYER, **{"spatial": SPATIAL} | arguments)
    assert str(caught.value) == message


def test_a_database_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(zzcp.InputError, match="path: expected the path of a file, found 5"):
        zzcp.sweep(MACHINE, LAYER, {"memories.sram.size": [8192]}, db=5)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []  # there was a database named 5


def test_numbers_of_numpy_are_numbers() -> None:
    layer = zzcp.Layer.conv(k=np.int64(2), ox=np.int32(4), stride=np.int8(2), precision={"W": np.uint8(4)})
    assert layer == zzcp.Layer.conv(k=2, ox=4, stride=2, precision={"W": 4})
    spatial = zzcp.SpatialMapping.from_dict({"D1": {"K": np.int64(2)}})
    assert spatial == zzcp.SpatialMapping.from_dict(SPATIAL)
    result = zzcp.optimize(
        MACHINE, LAYER, spatial=spatial, gap=np.float32(0.5), workers=np.int64(1), seed=np.int64(3)
    )
    assert result.status == "optimal"
    # these were refused, with "expected an integer >= 1, found np.int64(9)" and the like
    plain: dict[str, Any] = {"max_latency": 10**6, "max_energy": 2.5e6, "spatial": {"D1": {"most": 2}}}
    numpy = {
        "max_latency": np.int64(10**6),
        "max_energy": np.float32(2.5e6),
        "spatial": {"D1": {"most": np.int8(2)}},
    }
    assert zzcp.Constraints.from_dict(numpy) == zzcp.Constraints.from_dict(plain)
    free = zzcp.optimize(MACHINE, LAYER, max_dims=np.int64(1), constraints=numpy)  # type: ignore[arg-type]
    assert free.space.to_dict()["freedom"]["max_dims"] == 1
    sizes = 2 ** np.arange(12, 14)
    table = zzcp.sweep(MACHINE, LAYER, {"memories.sram.size": sizes}, spatial=SPATIAL)  # type: ignore[dict-item]
    assert [dict(point.values)["memories.sram.size"] for point in table.points] == [4096, 8192]


def test_a_loop_may_not_be_named_twice() -> None:
    with pytest.raises(zzcp.InputError, match="dimension given twice in sizes: found b"):
        zzcp.Layer("O[b]+=W[b]*I[b]", {"B": 2, "b": 3})  # the second one once won


def test_the_limits_are_those_that_the_docs_state(root: Path) -> None:
    table = (root / "docs" / "formats.md").read_text().partition("## Limits")[2]
    stated = dict(re.findall(r"^\| ([^|]+?) \| [^|]* \| ([^|]+?) \|$", table, re.MULTILINE))
    del stated["figure"], stated["---"]
    numbers = {name: eval(limit.replace("^", "**")) for name, limit in stated.items()}
    assert numbers == {
        "capacity of a memory, bits": MAX_BITS,
        "bandwidth of a port, bits per cycle": MAX_BITS,
        "latency of a memory, cycles": MAX_LATENCY,
        "energy of an access or an operation": MAX_ENERGY,
        "units of an array": MAX_UNITS,
        "memories of a machine": MAX_MEMORIES,
        "size of a loop": MAX_LOOP,
        "operations of a layer": MAX_MACS,
        "precision of an operand, bits": MAX_PRECISION,
        "size, or number of elements, in a constraint": MAX_SIZE,
        "seed": MAX_SEED,
        "text of a file, MiB": MAX_BYTES / 2**20,
        "levels of nesting in a file": MAX_DEPTH,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("size", value) for value in (0, 2**63, 1e300, math.inf, math.nan)),
        *(("latency", value) for value in (-1, 2**61, 1e300, math.inf, math.nan)),
        *(("read_energy", value) for value in (-1, 1e-300, 1e300, math.inf, math.nan)),
    ],
)
def test_figures_beyond_the_limits(field: str, value: float) -> None:
    """Latencies of 2^61 cycles and energies of 1e300 were accepted, and ended in an OverflowError of the search."""
    with pytest.raises(zzcp.InputError, match=r"out of range|not a whole number"):
        replace(MACHINE.memories[-1], **{field: value})


@pytest.mark.parametrize(
    ("field", "value"), [("size", MAX_BITS), ("latency", MAX_LATENCY), ("read_energy", 2**63)]
)
def test_figures_at_the_limits(field: str, value: int) -> None:
    *memories, dram = MACHINE.memories
    changed = replace(MACHINE, memories=(*memories, replace(dram, **{field: value})))
    assert zzcp.optimize(changed, LAYER, spatial=SPATIAL).status == "optimal"
