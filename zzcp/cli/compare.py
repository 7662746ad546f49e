"""``zzcp compare``: heuristic mappers against the proven optimum of every layer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from zzcp.cli.figures import check_files, save_figure
from zzcp.cli.inputs import check_both_or_none, open_inputs
from zzcp.cli.output import Output, open_output, write_text
from zzcp.cli.reading import Reading
from zzcp.cli.searches import exit_code, note_cached, search_all
from zzcp.comparison import CompareTask, Comparison, RefutedProofError, compare_layer
from zzcp.comparison.run import CompareOptions, assemble, make_mappers
from zzcp.cost import CONVENTIONS
from zzcp.interrupt import Interrupt
from zzcp.mappers import Budget
from zzcp.mapping.freedom import Freedom
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.report.compared import compared_report
from zzcp.report.summary import left_out_report
from zzcp.solver.cache import ResultCache
from zzcp.solver.job import factor_options, unrolling_without_choice


def run(
    accelerator: str | None,
    workload: str | None,
    mapping: str | None,
    chosen: str | None,
    max_dims: int,
    factors: str,
    max_padding: float | None,
    reading: Reading,
    layers: Sequence[str],
    mappers: str,
    lpf_limit: int,
    evaluations: int | None,
    mapper_time: float | None,
    objective: str,
    time_limit: float | None,
    deterministic_limit: float | None,
    gap: float,
    engine: str,
    seed: int,
    conventions: str,
    jobs: int,
    cache: bool,
    csv_path: str | None,
    plot_path: str | None,
    json_path: str | None,
    quiet: bool,
) -> int:
    """Compare mappers and print the tables; see `zzcp compare --help` for the parameters.

    Returns
    -------
    int
        The exit code.
    """
    check_both_or_none(accelerator, workload)
    compared = make_mappers(
        [name.strip() for name in mappers.split(",") if name.strip()], lpf_limit=lpf_limit
    )
    with ExitStack() as stack:
        output = stack.enter_context(open_output(json_path, quiet))
        check_files(csv_path, plot_path)
        inputs = stack.enter_context(
            open_inputs(accelerator, workload, mapping, layers, reading, conventions)
        )
        unrollings = UnrollingOptions.of(chosen or unrolling_without_choice(factors), max_dims)  # type: ignore[arg-type]
        tasks = [CompareTask(layer, *inputs.unrolled(layer, unrollings)) for layer in inputs.layers]
        limits = {
            "time_limit": time_limit,
            "deterministic_limit": deterministic_limit,
            "gap": gap,
            "seed": seed,
            "engine": engine,
            "cache": ResultCache.of(cache),
            **factor_options(factors, max_padding),  # type: ignore[arg-type]  # one of the command's choices
        }
        options = CompareOptions(
            inputs.machine,
            compared,
            objective,  # type: ignore[arg-type]  # one of the command's choices
            CONVENTIONS[conventions],
            Budget(evaluations, mapper_time, seed),
            limits,
        )
        # until everything is written: a signal between two searches must not lose what has been found
        interrupt = stack.enter_context(Interrupt())
        comparison = _compare_all(tasks, options, jobs, quiet, interrupt)
        comparison = replace(comparison, left_out=inputs.left_out)
        output.show(compared_report(comparison))
        if comparison.left_out:
            output.show(left_out_report(comparison.left_out))
        output.finish(comparison.to_dict(inputs.sources))
        if csv_path is not None:
            write_text(csv_path, comparison.to_csv(), "--csv")
        if comparison.layers:
            save_figure(plot_path, "quality", comparison)
    return _exit_code(comparison, len(tasks), output)


def _compare_all(
    tasks: Sequence[CompareTask], options: CompareOptions, jobs: int, quiet: bool, interrupt: Interrupt
) -> Comparison:
    """Compare every different layer once; layers of equal shape share the result."""
    different: dict[object, CompareTask] = {}
    for task in tasks:
        different.setdefault(task.shape, task)
    chosen = list(different.values())
    work = partial(compare_layer, options=options)
    names = [task.layer.name for task in chosen]
    results = search_all(
        work,
        chosen,
        names,
        jobs=jobs,
        quiet=quiet,
        interrupt=interrupt,
        verb="comparing",
        spreads=any(isinstance(task.spatial, Freedom) for task in chosen),
    )
    found = {shape: results[number] for number, shape in enumerate(different) if number in results}
    return assemble(tasks, found, options, stopped=interrupt.requested)


def _exit_code(comparison: Comparison, wanted: int, output: Output) -> int:
    for layer, fault in dict.fromkeys(
        (entry.layer.name, fault) for entry in comparison.layers for fault in entry.result.faults
    ):
        output.note(f"layer {layer}: {fault}; it was not believed")
    note_cached(output, [entry.result for entry in comparison.layers])
    if comparison.refutations:
        raise RefutedProofError(comparison)
    statuses = [entry.result.status for entry in comparison.layers]
    return exit_code(statuses, wanted, output, stopped=comparison.interrupted, done="compared")
