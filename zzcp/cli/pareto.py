"""``zzcp pareto``: the energy-latency front of a layer."""

from __future__ import annotations

from contextlib import ExitStack

import zzcp
from zzcp.cli.figures import check_files, save_figure
from zzcp.cli.inputs import open_inputs
from zzcp.cli.output import open_output, write_text
from zzcp.cli.program import INTERRUPTED, NO_MAPPING, NOTHING_FOUND
from zzcp.cli.reading import Reading
from zzcp.cli.sources import single_layer
from zzcp.cost import CONVENTIONS
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.report.front import front_data, front_report
from zzcp.report.style import plural
from zzcp.solver import pareto
from zzcp.solver.fronts.exploration import FrontProgress


def run(
    accelerator: str,
    workload: str,
    mapping: str | None,
    chosen: str | None,
    max_dims: int,
    factors: str,
    reading: Reading,
    layer: str | None,
    points: int | None,
    supported: bool,
    time_limit: float,
    search_limit: float,
    gap: float,
    engine: str,
    seed: int,
    conventions: str,
    cache: bool,
    csv_path: str | None,
    plot_path: str | None,
    json_path: str | None,
    quiet: bool,
) -> int:
    """Find the front of a layer and print it; see `zzcp pareto --help` for the parameters.

    Returns
    -------
    int
        The exit code.
    """
    with ExitStack() as stack:
        output = stack.enter_context(open_output(json_path, quiet))
        check_files(csv_path, plot_path)
        names = () if layer is None else (layer,)
        inputs = stack.enter_context(open_inputs(accelerator, workload, mapping, names, reading, conventions))
        single = single_layer(inputs.layers, workload, "a front")
        spatial, links = inputs.unrolled(single, UnrollingOptions.of(chosen, max_dims))
        options = {
            "time_limit": time_limit,
            "search_limit": search_limit,
            "max_points": points,
            "gap": gap,
            "seed": seed,
            "engine": engine,
        }
        head = f"front of {single.name}"
        with output.progress(head) as tell:
            front = pareto(
                inputs.machine,
                single,
                spatial=spatial,
                supported_only=supported,
                conventions=CONVENTIONS[conventions],
                links=links,
                cache=cache,
                factors=factors,  # type: ignore[arg-type]  # one of the command's choices
                on_progress=lambda progress: tell(f"{head}: {progress_text(progress)}"),
                **options,  # type: ignore[arg-type]  # each of its own kind
            )
        output.show(front_report(front))
        kept = {name: value for name, value in options.items() if value is not None}
        output.finish(front_data(zzcp.__version__, inputs.machine, front, inputs.sources, kept))
        if csv_path is not None:
            write_text(csv_path, front.to_csv(), "--csv")
        if front.points:
            save_figure(plot_path, "pareto", front)
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
