"""One measurement in a process of its own: ``python -m benchmarks.solver_child CASE WHAT [SECONDS]``.

WHAT is ``exact`` or ``zigzag`` (our search under these conventions), or a mapper of ZigZag. The last line printed is
a JSON object; peak memory and processor time are those of the process.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

from benchmarks.solver_cases import Case, case_named

CONVENTIONS = ("exact", "zigzag")


def main() -> None:
    """Measure, and print what was measured."""
    name, what, *rest = sys.argv[1:]
    case = case_named(name)
    before = resource.getrusage(resource.RUSAGE_SELF)
    cpu = before.ru_utime + before.ru_stime
    started = time.monotonic()
    if what in CONVENTIONS:
        found = _solve(case, what, float(rest[0]))
    else:
        from benchmarks.zigzag_mappers import search  # noqa: PLC0415 - an optional dependency, and slow to import

        started = time.monotonic()
        found = search(case, what)
    found.setdefault("wall_s", round(time.monotonic() - started, 3))
    after = resource.getrusage(resource.RUSAGE_SELF)
    found["cpu_s"] = round(after.ru_utime + after.ru_stime - cpu, 3)
    found["peak_mb"] = round(after.ru_maxrss / 1024)
    if what == "zigzag" and found.get("mapping"):
        found["referee"] = _referee(case, found["mapping"])
    print(json.dumps(found))


def _solve(case: Case, conventions: str, time_limit: float) -> dict[str, Any]:
    from zzcp import optimize  # noqa: PLC0415 - ZigZag's mappers are measured without the solver in memory
    from zzcp.cost.conventions import CONVENTIONS as PRESETS  # noqa: PLC0415

    stages: list[list[Any]] = []
    started = time.monotonic()
    result = optimize(
        case.accelerator,
        case.layer,
        spatial=case.spatial,
        conventions=PRESETS[conventions],
        time_limit=time_limit,
        on_progress=lambda message: stages.append(
            [round(message.seconds, 2), message.objective, message.lower_bound, message.stage]
        ),
    )
    return {
        "wall_s": round(time.monotonic() - started, 3),
        "status": result.status,
        "edp": result.objective,
        "bound": result.lower_bound,
        "gap": result.gap,
        "energy": result.evaluation.energy.total if result.evaluation else None,
        "latency": result.evaluation.latency.total if result.evaluation else None,
        "mapping": result.mapping.to_dict() if result.mapping else None,
        "stages": stages,
    }


def _referee(case: Case, mapping: dict[str, Any]) -> float | str | None:
    """Return the EDP that ZigZag's own cost model gives our mapping."""
    from benchmarks.zigzag_rate import zigzag_evaluations  # noqa: PLC0415
    from zzcp import Mapping  # noqa: PLC0415

    try:
        cme = zigzag_evaluations(case.path, case.layer, case.spatial, [Mapping.from_dict(mapping)])[0]()
    except Exception as error:  # noqa: BLE001 - ZigZag has crashes of its own on valid mappings
        return f"{type(error).__name__}: {error}"
    return float(cme.energy_total * cme.latency_total2)


if __name__ == "__main__":
    main()
