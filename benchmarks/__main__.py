"""Run benchmark suites: ``python -m benchmarks [suite ...] [--quick]``.

A suite is a module of this package with a function ``run(quick, console)`` that prints what it measures and returns
it as plain data; that is written to ``benchmarks/results/SUITE.json``. A suite with options of its own has a function
``add_options(parser)`` and takes them as ``options``.
"""

from __future__ import annotations

import argparse
import json
import platform
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

SUITES = (
    "evaluator",
    "solver",
    "sweeps",
    "latency",
    "mappers",
    "warm_start",
    "model_size",
    "energies",
    "constrained",
    "fronts",
    "compare",
    "onnx_files",
    "joint",
    "executors",
    "networks",
    "systolic",
    "validation",
    "nvdla",
    "unrollings",
    "referees",
    "leakage",
    "imperfect",
    "load",
    "verification",
    "certificates",
)
LONG = (
    "sweeps",
    "latency",
    "constrained",
    "fronts",
    "compare",
    "onnx_files",
    "joint",
    "executors",
    "networks",
    "unrollings",
    "referees",
    "imperfect",
    "load",
    "verification",
    "certificates",
)
"""Suites that take about an hour, download much or need packages of their own; they run only where they are named."""

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run the suites named on the command line, or all but the long ones."""
    known = [name for name in SUITES if find_spec(f"benchmarks.{name}")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmark suites.")
    parser.add_argument("suites", nargs="*", choices=[*known, []], metavar="suite", help=", ".join(known))
    parser.add_argument(
        "--quick", action="store_true", help="a small part of every suite; nothing is written"
    )
    for name in known:
        module = import_module(f"benchmarks.{name}")
        if hasattr(module, "add_options"):
            module.add_options(parser)
    arguments = parser.parse_args()
    console = Console(width=None if Console().is_terminal else 140)
    for name in arguments.suites or [name for name in known if name not in LONG]:
        module = import_module(f"benchmarks.{name}")
        options = {"options": arguments} if hasattr(module, "add_options") else {}
        figures = module.run(quick=arguments.quick, console=console, **options)
        if arguments.quick:
            continue
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{name}.json"
        data = {"python": platform.python_version(), "machine": platform.machine(), **figures}
        path.write_text(json.dumps(data, indent=1) + "\n")
        console.print(f"written to benchmarks/results/{path.name}")


if __name__ == "__main__":
    main()
