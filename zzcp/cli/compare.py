"""``zzcp compare``: heuristic mappers against the proven optimum of every layer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from importlib import import_module

from zzcp.cli.figures import check_figure
from zzcp.cli.live import Monitor
from zzcp.cli.output import Output, check_writable, open_output, write_text
from zzcp.cli.pool import Pool
from zzcp.cli.program import INTERRUPTED
from zzcp.cli.solve import NO_MAPPING, NOTHING_FOUND, _inputs, _task
from zzcp.cli.sources import select_layers
from zzcp.comparison import CompareTask, Comparison, RefutedProofError, compare_layer
from zzcp.comparison.run import CompareOptions, assemble, make_mappers
from zzcp.cost import CONVENTIONS
from zzcp.errors import InputError
from zzcp.io import load_accelerator, load_mapping, load_workload
from zzcp.mappers import Budget
from zzcp.report.compared import compared_report
from zzcp.report.compared_data import compared_csv, compared_data
from zzcp.report.solved import Source
from zzcp.report.summary import left_out_report
from zzcp.solver.interrupt import Interrupt


def run(
    accelerator: str | None,
    workload: str | None,
    mapping: str | None,
    layers: Sequence[str],
    mappers: str,
    lpf_limit: int,
    evaluations: int | None,
    mapper_time: float | None,
    objective: str,
    time_limit: float | None,
    deterministic_limit: float | None,
    gap: float,
    seed: int,
    conventions: str,
    jobs: int,
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
    if (accelerator is None) != (workload is None):
        missing = "--workload" if workload is None else "--accelerator"
        raise InputError(f"{missing} is missing", hint="give both files, or none for the seed example")
    chosen = make_mappers([name.strip() for name in mappers.split(",") if name.strip()], lpf_limit=lpf_limit)
    with ExitStack() as stack:
        output = stack.enter_context(open_output(json_path, quiet))
        if csv_path is not None:
            check_writable(csv_path, "--csv")
        check_figure(plot_path)
        paths = stack.enter_context(_inputs(accelerator, workload, mapping))
        machine = load_accelerator(paths[0])
        network = load_workload(paths[1])
        source = None if paths[2] is None else load_mapping(paths[2])
        tasks = [
            CompareTask(*_task(machine, layer, source, paths[2])[:3])
            for layer in select_layers(network, layers, str(paths[1]))
        ]
        limits = {
            "time_limit": time_limit,
            "deterministic_limit": deterministic_limit,
            "gap": gap,
            "seed": seed,
        }
        options = CompareOptions(
            machine,
            chosen,
            objective,  # type: ignore[arg-type]  # one of the command's choices
            CONVENTIONS[conventions],
            Budget(evaluations, mapper_time, seed),
            limits,
        )
        # until everything is written: a signal between two searches must not lose what has been found
        interrupt = stack.enter_context(Interrupt())
        comparison = _compare_all(tasks, options, jobs, quiet, interrupt)
        comparison = replace(comparison, left_out=() if layers else network.skipped)
        output.show(compared_report(comparison))
        if comparison.left_out:
            output.show(left_out_report(comparison.left_out))
        inputs = {
            role: None if path is None else Source.of(path)
            for role, path in zip(("accelerator", "workload", "mapping"), paths, strict=True)
        }
        output.finish(compared_data(comparison, inputs))
        if csv_path is not None:
            write_text(csv_path, compared_csv(comparison), "--csv")
        if plot_path is not None and comparison.layers:
            import_module("zzcp.plot.style").save(
                import_module("zzcp.plot.quality").quality_figure(comparison), plot_path
            )
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
    # the processes come first: they must not inherit the threads of the display
    with (
        Pool(work, min(jobs, len(chosen))) as pool,
        Monitor(names, quiet=quiet, verb="comparing") as monitor,
    ):
        results = pool.run(chosen, interrupt, monitor)
    found = {shape: results[number] for number, shape in enumerate(different) if number in results}
    return assemble(tasks, found, options, stopped=interrupt.requested)


def _exit_code(comparison: Comparison, wanted: int, output: Output) -> int:
    for layer, fault in dict.fromkeys(
        (entry.layer.name, fault) for entry in comparison.layers for fault in entry.result.faults
    ):
        output.note(f"layer {layer}: {fault}; it was not believed")
    if comparison.refutations:
        raise RefutedProofError(comparison)
    if comparison.interrupted:
        output.note("stopped; what had been found by then is shown")
        return INTERRUPTED
    if len(comparison.layers) < wanted:
        output.note("a process that compared a layer was ended from outside; its layers are missing")
        return NOTHING_FOUND
    statuses = {entry.result.status for entry in comparison.layers}
    return NO_MAPPING if "infeasible" in statuses else NOTHING_FOUND if "unknown" in statuses else 0
