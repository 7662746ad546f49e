"""`optimize`: the public function, its checks, and the ways to an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.cost.evaluator import Evaluator
from zzcp.cost.objective import OBJECTIVES, Objective
from zzcp.errors import InputError, check_seed
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping as LayerMapping
from zzcp.mapping import SpatialMapping
from zzcp.mapping.constraints import Constraints, LayerConstraints
from zzcp.mapping.default import default_spatial
from zzcp.solver.constrained.diagnose import diagnose, is_certain
from zzcp.solver.constrained.optimize import attempt_after_all, constraints_of, optimize_constrained
from zzcp.solver.engines import NO_ENGINE, Engine, check_engine
from zzcp.solver.result import Progress, Result
from zzcp.solver.search.search import Search
from zzcp.workload import Layer

DEFAULT_TIME_LIMIT = 60.0
"""Seconds."""


def optimize(
    accelerator: Accelerator,
    layer: Layer,
    objective: Objective = "edp",
    *,
    spatial: SpatialMapping | Mapping[str, Mapping[str, int]] | None = None,
    time_limit: float | None = None,
    deterministic_limit: float | None = None,
    gap: float = 1e-4,
    workers: int = 1,
    seed: int = 0,
    conventions: CostConventions = EXACT,
    links: Mapping[str, str] | None = None,
    constraints: Constraints | LayerConstraints | Mapping[str, Any] | None = None,
    hint: LayerMapping | None = None,
    engine: Engine = "auto",
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Return the best mapping of a layer on an accelerator, with a proven bound.

    Parameters
    ----------
    accelerator, layer
        The machine and the layer.
    objective : str
        ``edp`` (energy-delay product), ``energy``, ``latency`` or ``ed2`` (energy times the square of the delay).
    spatial : SpatialMapping or dict, optional
        The unrolling; else that of the machine's file, or a full one (`default_spatial`).
    time_limit : float, optional
        Seconds; 60 by default, unless there is a deterministic limit.
    deterministic_limit : float, optional
        Limit of the solver's work, in its own measure (1 is about half a minute): with one worker the result is then
        the same every time, even if the search stops at this limit.
    gap : float
        Relative distance to the bound at which a mapping counts as optimal. Where that takes little, the search goes on
        to a hundredth of it.
    workers : int
        Threads of the solver.
    seed : int
        Of all random choices; with one worker and no time limit in effect the result depends on nothing else.
    conventions : CostConventions
        How to count.
    links : mapping of str to str, optional
        Memory operand of every operand.
    constraints : Constraints or dict, optional
        What is asked of the mapping; the bound then holds for the mappings that obey (see ``docs/constraints.md``).
    hint : Mapping, optional
        A mapping to start from; one that does not obey the constraints is not used.
    engine : str
        ``cp-sat`` or ``ranges`` for one of the two searches alone, ``auto`` for both. The search by ranges leaves a gap
        where it cannot close it, and nearly all of it where it does not apply (see ``docs/performance-solver.md``).
    on_progress : callable, optional
        Called with a `Progress` whenever incumbent or bound improve, possibly from another thread.

    Returns
    -------
    Result
        Also after Ctrl-C or at the time limit: the best so far, with its gap.

    Raises
    ------
    InputError
        If the arguments are out of range.
    MappingError
        If the unrolling does not fit the array or the layer.
    """
    if objective not in OBJECTIVES:
        raise InputError("unknown objective", expected=", ".join(OBJECTIVES), found=str(objective))
    if time_limit is None:
        time_limit = DEFAULT_TIME_LIMIT if deterministic_limit is None else math.inf
    if deterministic_limit is None:
        deterministic_limit = math.inf
    if not deterministic_limit > 0:
        raise InputError(
            "deterministic limit out of range", expected="a positive number", found=str(deterministic_limit)
        )
    if not time_limit > 0:
        raise InputError(
            "time limit out of range", expected="a positive number of seconds", found=str(time_limit)
        )
    if not 0 <= gap < 1:
        raise InputError("gap out of range", expected="0 <= gap < 1", found=str(gap))
    if workers < 1:
        raise InputError("workers out of range", expected="at least 1", found=str(workers))
    check_seed(seed)
    check_engine(engine)
    if spatial is None:
        spatial = default_spatial(accelerator, layer)
    elif not isinstance(spatial, SpatialMapping):
        spatial = SpatialMapping.from_dict(spatial)
    asked = constraints_of(constraints, layer)
    search_with = partial(
        Search,
        workers=workers,
        seed=seed,
        on_progress=on_progress,
        deterministic_limit=deterministic_limit,
        engine=engine,
    )
    setting = accelerator, layer, spatial, conventions, links
    if asked:
        return optimize_constrained(setting, asked, objective, time_limit, gap, search_with, hint, engine)
    search: Search = search_with(Evaluator(*setting), objective, time_limit, gap)
    shortage = diagnose(search.evaluator.model) if hint is None else None
    if shortage is not None:
        certain_of_it = is_certain(search.evaluator.model)
        attempt = None if certain_of_it else attempt_after_all(setting, search_with, time_limit, engine)
        if attempt is None or attempt.answer == "none":
            return replace(
                search.result("infeasible", shortage), engine=attempt.engine if attempt else NO_ENGINE
            )
        if attempt.mapping is None:
            return search.result("unknown")
        hint = attempt.mapping
    return search.run(hint)
