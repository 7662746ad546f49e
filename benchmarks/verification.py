"""Second proofs beside searches: layers of two networks on the bundled machines, in seconds of the processor.

For each machine one process solves the layers, and another one proves their bounds again; both have solved something
else before, so that imports do not count.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from rich.console import Console

from benchmarks.pages import replace_part, table
from benchmarks.resumable import in_child
from zzcp import load_workload
from zzcp.cli.main import cli

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models"
RELIABILITY = ROOT / "docs" / "reliability.md"
MACHINES = ("eyeriss_like", "tpu_like", "edge_tpu_like", "gemmini_like", "simba_like")
NETWORKS = {"resnet50": (2, 9, 21), "mobilenetv2": (6, 13)}
"""Layers, by their numbers among those of different shapes."""
PRECISION = "W=8,I=8,O=16,O_final=8"


def layers(network: str, numbers: tuple[int, ...]) -> list[str]:
    """Return the names of some layers, of those of equal shape the first."""
    precision = {"W": 8, "I": 8, "O": 16, "O_final": 8}
    shapes: dict[object, str] = {}
    for layer in load_workload(MODELS / "workloads" / f"{network}.onnx", precision=precision):
        shapes.setdefault(layer.signature(), layer.name)
    names = list(shapes.values())
    return [names[number] for number in numbers]


def timed(words: list[str]) -> float:
    """Return the seconds of the processor that a command takes."""
    started = time.process_time()
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    if done.exit_code:
        raise RuntimeError(f"zzcp {' '.join(words)}: exit code {done.exit_code}\n{done.output}")
    return time.process_time() - started


def measured(what: str, machine: str, folder: Path) -> list[dict[str, Any]]:
    """Solve, or verify, the layers on a machine in this process."""
    toy = folder / f"toy-{machine}.json"
    small = ["-a", str(ROOT / "docs" / "toy.yaml"), "-w", str(ROOT / "tests" / "data" / "tiny_gemm.yaml")]
    timed(["solve", *small, "--spatial", "full", "-j", "1", "-q", "--no-cache", "--json", str(toy)])
    timed(["verify", str(toy), "-j", "1", "-q"])
    rows = []
    for network, numbers in NETWORKS.items():
        for layer in layers(network, numbers):
            out = folder / f"{machine}-{network}-{layer.replace('/', '_')}.json"
            if what == "solve":
                words = ["solve", "-a", str(MODELS / "accelerators" / f"{machine}.yaml")]
                words += ["-w", str(MODELS / "workloads" / f"{network}.onnx"), "--layer", layer]
                words += ["-m", str(MODELS / "mappings" / f"{machine}.yaml"), "--precision", PRECISION]
                words += ["--no-cache", "--json", str(out), "--time-limit", "600", "-j", "1", "-q"]
            else:
                words = ["verify", str(out), "--time-limit", "600", "-j", "1", "-q"]
            rows.append({"machine": machine, "layer": f"{network} {layer}", what: timed(words)})
    return rows


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Measure all cases, print a table and write it into docs/reliability.md."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for machine in MACHINES[: 1 if quick else None]:
            found: list[list[dict[str, Any]]] = [
                in_child(f"{what} {machine}", "verification", what, machine, folder)
                for what in ("solve", "verify")
            ]
            rows += [one | other for one, other in zip(*found, strict=True)]
            for row in rows[-len(found[0]) :]:
                console.print(row)
    cells = []
    for machine in dict.fromkeys(row["machine"] for row in rows):
        some = [row for row in rows if row["machine"] == machine]
        first, second = (sum(row[what] for row in some) for what in ("solve", "verify"))
        worst = max(row["verify"] / row["solve"] for row in some)
        cells.append(
            [
                machine,
                str(len(some)),
                f"{first:.1f}",
                f"{second:.1f}",
                f"{second / first:.2f}",
                f"{worst:.2f}",
            ]
        )
    text = table(["machine", "layers", "solve s", "verify s", "ratio", "largest ratio of a layer"], cells)
    console.print(text)
    if not quick:
        replace_part("verification", text, RELIABILITY)
    return {"cases": rows}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
