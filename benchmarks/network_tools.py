"""Whole networks beside other tools: Stream on one core, and AccelForge's fused pair of GEMMs.

Each tool runs in an environment of its own (`benchmarks.outside`), on its own description of the machine; ours is that
description converted. What has been measured is kept in results/network_tools.jsonl.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import yaml
from onnx import TensorProto, helper
from rich.console import Console

from benchmarks.accelforge.live import MACHINE, workload
from benchmarks.outside import environment, run_script
from benchmarks.pages import table
from benchmarks.resumable import RESULTS, Record, Row
from zzcp import EXACT, Accelerator, CostConventions, Network, load_workload, optimize_network
from zzcp.conversion import convert
from zzcp.solver.cp_sat import cp_model

FOLDER = Path(__file__).parent
SECONDS = 60.0
"""For every search of a layer."""
CORE = "tpu_like"
"""Stream's example of a core."""
PAIR = {"m": 64, "k": 64, "n": 64, "l": 64}
"""Two GEMMs, the output of one the input of the other."""
COUNTED = replace(EXACT, name="as AccelForge counts", same_data_free=False, restored_everywhere=True)
"""Operands are read for every operation there."""
RECORD = Record(RESULTS / "network_tools.jsonl", lambda row: row["case"])
HEAD = ["network and machine", "tool", "energy", "cycles", "EDP", "gap", "processor s"]


@dataclass(frozen=True)
class Ours:
    """What zzcp is asked.

    Parameters
    ----------
    accelerator, network
        The converted machine, and the network.
    spatial : str or dict
        How it is unrolled.
    conventions : CostConventions
        What counts.
    """

    accelerator: Accelerator
    network: Network
    spatial: Any = "auto"
    conventions: CostConventions = EXACT

    def rows(self) -> list[Row]:
        """Solve the network without and with tensors that stay on the chip."""
        _ = cp_model.OPTIMAL  # its import is nobody's
        rows = []
        for keep, tool in ((False, "zzcp, `--scope network`"), (True, "zzcp, `--keep-on-chip`")):
            busy = time.process_time()
            found = optimize_network(
                self.accelerator,
                self.network,
                spatial=self.spatial,
                conventions=self.conventions,
                keep_on_chip=keep,
                time_limit=SECONDS,
            )
            cpu_s = round(time.process_time() - busy, 2)
            figures = {"energy": found.energy, "latency": found.latency, "gap": found.gap}
            rows.append({"tool": tool, **figures, "tensors": len(found.resident), "cpu_s": cpu_s})
        return rows


def run(*, quick: bool, console: Console) -> str:
    """Measure what has not been measured yet, and return the table."""
    cases: dict[str, Callable[[], list[Row]]] = {
        "two GEMMs of 64 x 64 x 64, SRAM of 4,096 words": lambda: _gemms(4096),
        "two GEMMs of 64 x 64 x 64, SRAM of 16,384 words": lambda: _gemms(16384),
        "two convolutions of ResNet-18, one core of Stream": _convolutions,
    }
    names = list(cases)[:1] if quick else list(cases)
    found = RECORD.completed(names, lambda name: {"case": name, "rows": cases[name]()}, console, quick=quick)
    rows = [(name, row) for name in names if name in found for row in found[name]["rows"]]
    return table(HEAD, [_cells(name, row) for name, row in rows])


def _cells(name: str, row: Row) -> list[str]:
    edp = row["energy"] * row["latency"]
    gap = "-" if row.get("gap") is None else f"{row['gap']:.1e}"
    figures = [f"{row['energy']:,.0f}", f"{row['latency']:,.0f}", f"{edp:.4g}", gap, f"{row['cpu_s']:.1f}"]
    return [name, row["tool"], *figures]


def _gemms(words: int) -> list[Row]:
    """Compare with AccelForge's mapper, which interleaves two layers tile by tile."""
    machine = {"SRAM_WORDS": words, "REG_WORDS": 16, "BW_DRAM": 1, "BW_SRAM": 4}
    rows: list[Row] = []
    for keep, tool in (("All", "AccelForge 1.0.467, nothing fused"), ("~Intermediates", "AccelForge, fused")):
        task = {"layer": PAIR, "machine": {**machine, "KEEP": keep}, "metric": "edp"}
        rows.append({"tool": tool, **run_script("accelforge", FOLDER / "accelforge" / "live.py", task)})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pair.yaml"
        path.write_text(json.dumps(workload(PAIR)))  # JSON is YAML
        network = convert([str(path)]).content
    accelerator = convert(
        [str(MACHINE)], settings={name: str(value) for name, value in machine.items()}
    ).content
    assert isinstance(network, Network)
    assert isinstance(accelerator, Accelerator)
    return rows + Ours(accelerator, network, {}, COUNTED).rows()


def _convolutions() -> list[Row]:
    """Compare with Stream on two 3x3 convolutions of 64 channels and 56 x 56 outputs, in 16-bit floats."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, [1, 64, 56, 56]) for name in "xy"]
    size = [64, 64, 3, 3]
    weights = [
        helper.make_tensor(name, TensorProto.FLOAT16, size, bytes(2 * 64 * 64 * 9), raw=True) for name in "vw"
    ]
    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["x", "v"], ["t"], name="conv1", **same),
        helper.make_node("Conv", ["t", "w"], ["y"], name="conv2", **same),
    ]
    graph = helper.make_graph(nodes, "two_convolutions", values[:1], values[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    with TemporaryDirectory() as folder:
        path = Path(folder) / "two_convolutions.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(model), path)
        return _beside_stream(path)


def _beside_stream(path: Path) -> list[Row]:
    theirs = run_script("stream", FOLDER / "stream_live.py", {"network": str(path), "core": CORE})
    return [{"tool": "Stream 2.1.1", **theirs}, *Ours(_core(), load_workload(path)).rows()]


def _core() -> Accelerator:
    """Return Stream's core with the DRAM of its off-chip core as the outermost memory."""
    (cores,) = environment("stream").glob("lib/python*/site-packages/stream/inputs/examples/hardware/cores")
    core, outside = (yaml.safe_load((cores / f"{name}.yaml").read_text()) for name in (CORE, "offchip"))
    core["memories"] |= outside["memories"]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "core.yaml"
        path.write_text(yaml.safe_dump(core, sort_keys=False))
        found = convert([str(path)]).content
    assert isinstance(found, Accelerator)
    return found
