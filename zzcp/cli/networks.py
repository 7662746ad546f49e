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
from zzcp.records.networks import network_data, solved_layers
from zzcp.report.networks import network_report
from zzcp.report.style import duration
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions


def check_scope(how: SearchOptions, *, progress_log: bool, resume: bool) -> None:
    """Check that nothing is asked for that a search of a whole network does not have.

    Raises
    ------
    InputError
        If something is.
    """
    for given, option in (
        (how.deterministic_limit is not None, "--deterministic-limit"),
        (progress_log, "--progress-log"),
        (how.factors != "perfect", "--factors imperfect"),
    ):
        if given:
            raise InputError(f"{option} is for --scope layers")
    if resume:
        raise InputError("--resume takes up results with scope layers only", hint="leave out --scope network")


def solve_network(
    output: Output,
    inputs: Inputs,
    tasks: Sequence[Job],
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
    how = tasks[0].options
    tasks = [task.by(time_limit=how.seconds) for task in tasks]
    with output.progress(head) as tell:
        result = search_network(
            inputs.network.name,
            tasks,
            jobs,
            lambda progress: tell(
                f"{head}: {progress_text(progress)}, {time.monotonic() - started:.0f} s{now(progress.running)}"
            ),
            tensors=tensors_of(inputs.network, tasks) if keep_on_chip else (),
            scheduler=scheduler,
        )
    solved = {id(layer) for layer in result.network_layers}
    missing = [task.layer for task in tasks if id(task.layer) not in solved]
    inputs.show(output, network_report(inputs.machine, result, missing))
    data = network_data(
        zzcp.__version__,
        inputs.machine,
        result,
        inputs.left_out,
        inputs.sources,
        tasks[0].options.stated | ({"keep_on_chip": True} if keep_on_chip else {}),
        missing,
    )
    output.finish(with_peak(data, how.memory_limit))
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
