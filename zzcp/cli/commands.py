"""The commands: names, options and help. What they do is imported when they run, so that help comes at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import click

from zzcp.cli import options
from zzcp.cli.reading import Reading

F = Callable[..., Any]


def _command(*parts: Callable[[F], F]) -> Callable[[F], click.Command]:
    """Return a decorator that makes a command of a function, named as its module; its text is the help.

    Parameters
    ----------
    *parts : callable
        Its arguments and options; those of the output follow.
    """

    def make(function: F) -> click.Command:
        @wraps(function)
        def run(**arguments: Any) -> Any:
            return _run(function.__name__, arguments)

        return click.command()(options.add_options(*parts, options.json, options.quiet)(run))

    return make


def _run(name: str, arguments: dict[str, Any]) -> Any:
    """Run the module of a command, with its output, and with what belongs together in its arguments as one."""
    if "dimensions" in arguments:
        parts = (arguments.pop(part) for part in ("dimensions", "precision", "operators"))
        arguments["reading"] = Reading(*parts)
    if "engine" in arguments:
        import_module("zzcp.cli.asked").gather(arguments)
    elif "no_cache" in arguments:
        arguments["cache"] = not arguments.pop("no_cache")
    run = import_module(f"zzcp.cli.{name}").run
    to = arguments.pop("json_path"), arguments.pop("quiet")
    with import_module("zzcp.cli.output").open_output(*to) as output:
        return run(**arguments, output=output)


@_command(
    click.argument("files", nargs=-1, required=True, metavar="FILE..."),
    options.reading,
    click.option(
        "--summary", is_flag=True, help="Of workloads show only layers, operations, and what is left out."
    ),
    click.option(
        "--mapping-skeleton",
        "skeleton",
        is_flag=True,
        help="Of accelerators print a mapping file to begin with: entries by kind of layer, all unrollings allowed.",
    ),
)
def show() -> None:
    """Print what files hold: accelerators, workloads, mappings.

    What a file is shows in its content. An accelerator is printed as a tree of its memories, a workload as a table of
    its layers with all that was left out, a full mapping or a result as a loop nest: one column per operand says which
    memory holds what the loops below run over. Given together with an accelerator, memories have their names.

    \b
    Examples:
      zzcp show models/accelerators/eyeriss_like.yaml
      zzcp show models/workloads/resnet18.onnx --json layers.json
      zzcp show network.onnx --summary --dim sequence=128
      zzcp show machine.yaml --mapping-skeleton > mapping.yaml
      zzcp show models/accelerators/seed_eyeriss_1_2_4.yaml examples/seed/conv_1_2_4.yaml
    """  # noqa: D301


@_command(
    click.argument("sources", nargs=-1, required=True, metavar="IN..."),
    click.option(
        "-o", "--output", "target", required=True, metavar="OUT", help="The file; '-' for standard output."
    ),
    click.option(
        "--to",
        type=click.Choice(("timeloop", "accelforge")),
        help="Of a result: write a mapping, its machine and its layer as a file of that tool.",
    ),
    click.option(
        "--layer", "layers", multiple=True, metavar="NAME", help="With --to: the layer, by name or id."
    ),
    click.option(
        "--take",
        type=click.Choice(("machine", "network")),
        help="What is wanted of files that describe both.",
    ),
    options.assigned("--operand", "operands", "TENSOR=I1", "What a tensor is: I1, I2 (weights) or O."),
    options.assigned("--set", "settings", "NAME=VALUE", "Value of a variable of AccelForge's templates."),
    options.reading,
)
def convert() -> None:
    """Write a network or a machine of another tool in ZigZag's formats, or a mapping for another tool.

    Of an ONNX file, a problem of Timeloop or a workload of AccelForge every layer becomes an entry of a workload in
    YAML, which all commands read. An architecture of Timeloop (with its energies, ERT, and its constraints as further
    files), one of AccelForge, or a core of Stream becomes a hardware file. What was assumed, and what has no
    counterpart, stands at the top as a comment. With --to, a mapping of a result becomes a file that the other tool
    scores.

    \b
    Examples:
      zzcp convert models/workloads/resnet18.onnx -o resnet18.yaml
      zzcp convert network.onnx -o network.yaml --dim sequence=128 --precision W=8,I=8,O=16,O_final=8
      zzcp convert arch.yaml ERT.yaml constraints.yaml -o machine.yaml
      zzcp convert problem.yaml -o network.yaml --precision W=8,I=8,O=24,O_final=8
      zzcp convert result.json --layer conv --to accelforge -o spec.yaml
    """  # noqa: D301


@_command(
    options.accelerator(),
    options.workload(),
    click.option(
        "-m",
        "--mapping",
        required=True,
        metavar="FILE",
        help="A full mapping, a ZigZag mapping file with a complete temporal_ordering, or a result in JSON.",
    ),
    options.reading,
    options.layers,
    options.conventions,
    click.option(
        "--allow-invalid",
        is_flag=True,
        help="Score mappings that overflow a memory or do not cover the layer, too, and mark them.",
    ),
)
def evaluate() -> None:
    """Compute the exact cost of given mappings.

    Prints energy and latency and where they come from: by memory and operand, by transfer and port. Of several layers
    a table is printed, of those named with --layer everything. A mapping file of ZigZag states the order of the loops
    only; what each memory holds is then chosen as ZigZag's allocator does, from the innermost memory outwards.

    \b
    Examples:
      zzcp evaluate -a models/accelerators/seed_eyeriss_1_2_4.yaml \\
          -w models/workloads/seed_workload.yaml --layer conv -m examples/seed/conv_1_2_4.yaml
      zzcp evaluate -a machine.yaml -w network.onnx -m result.json --conventions zigzag --json -
    """  # noqa: D301


@_command(
    options.accelerator(required=False),
    options.workload(required=False),
    options.spatial(),
    options.unrollings,
    options.max_padding,
    options.reading,
    options.layers,
    click.option(
        "--constraints",
        metavar="FILE",
        help="What the mappings must obey: loop order, tile sizes, bypass, buffering, budgets (docs/constraints.md).",
    ),
    options.objective,
    options.one_of(
        "--scope",
        ("layers", "network"),
        "Minimise the objective of every layer, or that of the sums of energy and latency over all of them.",
    ),
    click.option(
        "--keep-on-chip",
        is_flag=True,
        help="With --scope network: tensors between layers may stay in memories of the chip.",
    ),
    options.layer_limits(
        "for each layer",
        "(1 is some seconds): the result is the same every time, even if the limit is reached",
    ),
    options.search,
    options.jobs("Layers solved", "; processes that share one layer's unrollings"),
    options.scheduler,
    options.memory_limit,
    click.option(
        "--progress-log",
        is_flag=True,
        help="Keep the progress of every search in the JSON, for zzcp plot progress; its times vary.",
    ),
    options.no_cache,
    click.option(
        "--resume",
        metavar="JSON",
        help="Go on with the result of a run that was stopped: its proven layers are not searched again.",
    ),
)
def solve() -> None:
    """Find the best mapping of every layer, and prove that there is none better.

    For each layer the loop order, the memory allocation and the double buffering with the lowest objective under the
    exact evaluator are searched, over all spatial mappings, or for the one that a file gives. Shown are the cost, the
    proven lower bound and the gap between them. Layers of equal shape are solved once, and not again in later runs
    (zzcp cache --help). Ctrl-C stops and shows the best so far. Without files the seed example is solved. With
    --constraints the best mapping that obeys them is found, or what contradicts what. With --scope network the layers'
    mappings are chosen together, with one bound for the totals.

    \b
    Examples:
      zzcp solve
      zzcp solve -a models/accelerators/tpu_like.yaml -w models/workloads/resnet18.onnx \\
          -m models/mappings/tpu_like.yaml -j 2 --json result.json
      zzcp solve -a models/accelerators/gemmini_like.yaml -w models/workloads/gemm_512.yaml
      zzcp solve -a machine.yaml -w network.onnx --scope network -j 2 --json network.json
    """  # noqa: D301


@_command(
    options.accelerator(),
    click.option(
        "-w",
        "--workload",
        "workloads",
        required=True,
        multiple=True,
        metavar="FILE",
        help="Workload file, or ONNX; may be given several times.",
    ),
    options.spatial(),
    options.unrollings,
    options.max_padding,
    options.reading,
    options.layers,
    click.option(
        "--vary",
        multiple=True,
        metavar="FIELD=VALUES",
        help="A field with its values: a,b,c or low:high:xFACTOR or low:high:+STEP. May be given several times.",
    ),
    click.option(
        "--list-fields", is_flag=True, help="Print the fields that can be varied, and solve nothing."
    ),
    click.option(
        "--objective",
        "objectives",
        default="edp",
        show_default=True,
        metavar="NAME[,NAME]",
        help="What is minimised: edp, energy, latency, ed2, or several of them.",
    ),
    options.seconds("each search", 60.0),
    options.search,
    options.jobs("Points solved"),
    options.scheduler,
    options.memory_limit,
    click.option(
        "--db",
        default="zzcp-sweep.sqlite",
        show_default=True,
        metavar="FILE",
        help="SQLite file that keeps every result as it comes; ':memory:' keeps none.",
    ),
    click.option(
        "--costs",
        metavar="MODEL",
        help="Energies and areas of the memories whose size or width is varied, by table, cacti, cacti:NM or "
        "zigzag-cacti; with a clock, as in table@1GHz, what they leak, too.",
    ),
    options.budget(
        "--best-under",
        ("area", "power"),
        "Print the best machine within a budget of area or power (pJ per cycle).",
    ),
    click.option(
        "--each-alone",
        is_flag=True,
        help="Search every point by itself, without the mappings and bounds of better and worse machines.",
    ),
    options.beside,
    options.no_cache,
)
def sweep() -> None:
    """Solve layers on a grid of machines, every point to proven optimality.

    Any figure of the machine can be varied: sizes, bandwidths, energies, latencies, the array; and precisions and loop
    sizes of the layers (--list-fields prints all). Sizes are in bits, or with a unit: 512b, 64B, 4KiB, 64KB (1000
    bytes each). Several fields with commas between them change together, with / between their values. The grid is the
    product of all --vary. What is found is kept as it comes: the same command goes on where a stopped one was. Along
    sizes, energies and latencies the output says whether the optima are monotone, as they must be; points use each
    other's mappings and bounds there (docs/sweep.md).

    By default a memory costs what the file says, whatever its size. With --costs it costs what a model says of its
    size and width: table is built in (45 nm), cacti needs the package hwcomponents-cacti, zigzag-cacti zigzag-dse.

    \b
    Examples:
      zzcp sweep -a models/accelerators/eyeriss_like.yaml -w models/workloads/gemm_512.yaml \\
          --vary memories.glb.size=64KiB:256KiB:x2 --objective edp,energy -j 2
      zzcp sweep -a models/accelerators/seed_eyeriss_1_2_4.yaml -w models/workloads/seed_workload.yaml \\
          --vary memories.sram_8KB.size,memories.sram_64KB.size=1KB/2KB,8KB/64KB --csv table.csv
      zzcp sweep -a models/accelerators/eyeriss_like.yaml -w models/workloads/gemm_512.yaml \\
          --vary memories.glb.size=32KiB:512KiB:x2 --costs table --best-under area=0.5
    """  # noqa: D301


@_command(
    click.argument("result", metavar="RESULT"),
    options.accelerator(required=False, otherwise="; by default the machine in the result"),
    options.workload(required=False, otherwise="; by default the layers in the result"),
    options.reading,
    options.layers,
    click.option(
        "--no-bound", is_flag=True, help="Check mappings and figures only: a matter of milliseconds."
    ),
    options.seconds("the proof of each bound", 60.0),
    options.seed(1, "Added to the seed of the result: other random choices are made"),
    options.engine,
    options.jobs("Bounds proven", "; processes that share one layer's unrollings"),
)
def verify() -> None:
    """Check a result of solve: its mappings, its figures and its bounds.

    Every mapping is checked (it covers the layer, its operands agree on the order, it fits) and scored again by the
    exact evaluator; every figure in the file is compared, and each that differs is printed, recorded and recomputed.
    Then a fresh model, with other parameters of the solver and another seed, is asked for a mapping that is better than
    the bound. The result is checked against the machine and the layers that it contains, or against the files given
    here. Exit code 0 if all is right, 4 if a bound could not be proven again within the time limit, 5 if anything is
    wrong.

    \b
    Examples:
      zzcp solve --json result.json
      zzcp verify result.json
      zzcp verify result.json -a models/accelerators/seed_eyeriss_1_2_4.yaml \\
          -w models/workloads/seed_workload.yaml --no-bound
    """  # noqa: D301


@_command(
    options.accelerator(required=False),
    options.workload(required=False),
    options.spatial(),
    options.unrollings,
    options.max_padding,
    options.reading,
    options.layers,
    click.option(
        "--mappers",
        default="loma,salsa,random,genetic,greedy",
        show_default=True,
        metavar="NAME[,NAME...]",
        help="The mappers; zigzag-loma and zigzag-salsa, too, where zigzag-dse is installed.",
    ),
    click.option(
        "--lpf-limit",
        type=click.IntRange(min=1),
        default=6,
        show_default=True,
        metavar="N",
        help="Most loop prime factors of LOMA.",
    ),
    click.option(
        "--evaluations",
        type=click.IntRange(min=1),
        metavar="N",
        help="Candidates that a mapper may try for a layer.  [default: each mapper's own rule]",
    ),
    click.option(
        "--mapper-time",
        type=options.positive,
        metavar="S",
        help="Seconds that a mapper may take for a layer.  [default: each mapper's own rule]",
    ),
    options.objective,
    options.layer_limits("of the solver for each layer", "(roughly seconds)"),
    options.search,
    options.jobs("Layers compared", "; processes that share one layer's unrollings"),
    options.beside,
    options.no_cache,
)
def compare() -> None:
    """Compare heuristic mappers with the proven optimum: what they find, how far off, in what time.

    Every layer is solved, then mapped by every mapper in the same unrolling (with --spatial auto in that of the
    optimum over all unrollings, from which distances are); all mappings are scored by the same exact
    evaluator. Where the solver does not close its gap, distances are from the proven lower bound, and marked. The
    picture shows quality against time. Layers of equal shape are compared once. Ctrl-C keeps what is done. Without
    files the seed example is compared.

    \b
    Examples:
      zzcp compare
      zzcp compare -a models/accelerators/eyeriss_like.yaml -w models/workloads/resnet18_block.yaml \\
          -m models/mappings/eyeriss_like.yaml --mappers loma,salsa --lpf-limit 7 --csv table.csv
      zzcp compare --layer conv --mapper-time 10 --plot quality.png
    """  # noqa: D301


@_command(
    click.argument("files", nargs=-1, required=True, metavar="RESULT [RESULT]"),
    click.option(
        "-a",
        "--accelerator",
        "accelerators",
        multiple=True,
        metavar="FILE",
        help="Hardware file, where the result does not hold its machine; twice for two results.",
    ),
    options.workload(required=False),
    options.reading,
    options.layers,
    click.option(
        "--objective",
        type=click.Choice(options.OBJECTIVES),
        help="What a change of the machine should improve; by default what the result was solved for.",
    ),
    click.option(
        "--what-if/--no-what-if",
        default=True,
        help="Say what twice the bandwidth of each port, or capacity of each memory, would bring.",
    ),
    click.option(
        "--resolve",
        is_flag=True,
        help="Search the best mapping for every changed machine, too, rather than keep the mapping.",
    ),
    options.seconds("each search", 60.0),
    options.no_cache,
)
def explain() -> None:
    """Say where the cycles and the energy of a result go; of two results, what makes the difference.

    RESULT is what `zzcp solve --json RESULT` wrote. Of one result: what is loaded before the first operation, over
    which links and ports, and what hides behind the computation; which port stops the array, and for which transfer;
    which memory takes the energy; what would help most. Of two results: what differs, component by component and link
    by link, and why.

    \b
    Examples:
      zzcp explain result.json --layer conv
      zzcp explain small.json large.json --json difference.json
      zzcp explain result.json --resolve --time-limit 30
    """  # noqa: D301


@_command(
    options.accelerator(),
    options.workload(),
    options.spatial("spatial mapping"),
    options.unrollings,
    options.reading,
    click.option(
        "--layer",
        "layers",
        metavar="NAME",
        callback=lambda _context, _option, name: () if name is None else (name,),
        help="The layer, by name or id; needed where there are several.",
    ),
    click.option(
        "--points", type=click.IntRange(min=1), metavar="N", help="Stop with N points, spread over the front."
    ),
    click.option("--supported", is_flag=True, help="Find only the points on the convex hull."),
    options.seconds("the whole front", 600.0),
    options.seconds("a single search", 60.0, "--search-limit"),
    options.search,
    options.no_cache,
    options.beside,
)
def pareto() -> None:
    """Find the energy-latency front of a layer: every mapping that no other beats in both, and the proof.

    Where no file gives the unrolling it is chosen, too: the front is then that of all unrollings and their mappings.

    A point may be missing only if it takes less energy than the front by less than the gap, or at the latencies that
    the output names. Ctrl-C stops and shows the front so far. A front that is complete is kept, and a second run takes
    it from there (zzcp cache --help).

    \b
    Examples:
      zzcp pareto -a models/accelerators/eyeriss_like.yaml -w models/workloads/gemm_512.yaml --points 10
      zzcp pareto -a models/accelerators/seed_eyeriss_1_2_4.yaml -w models/workloads/seed_workload.yaml \\
          -m models/mappings/seed_mapping.yaml --layer conv --csv front.csv --plot front.png
    """  # noqa: D301


@_command(
    click.argument("action", type=click.Choice(("info", "clear"))),
)
def cache() -> None:
    """Show or clear the solved layers and fronts that are kept between runs.

    What a command solves is kept in a file: the mapping and its bound, under a hash of everything that they depend on.
    The next command that asks the same takes it from there, after scoring the mapping again; another version of zzcp
    does not. The file is in the user's folder for caches, or in that which the environment variable ZZCP_CACHE_DIR
    names. --no-cache, or ZZCP_NO_CACHE=1, does without.

    \b
    Examples:
      zzcp cache info
      zzcp cache clear
    """  # noqa: D301


@_command(
    click.argument(
        "kind", type=click.Choice(("latency", "energy", "nest", "hierarchy", "progress", "sweep", "pareto"))
    ),
    click.argument("files", nargs=-1, required=True, metavar="FILE..."),
    click.option(
        "-o", "--output", "picture", required=True, metavar="FILE", help="The picture: PNG, SVG or PDF."
    ),
    options.layers,
    options.labels,
    click.option("--title", metavar="TEXT", help="Title over the picture."),
    click.option("--log", is_flag=True, help="Logarithmic axes; in place of bars, points."),
    click.option("--share", is_flag=True, help="Shares in place of amounts (latency, energy)."),
    click.option("--size", metavar="WxH", help="Width and height in inches, such as 7x3.5."),
    click.option(
        "--dpi", type=click.IntRange(30, 1200), default=150, show_default=True, help="Dots per inch of a PNG."
    ),
)
def plot() -> None:
    """Draw a picture of results.

    KIND says of what: latency or energy of layers, cut into their parts, for one result or several side by side; the
    loop nest of a mapping; the memory hierarchy of a machine; the progress of a search (solve --progress-log); or
    the JSON of sweep or pareto. Needs matplotlib: pip install 'zzcp[plot]'.

    \b
    Examples:
      zzcp plot latency small.json large.json -o latency.pdf --label "1/2/4 KB" --label "8/64/1024 KB"
      zzcp plot nest result.json --layer conv -o nest.png
      zzcp plot hierarchy models/accelerators/tpu_like.yaml -o tpu.svg
    """  # noqa: D301


@_command(
    click.argument("files", nargs=-1, required=True, metavar="FILE..."),
    click.option("-o", "--output", "page", required=True, metavar="FILE", help="The page, in HTML."),
    click.option("--title", metavar="TEXT", help="Title of the page."),
    options.labels,
)
def report() -> None:
    """Write one HTML page about results, sweeps or fronts: tables, charts, loop nests, explanation, sources.

    The files are what solve, sweep and pareto write with --json. The page needs no other file and no network; it holds
    the library that draws the charts, some 5 MB. Needs Jinja2 and Plotly: pip install 'zzcp[report]'.

    \b
    Examples:
      zzcp report result.json -o result.html
      zzcp report small.json large.json -o both.html --label "1/2/4 KB" --label "8/64/1024 KB"
      zzcp report sweep.json front.json -o machine.html
    """  # noqa: D301
