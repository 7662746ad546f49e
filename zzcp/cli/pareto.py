"""``zzcp pareto``: the energy-latency front of a layer."""

from __future__ import annotations

from rich.console import Group

import zzcp
from zzcp.cli.figures import Beside
from zzcp.cli.inputs import Files
from zzcp.cli.output import Output
from zzcp.cli.program import INTERRUPTED, NO_MAPPING, NOTHING_FOUND
from zzcp.cli.sources import single_layer
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.report.accelerator import costs_lines
from zzcp.report.front import front_data, front_report
from zzcp.report.style import plural
from zzcp.solver.fronts.exploration import FrontProgress
from zzcp.solver.fronts.pareto import front_of
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions


def run(
    files: Files,
    unrollings: UnrollingOptions,
    how: SearchOptions,
    points: int | None,
    supported: bool,
    search_limit: float,
    beside: Beside,
    output: Output,
) -> int:
    """Find the front of a layer and print it; see `zzcp pareto --help` for the parameters.

    Returns
    -------
    int
        The exit code.
    """
    beside.check()
    with files.open(how.conventions) as inputs:
        layer = single_layer(inputs.layers, files.workload, "a front")
        spatial, links = inputs.unrolled(layer, unrollings)
        job = Job(inputs.machine, layer, "energy", spatial, links, options=how)
        head = f"front of {layer.name}"
        with output.progress(head) as tell:
            front = front_of(
                job,
                search_limit,
                max_points=points,
                supported_only=supported,
                on_progress=lambda progress: tell(f"{head}: {progress_text(progress)}"),
            )
        output.show(Group(front_report(front), *costs_lines(inputs.machine)))
        limits = {"time_limit": how.time_limit, "search_limit": search_limit}
        stated = limits | ({} if points is None else {"max_points": points}) | how.stated
        output.finish(front_data(zzcp.__version__, inputs.machine, front, inputs.sources, stated))
        beside.table(front.to_csv)
        if front.points:
            beside.picture("pareto", front)
    if front.cached:
        output.note("the front is from the cache, scored again")
    if front.interrupted:
        output.note("stopped; what had been found by then is shown")
        return INTERRUPTED
    if front.points:
        return 0
    return NO_MAPPING if front.diagnosis is not None else NOTHING_FOUND


def progress_text(progress: FrontProgress) -> str:
    """Return one line about how far a front is known."""
    return (
        f"{plural(progress.points, 'point')} after {progress.solved} search{'' if progress.solved == 1 else 'es'}, "
        f"{plural(progress.open, 'range')} open, {progress.seconds:.0f} s"
    )
