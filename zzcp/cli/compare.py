"""``zzcp compare``: heuristic mappers against the proven optimum of every layer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from zzcp.cli.figures import Beside
from zzcp.cli.inputs import Files
from zzcp.cli.output import Output
from zzcp.cli.searches import exit_code, note_cached, note_faults, search_shapes
from zzcp.comparison import Comparison, RefutedProofError, compare_layer
from zzcp.comparison.run import CompareOptions, assemble, make_mappers
from zzcp.cost.objective import Objective
from zzcp.interrupt import Interrupt
from zzcp.mappers import Budget
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.report.compared import compared_report
from zzcp.report.summary import left_out_report
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions


def run(
    files: Files,
    unrollings: UnrollingOptions,
    how: SearchOptions,
    mappers: str,
    lpf_limit: int,
    evaluations: int | None,
    mapper_time: float | None,
    objective: Objective,
    jobs: int,
    beside: Beside,
    output: Output,
) -> int:
    """Compare mappers and print the tables; see `zzcp compare --help` for the parameters.

    Returns
    -------
    int
        The exit code.
    """
    names = [name.strip() for name in mappers.split(",") if name.strip()]
    options = CompareOptions(
        make_mappers(names, lpf_limit=lpf_limit), Budget(evaluations, mapper_time, how.seed)
    )
    beside.check()
    with files.open(how.conventions) as inputs:
        found_by = unrollings.with_factors(how.factors)
        unrolled = [(layer, *inputs.unrolled(layer, found_by)) for layer in inputs.layers]
        tasks = [
            Job(inputs.machine, layer, objective, spatial, links, options=how)
            for layer, spatial, links in unrolled
        ]
        # until everything is written: a signal between two searches must not lose what has been found
        with Interrupt() as interrupt:
            found = search_shapes(
                partial(compare_layer, options=options),
                tasks,
                jobs=jobs,
                quiet=output.quiet,
                interrupt=interrupt,
                verb="comparing",
            )
            comparison = assemble(tasks, found, options, stopped=interrupt.requested)
            comparison = replace(comparison, left_out=inputs.left_out)
            output.show(compared_report(comparison))
            if comparison.left_out:
                output.show(left_out_report(comparison.left_out))
            output.finish(comparison.to_dict(inputs.sources))
            beside.table(comparison.to_csv)
            if comparison.layers:
                beside.picture("quality", comparison)
    return _exit_code(comparison, len(tasks), output)


def _exit_code(comparison: Comparison, wanted: int, output: Output) -> int:
    note_faults(output, ((entry.layer, entry.result) for entry in comparison.layers))
    note_cached(output, [entry.result for entry in comparison.layers])
    if comparison.refutations:
        raise RefutedProofError(comparison)
    statuses = [entry.result.status for entry in comparison.layers]
    return exit_code(statuses, wanted, output, stopped=comparison.interrupted, done="compared")
