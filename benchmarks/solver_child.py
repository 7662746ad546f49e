"""One measurement in a process of its own: ``python -m benchmarks.solver_child CASE WHAT [SECONDS]``.

Or `measure`, which `benchmarks.solver` calls in a copy of a process that has imported everything and read all cases.

WHAT is ``exact`` or ``zigzag`` (our search under these conventions), ``exact:cp-sat`` (by this engine alone), a
mapper of ZigZag (``loma6``, ``salsa0``), or some of our own mappers under ZigZag's conventions
(``our-loma6,our-salsa0``). The last lines printed are JSON objects, one for each. Times are those of the search alone,
without imports and without ZigZag's reading of its files; peak
memory is that of the process.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.solver_cases import Case, case_named
from zzcp import ZIGZAG
from zzcp.mappers import Budget, Loma, Problem, Salsa

CONVENTIONS = ("exact", "zigzag")


def main() -> None:
    """Measure, and print what was measured."""
    name, whats, *rest = sys.argv[1:]
    for what in whats.split(","):
        print(json.dumps(measure(name, what, float(rest[0]) if rest else 0)))


def measure(name: str, what: str, time_limit: float, processor_limit: float = math.inf) -> dict[str, Any]:
    """Return a measurement as plain data.

    Parameters
    ----------
    name, what : str
        The case, and what is measured.
    time_limit : float
        Of a search, in seconds.
    processor_limit : float
        A search is stopped after so many seconds of processor time.
    """
    case = case_named(name)
    search = _search(case, what, time_limit)
    if processor_limit < math.inf:
        signal.signal(signal.SIGPROF, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        signal.setitimer(signal.ITIMER_PROF, processor_limit)
    started, cpu = time.monotonic(), _cpu_seconds()
    found = search()
    found.setdefault("wall_s", round(time.monotonic() - started, 3))
    found.setdefault("cpu_s", round(_cpu_seconds() - cpu, 3))
    signal.setitimer(signal.ITIMER_PROF, 0)
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    if what == "zigzag" and found.get("mapping"):
        found["referee"] = _referee(case, found["mapping"])
    return found


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _search(case: Case, what: str, time_limit: float) -> Callable[[], dict[str, Any]]:
    """Import what is measured, and return it."""
    conventions, _, engine = what.partition(":")
    if conventions in CONVENTIONS:
        import zzcp.solver.optimize  # noqa: F401, PLC0415 - ZigZag's mappers are measured without it in memory

        return lambda: _solve(case, conventions, engine or "auto", time_limit)
    if what.startswith("our-"):
        return lambda: _our_mapper(case, what.removeprefix("our-"))
    from benchmarks.zigzag_mappers import search  # noqa: PLC0415 - an optional dependency, and slow to import

    return lambda: search(case, what)


def _our_mapper(case: Case, mapper: str) -> dict[str, Any]:
    """Search by our LOMA with a limit of loop prime factors (``loma6``), or our SALSA with a seed (``salsa0``)."""
    # another layer object: nothing is known about the setting from the mapper before
    problem = Problem(case.accelerator, replace(case.layer), case.spatial, "edp", ZIGZAG)
    number = int(mapper.removeprefix("loma").removeprefix("salsa"))
    if mapper.startswith("loma"):
        found = Loma(lpf_limit=number).map(problem, Budget())
    else:
        found = Salsa().map(problem, Budget(seed=number))
    if found.evaluation is None:
        return {"status": "nothing found", "scored": found.evaluations}
    return {
        "status": "done",
        "edp": found.objective,
        "energy": found.evaluation.energy.total,
        "latency": found.evaluation.latency.total,
        "scored": found.evaluations,
    }


def _solve(case: Case, conventions: str, engine: str, time_limit: float) -> dict[str, Any]:
    from zzcp import optimize  # noqa: PLC0415
    from zzcp.cost.conventions import CONVENTIONS as PRESETS  # noqa: PLC0415

    stages: list[list[Any]] = []
    started = time.monotonic()
    result = optimize(
        case.accelerator,
        case.layer,
        spatial=case.spatial,
        conventions=PRESETS[conventions],
        time_limit=time_limit,
        engine=engine,
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
        "engine": result.engine,
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
