"""Results of `solve` are read back whole; what is not such a result is refused with one message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.machines import memory, port
from zzcp import Accelerator, InputError, Layer, Network, OperationalArray, Result, SpatialMapping, optimize
from zzcp.io.result import STATUSES, load_results
from zzcp.records.layers import SolvedLayer
from zzcp.records.plain import json_text
from zzcp.records.solved import solved_data
from zzcp.solver.result import Diagnosis, Shortage, Status

Edit = Callable[[dict[str, Any]], None]

ARRAY = OperationalArray(("D1", "D2"), (2, 2), unit_energy=0.5, unit_area=1.0)
MACHINE = Accelerator(
    "two",
    (
        memory("buffer", "I1 I2 O", size=512, served_dimensions=("D1", "D2")),
        memory(
            "dram",
            "I1 I2 O",
            port(
                "rw",
                "read_write",
                64,
                *(f"{op} {way}" for op in ("I1", "I2") for way in ("fh", "tl")),
                *(f"O {way}" for way in ("fh", "tl", "fl", "th")),
            ),
            size=10**12,
            read_energy=1e-05,
            write_energy=120.0,
            served_dimensions=("D1", "D2"),
        ),
    ),
    ARRAY,
)
LAYERS = (
    Layer.conv(b=1, k=4, c=2, oy=4, ox=4, fy=3, fx=3, stride=2, padding=1, name="conv"),
    Layer.gemm(b=4, k=4, c=8, name="gemm", id=1),
)
TOO_LARGE = Result(
    "infeasible", None, 0.0, None, None, None, Diagnosis((Shortage("buffer", 9, 8, (("O", 9),)),), ()), "exact",
    "edp", 0.1, spatial=SpatialMapping.from_dict({"D1": {"K": 2}}), links={"O": "O", "W": "I1", "I": "I2"},
)  # fmt: skip


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    results = [
        SolvedLayer(layer, optimize(MACHINE, layer, time_limit=5, gap=0.01, spatial="full"))
        for layer in LAYERS
    ]
    results.append(SolvedLayer(Layer.gemm(b=2, k=2, c=2, name="large", id=2), TOO_LARGE))
    data: dict[str, Any] = json.loads(
        json_text(solved_data("1.0", MACHINE, "edp", "exact", results, options={"gap": 0.01, "seed": 0}))
    )
    return data


@pytest.fixture
def file(good: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the result after an edit."""

    def write(edit: Edit = lambda _: None) -> Path:
        data = json.loads(json.dumps(good))
        edit(data)
        path = tmp_path / "result.json"
        path.write_text(json.dumps(data, indent=1))
        return path

    return write


def test_a_result_is_read_back_whole(good: dict[str, Any], file: Callable[..., Path]) -> None:
    found = load_results(file())
    assert found.accelerator == MACHINE
    assert (found.objective, found.conventions.name) == ("edp", "exact")
    assert tuple(entry.layer for entry in found.layers[:2]) == LAYERS
    assert found.data == good
    for entry, data in zip(found.layers, good["layers"], strict=True):
        assert (entry.status, entry.objective, entry.lower_bound, entry.gap) == tuple(
            data[field] for field in ("status", "objective", "lower_bound", "gap")
        )
        assert entry.data == data
        assert entry.spatial is not None
        assert entry.spatial.to_dict() == data["spatial_mapping"]
    first, _, large = found.layers
    assert first.mapping is not None
    assert first.mapping.to_dict()["temporal_mapping"] == good["layers"][0]["temporal_mapping"]
    assert large.mapping is None
    assert large.links == {"O": "O", "W": "I1", "I": "I2"}


def test_other_inputs_may_be_given(file: Callable[..., Path]) -> None:
    def forget(data: dict[str, Any]) -> None:
        del data["inputs"]
        del data["layers"][2]
        for layer in data["layers"]:
            del layer["definition"]

    path = file(forget)
    with pytest.raises(InputError, match=r"does not hold its accelerator.*with -a"):
        load_results(path)
    with pytest.raises(InputError, match=r"does not hold its layers.*with -w"):
        load_results(path, accelerator=MACHINE)
    found = load_results(path, accelerator=MACHINE, network=Network("two", LAYERS))
    assert [entry.layer for entry in found.layers] == list(LAYERS)
    with pytest.raises(InputError, match="no layer of that name"):
        load_results(path, accelerator=MACHINE, network=Network("one", LAYERS[:1]))


def test_the_statuses_are_those_of_the_solver() -> None:
    assert get_args(Status) == STATUSES


def change(*path: str | int, to: Any = None, remove: bool = False) -> Edit:
    """Return an edit of one value."""

    def edit(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        if remove:
            del data[path[-1]]
        else:
            data[path[-1]] = to

    return edit


CONTENT = ("inputs", "accelerator", "content")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (change("objective", to="power"), "objective: wrong value: expected one of edp, energy, latency, ed2"),
        (change("objective", remove=True), "the key 'objective' is missing"),
        (change("conventions", to="other"), "conventions: wrong value"),
        (change("totals", to=[]), "totals: wrong value: expected a mapping"),
        (change("layers", to={}), "layers: wrong value: expected a list"),
        (change("layers", 0, "status", to="best"), r"layers\[0\].status: wrong value: expected one of optimal"),
        (change("layers", 0, "objective", to="much"), r"layers\[0\].objective: wrong value: expected a number"),
        (change("layers", 0, "objective", to=-1), r"layers\[0\].objective: wrong value"),
        (change("layers", 0, "objective", to=None), r"layers\[0\].objective: the status is"),
        (change("layers", 0, "lower_bound", remove=True), "the key 'lower_bound' is missing"),
        (change("layers", 0, "temporal_mapping", remove=True), r"layers\[0\].temporal_mapping: the status is"),
        (change("layers", 0, "spatial_mapping", remove=True), "without its unrolling"),
        (change("layers", 0, "temporal_mapping", "W", to=[[["K", 0]]]), r"W\[0\]\[0\]\[1\]: wrong value"),
        (change("layers", 0, "temporal_mapping", "W", to=3), "temporal_mapping.W: wrong value: expected a list"),
        (change("layers", 0, "evaluation", to=4), "evaluation: wrong value: expected a mapping"),
        (change("layers", 0, "status", to="unknown"), r"layers\[0\].objective: the status is unknown"),
        (change("layers", 0, "name", to="other"), "the definition is that of another layer"),
        (change("layers", 0, "definition", "loop_sizes", to=[1]), r"layers\[0\].definition.loop_sizes: "),
        (change("layers", 0, "definition", "equation", to="O=1"), r"layers\[0\].definition.equation: "),
        (change(*CONTENT, "memories", "buffer", "size", to="8 KB"), "content.memories.buffer.size: wrong value"),
        (change(*CONTENT, "memories", to={}), "content.memories: "),
        (change(*CONTENT, to="eyeriss"), "inputs.accelerator.content"),
    ],
)  # fmt: skip
def test_edited_results(edit: Edit, message: str, file: Callable[..., Path]) -> None:
    path = file(edit)
    with pytest.raises(InputError, match=message) as error:
        load_results(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_no_truncated_result_is_read(good: dict[str, Any], tmp_path: Path) -> None:
    text = json_text(good)
    path = tmp_path / "result.json"
    for length in (*range(0, len(text) - 2, 997), len(text) - 2):
        path.write_text(text[:length])
        with pytest.raises(InputError) as error:
            load_results(path)
        assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "name", ["models/accelerators/eyeriss_like.yaml", "models/workloads/seed_workload.yaml"]
)
def test_other_files(name: str, root: Path) -> None:
    with pytest.raises(InputError, match="wrong kind of file: expected a result of zzcp"):
        load_results(root / name)


def test_results_without_proof(file: Callable[..., Path]) -> None:
    """What `evaluate` writes has no status and no bound."""

    def strip(data: dict[str, Any]) -> None:
        del data["objective"]
        for layer in data["layers"]:
            for field in ("status", "objective", "lower_bound", "gap"):
                del layer[field]

    with pytest.raises(InputError, match="'objective' is missing"):
        load_results(file(strip))
