"""``zzcp solve --scope network``: the mappings of all layers chosen together."""

from __future__ import annotations

import time
from collections.abc import Sequence

import zzcp
from zzcp.cli.inputs import Inputs
from zzcp.cli.live import now
from zzcp.cli.output import Output
from zzcp.cli.searches import exit_code, note_cached, with_peak
from zzcp.errors import InputError
from zzcp.networks.progress import NetworkProgress
from zzcp.networks.residency import tensors_of
from zzcp.networks.search import search_network
from zzcp.networks.tasks import LayerTask
from zzcp.records.networks import network_data, solved_layers
from zzcp.report.networks import network_report
from zzcp.report.style import duration
from zzcp.report.summary import left_out_report
from zzcp.report.workload import coverage
from zzcp.solver.job import SearchOptions


def check_scope(deterministic_limit: float | None, factors: str, *, progress_log: bool) -> None:
    """Check that nothing is asked for that a search of a whole network does not have.

    Raises
    ------
    InputError
        If something is.
    """
    for given, option in (
        (deterministic_limit is not None, "--deterministic-limit"),
        (progress_log, "--progress-log"),
        (factors != "perfect", "--factors imperfect"),
    ):
        if given:
            raise InputError(f"{option} is for --scope layers")


def solve_network(
    output: Output,
    inputs: Inputs,
    tasks: Sequence[LayerTask],
    objective: str,
    options: SearchOptions,
    jobs: int,
    scheduler: str | None,
    *,
    keep_on_chip: bool = False,
) -> int:
    """Solve the layers of a network together, and print and write what was found.

    Returns
    -------
    int
        The exit code.
    """
    head = f"network {inputs.network.name}"
    started = time.monotonic()
    with output.progress(head) as tell:
        result = search_network(
            inputs.machine,
            inputs.network.name,
            tasks,
            objective,  # type: ignore[arg-type]  # one of the command's choices
            options.gap,
            options,
            jobs,
            lambda progress: tell(
                f"{head}: {progress_text(progress)}, {time.monotonic() - started:.0f} s{now(progress.running)}"
            ),
            tensors=tensors_of(inputs.machine, inputs.network, tasks) if keep_on_chip else (),
            scheduler=scheduler,
        )
    if inputs.left_out:
        output.show(*coverage(inputs.network))
    solved = {id(layer) for layer in result.network_layers}
    missing = [task.layer for task in tasks if id(task.layer) not in solved]
    output.show(network_report(inputs.machine, result, missing))
    if inputs.left_out:
        output.show(left_out_report(inputs.left_out))
    data = network_data(
        zzcp.__version__,
        inputs.machine,
        result,
        inputs.left_out,
        inputs.sources,
        {
            "time_limit": options.time_limit,
            "gap": options.gap,
            "seed": options.seed,
            "engine": options.engine,
            **({"keep_on_chip": True} if keep_on_chip else {}),
        },
        missing,
    )
    output.finish(with_peak(data, options.memory_limit))
    note_cached(output, [entry.result for entry in solved_layers(result)])
    for fault in result.faults:
        output.note(f"{fault}; it was not believed")
    statuses = [entry.result.status for entry in solved_layers(result)]
    return exit_code(statuses, len(tasks), output, stopped=result.interrupted)


def progress_text(progress: NetworkProgress) -> str:
    """Return one line about how far a network is."""
    gap = "" if progress.gap is None else f", gap {progress.gap:.3%}"
    searches = f"{progress.searches:,} search{'' if progress.searches == 1 else 'es'}"
    left = "" if not progress.left else f", about {duration(progress.left)} left of this stage"
    return f"{progress.stage}, {searches}{gap}{left}"
