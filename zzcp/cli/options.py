"""The options that several commands have, each defined once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, Literal, TypeVar

import click

from zzcp.runs.cores import cores

CONVENTIONS = ("exact", "zigzag", "zigzag-3.0")
"""Names of the presets of `zzcp.cost.CONVENTIONS`."""
OBJECTIVES = ("edp", "energy", "latency", "ed2")
"""What can be minimised."""
ENGINES = ("auto", "cp-sat", "ranges")
"""Names of `zzcp.solver.engines.ENGINES`."""
FACTORS = ["perfect", "imperfect"]
"""Names of `zzcp.mapping.mapping.FACTORS`."""

SPATIAL = ["auto", "full"]
"""Names of `zzcp.mapping.unrollings.Choice`."""

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

positive = click.FloatRange(min=0, min_open=True)
"""Any amount of time."""


def add_options(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return a decorator that adds options in their order."""

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def one_of(name: str, names: Sequence[str], help_text: str) -> Callable[[F], F]:
    """Return an option that is one of some words, the first one by default."""
    return click.option(name, type=click.Choice(names), default=names[0], show_default=True, help=help_text)


json = click.option(
    "--json",
    "json_path",
    metavar="FILE",
    help="Write the result as JSON, too; '-' for standard output, in place of the report.",
)
quiet = click.option(
    "-q", "--quiet", is_flag=True, help="Show no progress and no notes, only results and errors."
)
_csv = click.option(
    "--csv", "csv_path", metavar="FILE", help="Write the table as CSV, too; '-' for standard output."
)
_picture = click.option(
    "--plot", "plot_path", metavar="FILE", help="Draw a picture, too: PNG, SVG or PDF (needs matplotlib)."
)
layers = click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="NAME",
    help="A layer, by name or id; several names may follow, or the option is given again.",
)
labels = click.option(
    "--label", "labels", multiple=True, metavar="TEXT", help="What a result is called; once for each file."
)
conventions = one_of(
    "--conventions",
    CONVENTIONS,
    "How costs are counted: what the machine does, or the bookkeeping of ZigZag 3.9 or 3.0.",
)
objective = one_of(
    "--objective",
    OBJECTIVES,
    "What is minimised: energy-delay product, energy, latency, or energy times delay squared.",
)
engine = one_of(
    "--engine",
    ENGINES,
    "The search: CP-SAT alone, the search by ranges of energy alone, or whichever is faster.",
)
_chosen_spatial = click.option(
    "--spatial",
    "chosen",
    type=click.Choice(SPATIAL),
    help=(
        "auto: the unrolling is chosen, too, whatever files say, and the bound holds for all unrollings; hints of the "
        "mapping file bound them. full: nothing is chosen; a full unrolling takes the place of one that no file gives. "
        "By default that of the mapping file or of the machine's, and chosen where there is neither."
    ),
)
_max_dims = click.option(
    "--max-dims",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    metavar="N",
    help="Where the unrolling is chosen: layer dimensions on one array dimension, at most.",
)
_factors = one_of(
    "--factors",
    FACTORS,
    "Loops that divide, or also loops whose last tiles are smaller; the bound holds for all of them.",
)
max_padding = click.option(
    "--max-padding",
    type=click.FloatRange(0),
    metavar="SHARE",
    help="With --factors imperfect: loops come to at most this share more than the iterations; all that can win.",
)
no_cache = click.option(
    "--no-cache",
    is_flag=True,
    envvar="ZZCP_NO_CACHE",
    help="Solve every layer, also those solved in an earlier run, and keep nothing.",
)
_gap = click.option(
    "--gap",
    type=click.FloatRange(0, 1, max_open=True),
    default=1e-4,
    show_default=True,
    metavar="G",
    help="Relative distance to the proven bound that counts as optimal.",
)


_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]i?)?B", re.IGNORECASE)
_PREFIXES = "kmgt"


def _bytes(_context: click.Context, _option: click.Parameter, given: str | None) -> int | None:
    if given is None:
        return None
    match = _SIZE.fullmatch(given.strip())
    if match is None:
        raise click.BadParameter(f"expected bytes with a unit, such as 4GB or 512MiB, found {given[:80]!r}")
    prefix = (match[2] or "").lower()
    step = 1024 if prefix.endswith("i") else 1000
    size = int(Fraction(match[1]) * step ** (_PREFIXES.index(prefix[0]) + 1 if prefix else 0))
    if size < 1:
        raise click.BadParameter(f"expected a positive amount of memory, found {given[:80]!r}")
    return size


memory_limit = click.option(
    "--memory-limit",
    metavar="SIZE",
    callback=_bytes,
    help="Memory of all searches that run side by side, such as 4GB: beyond its share a search ends with its best and "
    "its bound.  [default: what the machine has]",
)


def _dimensions(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, int]:
    return _each_once(_assigned(text, "NAME=SIZE, such as sequence=128", 1) for text in given)


def _precision(
    _context: click.Context, _option: click.Parameter, given: str | None
) -> dict[str, int] | Literal["file"]:
    if given is None or given == "file":
        return "file"
    parts = [part.strip() for part in given.split(",")]
    return _each_once(_assigned(part, "bits, such as W=8,I=8,O=16,O_final=8", 0) for part in parts)


def _each_once(given: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Return names with their values; of a name that is given twice Python would take the last one in silence."""
    found: dict[str, T] = {}
    for name, value in given:
        if name in found:
            raise click.BadParameter(f"{name} is given twice")
        found[name] = value
    return found


def _assigned(text: str, form: str, least: int) -> tuple[str, int]:
    """Return name and number of a text ``NAME=NUMBER``."""
    name, _, number = text.rpartition("=")
    if not name or not number.isdecimal() or not number.isascii() or int(number[:20]) < least:
        raise click.BadParameter(f"expected {form}, found {text[:80]!r}")
    return name.strip(), int(number[:20])


def budget(name: str, names: tuple[str, ...], help_text: str) -> Callable[[F], F]:
    """Return an option for limits ``NAME=NUMBER,...`` of some figures; the command gets a dictionary."""
    form = f"{names[0]}=NUMBER"

    def read(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
        found = {}
        for text in (part for entry in given for part in entry.split(",")):
            key, _, number = text.partition("=")
            if key.strip() in found:
                raise click.BadParameter(f"{key.strip()} is given twice")
            try:
                found[key.strip()] = float(number)
            except ValueError:
                raise click.BadParameter(f"expected {form}, found {text[:80]!r}") from None
            if key.strip() not in names or not 0 < found[key.strip()] < float("inf"):
                raise click.BadParameter(
                    f"expected a positive limit of {' or '.join(names)}, found {text[:80]!r}"
                )
        return found

    return click.option(name, "budget", multiple=True, metavar=form, callback=read, help=help_text)


def assigned(name: str, argument: str, form: str, help_text: str) -> Callable[[F], F]:
    """Return an option for texts ``NAME=VALUE``, which may be given several times; the command gets a dictionary."""

    def read(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
        pairs = [text.partition("=") for text in given]
        for key, _, value in pairs:
            if not key.strip() or not value.strip():
                raise click.BadParameter(f"expected {form}, found {f'{key}={value}'[:80]!r}")
        return _each_once((key.strip(), value.strip()) for key, _, value in pairs)

    return click.option(
        name,
        argument,
        multiple=True,
        metavar=form,
        callback=read,
        help=f"{help_text} May be given several times.",
    )


reading = add_options(
    click.option(
        "--dim",
        "dimensions",
        multiple=True,
        metavar="NAME=SIZE",
        callback=_dimensions,
        help="Size of an open dimension of an ONNX file, or the value of a scalar input; may be given several times.",
    ),
    click.option(
        "--precision",
        metavar="W=4,I=8,...",
        callback=_precision,
        help="Bits of weights W, activations I, partial sums O and outputs O_final instead of those in the file.",
    ),
    one_of(
        "--operators",
        ("macs", "all"),
        "Of an ONNX file: layers with multiply-accumulate work, or pooling, additions and activations, too.",
    ),
)
"""How workload files are read; `zzcp.cli.commands` makes one argument of it."""


def accelerator(*, required: bool = True, otherwise: str = "") -> Callable[[F], F]:
    """Return the option for the hardware file, and what holds where it may be left out."""
    return click.option(
        "-a", "--accelerator", required=required, metavar="FILE", help=f"Hardware file{otherwise}."
    )


def workload(*, required: bool = True, otherwise: str = "") -> Callable[[F], F]:
    """Return the option for the workload file, and what holds where it may be left out."""
    return click.option(
        "-w", "--workload", required=required, metavar="FILE", help=f"Workload file, or ONNX{otherwise}."
    )


def spatial(unrolling: str = "spatial mappings") -> Callable[[F], F]:
    """Return the option for a mapping file of which only the spatial part counts."""
    return click.option(
        "-m",
        "--mapping",
        metavar="FILE",
        help=f"Mapping file with the {unrolling}; by default the machine's, or what is best.",
    )


def seconds(purpose: str, default: float, name: str = "--time-limit") -> Callable[[F], F]:
    """Return an option for a time in seconds."""
    return click.option(
        name, type=positive, default=default, show_default=True, metavar="S", help=f"Seconds for {purpose}."
    )


def layer_limits(time: str, measure: str) -> Callable[[F], F]:
    """Return the two limits of the solver for each layer: in seconds, and in work.

    Parameters
    ----------
    time : str
        What the seconds are for.
    measure : str
        What is said about the solver's own measure.
    """
    return add_options(
        click.option(
            "--time-limit",
            type=positive,
            metavar="S",
            help=f"Seconds {time}.  [default: 60, or none with --deterministic-limit]",
        ),
        click.option(
            "--deterministic-limit",
            type=positive,
            metavar="D",
            help=f"Limit of the solver's work for each layer, in its own measure {measure}.",
        ),
    )


def seed(default: int = 0, purpose: str = "Of all random choices") -> Callable[[F], F]:
    """Return the option for the seed."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=default,
        show_default=True,
        metavar="N",
        help=f"{purpose}.",
    )


scheduler = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Search on a Dask cluster: the address of its scheduler, such as tcp://127.0.0.1:8786 (docs/cluster.md).",
)


def jobs(work: str, alone: str = "") -> Callable[[F], F]:
    """Return the option for how much of the work is done side by side, such as ``Layers solved``, also of one alone."""
    return click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        default=cores,
        show_default="the cores",
        metavar="N",
        help=f"{work} side by side{alone}.",
    )


beside = add_options(_csv, _picture)
"""The files next to the report."""
unrollings = add_options(_chosen_spatial, _max_dims, _factors)
"""What the unrolling is, or may be, beside a file that gives it."""
search = add_options(_gap, engine, seed(), conventions)
"""How layers are searched, but for its limits."""
