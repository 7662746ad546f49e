"""Run AccelForge's mapper once; to be started with a Python (3.12 or newer) that has the package ``accelforge``.

``python live.py '{"layer": {"m": 100, "n": 100, "k": 100}, "metric": "edp", "machine": {...}}'`` prints one line of
JSON. It imports nothing of zzcp, so that AccelForge can live in an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MACHINE = Path(__file__).with_name("accelforge_min3.yaml")
"""The machine in AccelForge's format."""


def workload(sizes: dict[str, int]) -> dict[str, Any]:
    """Return in AccelForge's format a GEMM (m, n, k), a convolution (k, c, p, q, r, s), or two GEMMs (m, k, n, l)."""
    if set(sizes) == {"m", "n", "k"}:
        einsums = {"L": {"I": ["m", "k"], "W": ["k", "n"], "O": ["m", "n"]}}
    elif set(sizes) == {"m", "k", "n", "l"}:
        einsums = {
            "L1": {"I": ["m", "k"], "W1": ["k", "n"], "T": ["m", "n"]},
            "L2": {"T": ["m", "n"], "W2": ["n", "l"], "O": ["m", "l"]},
        }
    else:
        inputs = {"C": "c", "H": "p + r", "W": "q + s"}
        einsums = {"L": {"I": inputs, "W": ["k", "c", "r", "s"], "O": ["k", "p", "q"]}}
    return {
        "workload": {
            "bits_per_value": {"All": 8},
            "iteration_space_shape": {dim: f"0 <= {dim} < {size}" for dim, size in sizes.items()},
            "einsums": [_einsum(name, accesses) for name, accesses in einsums.items()],
        }
    }


def _einsum(name: str, accesses: dict[str, Any]) -> dict[str, Any]:
    """Return a computation: its input, weights and output, each with what it is indexed by."""
    *_, output = accesses
    return {
        "name": name,
        "tensor_accesses": [
            {"name": tensor, "projection": indices, **({"output": True} if tensor == output else {})}
            for tensor, indices in accesses.items()
        ],
        "renames": dict(zip(("input", "weight", "output"), accesses, strict=True)),
    }


def main() -> None:
    """Map the layer of the argument and print energy, latency and seconds."""
    import accelforge  # noqa: PLC0415 - measured apart
    from accelforge.mapper.FFM.mappings import Mappings  # noqa: PLC0415

    Mappings.render = lambda *_, **__: ""  # it draws every mapping with Graphviz, which may be missing
    case = json.loads(sys.argv[1])
    accelforge.set_n_parallel_jobs(1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # it writes the drawing here
        path = Path(folder) / "layer.yaml"
        path.write_text(json.dumps(workload(case["layer"])))  # JSON is YAML
        spec = accelforge.Spec.from_yaml(str(MACHINE), str(path), jinja_parse_data=case["machine"])
        metric = {"edp": "ENERGY_DELAY_PRODUCT", "energy": "ENERGY"}[case["metric"]]
        spec.mapper.metrics = getattr(accelforge.Metrics, metric)
        spec.mapper.explore_imperfect_temporal_loops = case.get("imperfect", False)
        start, busy = time.perf_counter(), time.process_time()
        found = spec.map_workload_to_arch(print_progress=False)
        seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    row = found.data.iloc[0]
    total = {name: float(row[f"Total<SEP>{name}"]) for name in ("energy", "latency")}
    print(json.dumps({**total, "wall_s": round(seconds, 2), "cpu_s": round(cpu, 2)}))


if __name__ == "__main__":
    main()
