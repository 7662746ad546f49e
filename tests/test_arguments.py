"""Every argument of the public interface, of a wrong type or out of range: a result, or one `InputError`."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fractions import Fraction
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zzcp
from tests.calls import CALLS, LAYER, MACHINE, SPATIAL
from tests.io.onnx.builders import ModelBuilder
from zzcp.checks import MAX_SEED, repr_of
from zzcp.documents.document import MAX_DEPTH
from zzcp.documents.text import MAX_BYTES
from zzcp.errors import ZzcpError
from zzcp.hardware.accelerator import MAX_MEMORIES
from zzcp.hardware.array import MAX_UNITS
from zzcp.hardware.figures import MAX_ENERGY
from zzcp.hardware.memory import MAX_BITS, MAX_LATENCY
from zzcp.mapping.constraints_reader import MAX_SIZE
from zzcp.workload.checks import MAX_LOOP, MAX_MACS, MAX_PRECISION

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
