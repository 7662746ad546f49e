"""One front in a process of its own: ``python benchmarks/fronts_child.py CASE supported|whole SECONDS``.

It asks of zzcp nothing but what older versions have, so that `benchmarks.fronts` can run it with the code of another
checkout. The last line printed is a JSON object; times are of the processor, peak memory is that of the process.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

from ortools.sat.python import cp_model

from benchmarks.solver_cases import case_named
from zzcp import optimize, pareto

IMPORTED = (cp_model,)
"""What one search may need and another not: it counts for neither."""


def main() -> None:
    """Prove the layer's energy-delay product, then its front, and print what both took."""
    name, kind, seconds = sys.argv[1:]
    case = case_named(name)
    started = _cpu_seconds()
    result = optimize(case.accelerator, case.layer, spatial=case.spatial, time_limit=float(seconds))
    proof = _cpu_seconds() - started
    found: dict[str, Any] = {"proof_s": round(proof, 3), "gap": result.gap}
    clock, started = time.monotonic(), _cpu_seconds()
    try:
        front = pareto(
            case.accelerator,
            case.layer,
            spatial=case.spatial,
            supported_only=kind == "supported",
            time_limit=float(seconds),
            search_limit=float(seconds),
        )
        found |= {
            "status": "complete" if front.complete else "incomplete",
            "points": len(front.points),
            "searches": front.solved,
        }
    except MemoryError:
        found |= {"status": "out of memory", "points": 0, "searches": 0}
    found |= {
        "cpu_s": round(_cpu_seconds() - started, 3),
        "wall_s": round(time.monotonic() - clock, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(found))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
