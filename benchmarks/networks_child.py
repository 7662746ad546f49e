"""One network on one machine: ``python -m benchmarks.networks_child NETWORK MACHINE SECONDS``.

The last line printed is a JSON object: seconds are those of this process and of those that it started, peak memory is
that of this process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zzcp import load_accelerator, load_mapping, load_workload, optimize_network

MODELS = Path(__file__).parent.parent / "models"
PRECISION = {"W": 8, "I": 8, "O": 32, "O_final": 8}


def main(name: str, machine: str, seconds: float) -> dict[str, Any]:
    """Solve a network in all the ways that the table compares.

    Parameters
    ----------
    name, machine : str
        Of the files in ``models/``.
    seconds : float
        For every search of a layer.
    """
    accelerator = load_accelerator(MODELS / "accelerators" / f"{machine}.yaml")
    network = load_workload(MODELS / "workloads" / f"{name}.onnx", precision=PRECISION)
    mappings = load_mapping(MODELS / "mappings" / f"{machine}.yaml")
    row: dict[str, Any] = {
        "network": name, "machine": machine, "layers": len(network), "seconds": seconds
    }  # fmt: skip

    def measured(label: str, work: Callable[[], Any]) -> Any:
        started, clock = _cpu_seconds(), time.monotonic()
        result = work()
        row[f"{label}_s"] = round(_cpu_seconds() - started, 2)
        row[f"{label}_wall_s"] = round(time.monotonic() - clock, 2)
        row[f"{label}_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        return result

    def together(folder: str, **options: Any) -> Any:
        return optimize_network(
            accelerator, network, spatial=mappings, time_limit=seconds, cache=folder, **options
        )

    measured("alone", lambda: _layer_by_layer(name, machine, seconds))
    with TemporaryDirectory() as folder:
        whole = measured("together", lambda: together(folder))
        measured("cached", lambda: together(folder))
        kept = measured("kept", lambda: together(folder, keep_on_chip=True))
    with TemporaryDirectory() as folder:
        measured("two", lambda: together(folder, jobs=2))
    return row | {
        "status": whole.status,
        "edp": whole.objective,
        "gap": whole.gap,
        "gain": whole.gain,
        "slopes": whole.slopes,
        "searches": whole.searches,
        "kept_edp": kept.objective,
        "kept_gap": kept.gap,
        "tensors": len(kept.resident),
    }


def _layer_by_layer(name: str, machine: str, seconds: float) -> None:
    """Solve a network as the command line does, in one process more."""
    precision = ",".join(f"{operand}={bits}" for operand, bits in PRECISION.items())
    files = (f"accelerators/{machine}.yaml", f"workloads/{name}.onnx", f"mappings/{machine}.yaml")
    command = [sys.executable, "-m", "zzcp", "solve", "-q", "--no-cache", "-j", "1", "--precision", precision]
    command += ["--time-limit", str(seconds), "--json", os.devnull]
    for option, file in zip(("-a", "-w", "-m"), files, strict=True):
        command += [option, str(MODELS / file)]
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode == 2:
        raise RuntimeError(done.stderr.strip())


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
