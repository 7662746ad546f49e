"""The commands: names, options and help. What they do is imported when they run, so that help comes at once."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import click

CONVENTIONS = ("exact", "zigzag", "zigzag-3.0")
"""Names of the presets of `zzcp.cost.CONVENTIONS`."""

F = TypeVar("F", bound=Callable[..., Any])

_json = click.option(
    "--json",
    "json_path",
    metavar="FILE",
    help="Write the result as JSON, too; '-' for standard output, in place of the report.",
)
_quiet = click.option(
    "-q", "--quiet", is_flag=True, help="Show no progress and no notes, only results and errors."
)
_accelerator = click.option("-a", "--accelerator", required=True, metavar="FILE", help="Hardware file.")
_maybe_accelerator = click.option("-a", "--accelerator", metavar="FILE", help="Hardware file.")
_maybe_workload = click.option("-w", "--workload", metavar="FILE", help="Workload file, or ONNX.")
_workload = click.option("-w", "--workload", required=True, metavar="FILE", help="Workload file, or ONNX.")
_layers = click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="NAME",
    help="A layer, by name or id; may be given several times.",
)
_conventions = click.option(
    "--conventions",
    type=click.Choice(CONVENTIONS),
    default=CONVENTIONS[0],
    show_default=True,
    help="How costs are counted: what the machine does, or the bookkeeping of ZigZag 3.9 or 3.0.",
)


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return a decorator that adds options in their order."""

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def _run(name: str, arguments: dict[str, Any]) -> Any:
    """Run the module of a command."""
    return import_module(f"zzcp.cli.{name}").run(**arguments)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_options(_json, _quiet)
def show(**arguments: Any) -> Any:
    """Print what files hold: accelerators, workloads, mappings.

    What a file is shows in its content. An accelerator is printed as a tree of its memories, a workload as a table of
    its layers with all that was left out, a full mapping or a result as a loop nest: one column per operand says which
    memory holds what the loops below run over. Given together with an accelerator, memories have their names.

    \b
    Examples:
      zzcp show models/accelerators/eyeriss_like.yaml
      zzcp show models/workloads/resnet18.onnx --json layers.json
      zzcp show models/accelerators/seed_eyeriss_1_2_4.yaml examples/seed/conv_1_2_4.yaml
    """  # noqa: D301
    return _run("show", arguments)


@click.command()
@_options(
    _accelerator,
    _workload,
    click.option(
        "-m",
        "--mapping",
        required=True,
        metavar="FILE",
        help="A full mapping, a ZigZag mapping file with a complete temporal_ordering, or a result in JSON.",
    ),
    _layers,
    _conventions,
    click.option(
        "--allow-invalid",
        is_flag=True,
        help="Score mappings that overflow a memory or do not cover the layer, too, and mark them.",
    ),
    _json,
    _quiet,
)
def evaluate(**arguments: Any) -> Any:
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
    return _run("evaluate", arguments)


@click.command()
@_options(
    _maybe_accelerator,
    _maybe_workload,
    click.option(
        "-m",
        "--mapping",
        metavar="FILE",
        help="Mapping file with the spatial mappings; by default the machine's, or a full array.",
    ),
    _layers,
    click.option(
        "--objective",
        type=click.Choice(("edp", "energy", "latency")),
        default="edp",
        show_default=True,
        help="What is minimised: energy-delay product, energy or latency.",
    ),
    click.option(
        "--time-limit",
        type=click.FloatRange(min=0, min_open=True),
        default=60.0,
        show_default=True,
        metavar="S",
        help="Seconds for each layer.",
    ),
    click.option(
        "--gap",
        type=click.FloatRange(0, 1, max_open=True),
        default=1e-4,
        show_default=True,
        metavar="G",
        help="Relative distance to the proven bound that counts as optimal.",
    ),
    click.option(
        "--seed", type=int, default=0, show_default=True, metavar="N", help="Of all random choices."
    ),
    _conventions,
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Layers solved side by side.",
    ),
    _json,
    _quiet,
)
def solve(**arguments: Any) -> Any:
    """Find the best mapping of every layer, and prove that there is none better.

    For each layer the loop order, the memory allocation and the double buffering with the lowest objective under the
    exact evaluator are searched, for the given spatial mapping. Shown are the cost, the proven lower bound and the
    gap between them. Layers of equal shape are solved once. Ctrl-C stops and shows the best so far. Without files the
    seed example is solved.

    \b
    Examples:
      zzcp solve
      zzcp solve -a models/accelerators/tpu_like.yaml -w models/workloads/resnet18.onnx \\
          -m models/mappings/tpu_like.yaml -j 2 --json result.json
    """  # noqa: D301
    return _run("solve", arguments)
