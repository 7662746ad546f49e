"""Entry point of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

import click

from zzcp.cli import commands
from zzcp.cli.program import Program


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"zzcp {version('zzcp')}")
        context.exit()


@click.group(
    name="zzcp",
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and leave.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Provably optimal mappings of neural-network layers on accelerators, and their exact costs.

    Inputs are ZigZag's files (hardware, workload and mapping YAML) and ONNX networks. Results go to standard output,
    messages to standard error. Exit codes: 0 done, 2 bad input or usage, 3 no valid mapping, 4 time limit without a
    mapping, 5 a result that is not what it says, 130 stopped by Ctrl-C.

    \b
    Example:
      zzcp solve -a models/accelerators/eyeriss_like.yaml -w models/workloads/resnet18.onnx \\
          -m models/mappings/eyeriss_like.yaml
    """  # noqa: D301 - \b keeps click from wrapping the example
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (
    commands.solve,
    commands.evaluate,
    commands.compare,
    commands.show,
    commands.convert,
    commands.sweep,
    commands.pareto,
    commands.explain,
    commands.verify,
    commands.plot,
    commands.report,
    commands.cache,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the interpreter with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; by default those of the process.
    """
    cli.main(None if arguments is None else list(arguments))
    raise AssertionError("the program did not leave")
