"""Load: many layers, many levels and many points, with seconds of the processor and the largest memory taken.

Every case runs in a process of its own (``python -m benchmarks.load CASE NUMBER`` is one). Sizes of a case tell what
one layer or point more takes.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from rich.console import Console

from benchmarks.pages import replace_part, table
from benchmarks.resumable import in_child
from zzcp import Layer, SpatialMapping, optimize
from zzcp.cli.main import cli
from zzcp.hardware import Accelerator, Allocation, Direction, Memory, OperationalArray, Port, PortType

ROOT = Path(__file__).parents[1]
RELIABILITY = ROOT / "docs" / "reliability.md"
TOY = ROOT / "docs" / "toy.yaml"
LAYER = """\
- {{id: {id}, operator_type: Gemm, equation: "O[k]+=W[k][c]*I[c]", loop_dims: [K, C], loop_sizes: [{k}, 4],
  operand_precision: {{W: 8, I: 8, O: 16, O_final: 8}}, operand_source: {{W: {id}, I: {id}}}}}
"""
SHAPES = 8
CASES: dict[str, tuple[int, ...]] = {
    "layers": (1_000, 10_000),
    "levels": (4, 8, 12),
    "points": (1_000, 10_000, 100_000),
}
COSTS = 10
"""Energies of a memory at every size of it."""


def layers(number: int, folder: Path) -> str:
    """Solve a workload of so many layers of a few shapes."""
    text = "".join(LAYER.format(id=i, k=2 + i % SHAPES) for i in range(number))
    (folder / "net.yaml").write_text(text)
    return _run("solve", "-a", TOY, "-w", folder / "net.yaml", "--json", folder / "out.json")


def levels(number: int, _: Path) -> str:
    """Solve a layer on a machine of so many levels and five array dimensions."""
    result = optimize(
        deep(number), Layer.gemm(b=64, k=64, c=64), spatial=SpatialMapping.from_dict(UNROLLED), time_limit=120
    )
    return f"{result.status}, gap {0.0 if result.gap is None else result.gap:.1e}"


UNROLLED = {"D1": {"K": 2}, "D2": {"C": 2}, "D3": {"B": 2}, "D4": {"K": 2}, "D5": {"C": 2}}


def deep(number: int) -> Accelerator:
    """Return a machine of so many shared levels over an array of five dimensions."""
    dims = tuple(UNROLLED)
    moves = [(operand, way) for operand in ("I1", "I2", "O") for way in ("fh", "tl")] + [
        ("O", "fl"),
        ("O", "th"),
    ]
    allocation = tuple(Allocation(operand, Direction(way)) for operand, way in moves)
    memories = tuple(
        Memory(
            name=f"m{level}",
            size=256 * 4**level if level < number - 1 else 10**9,
            operands=("I1", "I2", "O"),
            ports=(Port("rw", PortType.READ_WRITE, 64, 64, allocation),),
            read_energy=2.0**level,
            write_energy=1.5 * 2.0**level,
            area=1.0,
            latency=1,
            served_dimensions=dims if level else (),
        )
        for level in range(number)
    )
    return Accelerator("deep", memories, OperationalArray(dims, (2,) * 5, unit_energy=0.5, unit_area=0.25))


def points(number: int, folder: Path) -> str:
    """Sweep a tiny layer over so many sizes of a memory, and energies of it."""
    sizes = f"memories.buf.size=256:{256 + 8 * (number // COSTS - 1)}:+8"
    costs = f"memories.buf.r_cost={','.join(str(1 + cost) for cost in range(COSTS))}"
    gemm = ROOT / "tests" / "data" / "tiny_gemm.yaml"
    files = "--db", folder / "points.db", "--csv", folder / "points.csv"
    return _run("sweep", "-a", TOY, "-w", gemm, "--vary", sizes, "--vary", costs, *files)


def _run(*words: str | Path) -> str:
    done = CliRunner().invoke(
        cli, [*map(str, words), "--spatial", "full", "-j", "1", "-q", "--no-cache"], catch_exceptions=False
    )
    return "done" if done.exit_code == 0 else f"exit code {done.exit_code}"


def measured(case: str, number: int) -> dict[str, Any]:
    """Run a case here, and say what it took."""
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        said = {"layers": layers, "levels": levels, "points": points}[case](number, Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "case": case,
        "number": number,
        "said": said,
        "cpu_s": time.process_time() - started,
        "peak_mb": peak,
    }


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Run every case in a process of its own, print a table and write it into docs/reliability.md."""
    rows = []
    for case, numbers in CASES.items():
        for number in numbers[: 1 if quick else None]:
            rows.append(in_child(case, "load", case, number))
            console.print(rows[-1])
    if not quick:
        head = ["case", "number", "outcome", "cpu s", "peak MB"]
        cells = [
            [row["case"], f"{row['number']:,}", row["said"], f"{row['cpu_s']:.1f}", f"{row['peak_mb']:.0f}"]
            for row in rows
        ]
        replace_part("load", table(head, cells), RELIABILITY)
    return {"cases": rows}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(sys.argv[1], int(sys.argv[2]))))
