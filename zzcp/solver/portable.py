"""Searches in other places: jobs and results as plain data, and what is believed of a result that comes back.

A result crosses the wire without its figures: the evaluator here counts them again, and a mapping that does not cost
what was said, or a bound above it, is refused.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import zzcp.cost.conventions
import zzcp.cost.objective
import zzcp.hardware.accelerator
import zzcp.hardware.array
import zzcp.hardware.memory
import zzcp.mapping.constraints
import zzcp.mapping.freedom
import zzcp.mapping.mapping
import zzcp.mapping.spatial
import zzcp.solver.job
import zzcp.solver.options
import zzcp.solver.result
import zzcp.solver.space
import zzcp.workload.equation
import zzcp.workload.layer
from zzcp.cost.evaluate import evaluate
from zzcp.cost.objective import objective_of
from zzcp.errors import InputError
from zzcp.runs.executor import Tell
from zzcp.runs.records import Records
from zzcp.solver.job import Job
from zzcp.solver.optimize import run_job
from zzcp.solver.result import Result, as_scored

RECORDS = Records(
    (
        zzcp.cost.conventions,
        zzcp.cost.objective,
        zzcp.hardware.accelerator,
        zzcp.hardware.array,
        zzcp.hardware.memory,
        zzcp.mapping.constraints,
        zzcp.mapping.freedom,
        zzcp.mapping.mapping,
        zzcp.mapping.spatial,
        zzcp.solver.job,
        zzcp.solver.options,
        zzcp.solver.result,
        zzcp.solver.space,
        zzcp.workload.equation,
        zzcp.workload.layer,
    )
)
"""What jobs, results and progress are made of."""


class Search:
    """Searches a layer (a `zzcp.runs.executor.Work` that can be done elsewhere, see `zzcp.runs.cluster.Portable`)."""

    name = "zzcp.solver.portable:SEARCH"

    def __call__(self, job: Job, tell: Tell) -> Result:
        """Search here."""
        return run_job(job, tell)

    def pack(self, job: Job) -> Any:
        """Return a job as plain data; the cache is a matter of this machine."""
        return RECORDS.to_plain(job.by(cache=None))

    def unpack(self, data: Any) -> Job:
        """Return the job that was packed.

        Raises
        ------
        InputError
            If it is none.
        """
        job = RECORDS.from_plain(data)
        if not isinstance(job, Job):
            raise InputError("no search")
        return job

    def pack_result(self, result: Result) -> Any:
        """Return a result as plain data, without the figures of its mapping."""
        named = {entry.name: getattr(result, entry.name) for entry in fields(Result)}
        named["evaluation"] = None
        return RECORDS.to_plain(named)

    def unpack_result(self, job: Job, data: Any) -> Result:
        """Return the result that was packed, scored again.

        Raises
        ------
        InputError
            If it is none, or not what it says.
        """
        named = RECORDS.from_plain(data)
        mapping, conventions = named["mapping"], job.options.conventions
        if mapping is not None:
            scored = as_scored(mapping, conventions, job.constraints)
            named["evaluation"] = evaluate(job.accelerator, job.layer, scored, conventions)
            value = objective_of(named["evaluation"], job.goal)
            if float(value) != named["objective"] or not 0 <= named["lower_bound"] <= value:
                raise InputError(
                    f"a worker's result of layer {job.layer.name} is not what it says",
                    expected=f"an objective of {float(value)!r} and a bound not above it",
                    found=f"{named['objective']!r} and {named['lower_bound']!r}",
                )
        return Result(**named)

    def known(self, job: Job) -> Result | None:
        """Return what the cache of this machine knows."""
        cache = job.options.cache
        return None if cache is None else cache.get(job.question, job.options.gap)

    def keep(self, job: Job, result: Result) -> None:
        """Keep a result in the cache of this machine."""
        if job.options.cache is not None:
            job.options.cache.put(job.question, result, job.options.gap)

    def pack_message(self, message: Any) -> Any:
        """Return progress as plain data."""
        return RECORDS.to_plain(message)

    def unpack_message(self, data: Any) -> Any:
        """Return the progress that was packed."""
        return RECORDS.from_plain(data)


SEARCH = Search()
"""What all commands search with."""
