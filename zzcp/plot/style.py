"""How every picture looks: colours, hatches, fonts, sizes, and how it is written to a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from zzcp.errors import InputError, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, YELLOW, GREY, INK = "#56B4E9", "#CC79A7", "#F0E442", "#999999", "#222222"

PALETTE = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, GREY, YELLOW)
"""The colours of Okabe and Ito (Color Universal Design, 2008), which the colour-blind tell apart; yellow, which is
hard to see on white, comes last."""
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "++++", "oooo", "----")
"""Fills that differ in black and white, too."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Markers of points, in the order of the palette."""
DASHES = ("-", "--", "-.", ":")
"""Kinds of lines."""

WIDTH, HEIGHT = 7.0, 3.6
"""Size of a picture in inches: the width of two columns of a paper."""
DPI = 150
"""Dots per inch of pictures made of dots."""
FORMATS = ("png", "svg", "pdf")
"""Kinds of files, by the end of their names."""
MAX_INCHES = 60.0
"""Largest side of a picture that is asked for."""

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.labelsize": 8.5,
    "axes.edgecolor": "#666666",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.handleheight": 1.1,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "pdf.fonttype": 42,
    "savefig.facecolor": "white",
    "svg.hashsalt": "zzcp",
}
"""Settings of matplotlib, on top of its defaults, whatever the user's own are."""

P = ParamSpec("P")
T = TypeVar("T")


def require_matplotlib() -> None:
    """Check that pictures can be drawn.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise InputError(
            "pictures need matplotlib, which is not installed",
            hint="install it with: pip install 'zzcp[plot]'",
        )


@contextmanager
def settings() -> Iterator[None]:
    """Use the settings of the house inside, and those from before afterwards."""
    require_matplotlib()
    from matplotlib import style  # noqa: PLC0415 - an optional dependency

    with style.context(["default", RC]):
        yield


def styled(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that draws with the settings of the house."""

    @wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> T:
        with settings():
            return function(*args, **kwargs)

    return draw


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """Return an empty picture, which belongs to no window.

    Parameters
    ----------
    width, height : float
        In inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an optional dependency
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional dependency
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415 - an optional dependency

    figure = Figure(figsize=(width, height), dpi=DPI, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    FigureCanvasAgg(figure)
    return figure


def colours(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for every name, in the order of the palette; after the eighth, lighter ones."""
    from matplotlib.colors import to_hex, to_rgb  # noqa: PLC0415 - an optional dependency

    result = {}
    for number, name in enumerate(dict.fromkeys(names)):
        turn, place = divmod(number, len(PALETTE))
        white = 1 - 0.6**turn
        red, green, blue = (white + (1 - white) * part for part in to_rgb(PALETTE[place]))
        result[name] = to_hex((red, green, blue))
    return result


def hatches(names: Iterable[str]) -> dict[str, str]:
    """Return a hatch for every name."""
    unique = dict.fromkeys(names)
    return {name: HATCHES[number % len(HATCHES)] for number, name in enumerate(unique)}


def ink_on(colour: str) -> str:
    """Return the colour of text that is read on a colour: dark or white, whichever has the higher contrast."""
    from matplotlib.colors import to_rgb  # noqa: PLC0415 - an optional dependency

    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if luminance > 0.3 else "white"


SCALES = {
    "cycles": ((1, "cycles"), (1e3, "thousand cycles"), (1e6, "million cycles"), (1e9, "billion cycles"),
               (1e12, "trillion cycles")),
    "pJ": ((1, "pJ"), (1e3, "nJ"), (1e6, "µJ"), (1e9, "mJ"), (1e12, "J"), (1e15, "kJ")),
    "pJ cycles": ((1, "pJ cycles"), (1e3, "nJ cycles"), (1e6, "µJ cycles"), (1e9, "mJ cycles"),
                  (1e12, "J cycles"), (1e15, "kJ cycles"), (1e18, "MJ cycles")),
    "pJ cycles²": ((1, "pJ cycles²"), (1e12, "J cycles²"), (1e18, "MJ cycles²"), (1e24, "TJ cycles²")),
}  # fmt: skip
"""Units with their multiples, smallest first."""
UNITS = {"edp": "pJ cycles", "energy": "pJ", "latency": "cycles", "ed2": "pJ cycles²"}
"""Units of the objectives."""


def scale_of(largest: float, unit: str) -> tuple[float, str]:
    """Return the multiple of a unit in which a value is at least 1, as a divisor and a name."""
    fitting = [entry for entry in SCALES.get(unit, ((1, unit),)) if abs(largest) >= entry[0]]
    return fitting[-1] if fitting else SCALES.get(unit, ((1, unit),))[0]


def scaled_axis(axis: Axis, quantity: str, largest: float, unit: str) -> None:
    """Label an axis whose data are in a unit with the multiple that suits the largest value.

    Parameters
    ----------
    axis : Axis
        The axis.
    quantity : str
        What is shown.
    largest : float
        The largest value.
    unit : str
        ``cycles``, ``pJ`` or another.
    """
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415 - an optional dependency

    divisor, name = scale_of(largest, unit)

    def label(value: float, _: int | None) -> str:
        # what is close together must not read the same
        ticks = {place / divisor for place in axis.get_majorticklocs()}
        digits = next((n for n in range(6, 15) if len({f"{tick:.{n}g}" for tick in ticks}) == len(ticks)), 15)
        return f"{value / divisor:,.{digits}g}"

    axis.set_major_formatter(FuncFormatter(label))
    axis.set_label_text(f"{quantity} ({name})")


def objective_axis(axis: Axis, objective: str, largest: float, before: str = "") -> None:
    """Label an axis of an objective, with words before its name if need be; see `scaled_axis`."""
    name = objective.upper() if objective in ("edp", "ed2") else objective
    scaled_axis(axis, f"{before}{name}", largest, UNITS[objective])


def fitted_text(text: str, limit: int) -> str:
    """Return a text cut in the middle, so that it has at most so many letters."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


def text_width(figure: Figure, texts: Sequence[str], size: float, *, bold: bool = False) -> float:
    """Return the width in inches of the longest of some texts at a size in points."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415 - an optional dependency

    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    font = FontProperties(family=RC["font.family"], size=size, weight="bold" if bold else "normal")
    widths = [renderer.get_text_width_height_descent(text, font, ismath=False)[0] for text in texts]
    return float(max(widths, default=0.0)) / figure.dpi


def set_title(axes: Axes, title: str | None) -> None:
    """Put a title over a picture."""
    if title:
        axes.set_title(title)


def format_of(path: str | Path) -> Literal["png", "svg", "pdf"]:
    """Return which kind of file a name asks for.

    Raises
    ------
    InputError
        If it is none of `FORMATS`.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    for name in FORMATS:
        if suffix == name:
            return name  # type: ignore[return-value]
    raise InputError(
        "no such kind of picture",
        place=Place(str(path)),
        expected=f"a name that ends in {', '.join(f'.{name}' for name in FORMATS)}",
        found=f".{suffix}" if suffix else "no ending",
    )


METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""What would make two equal pictures differ: left out."""


def save(figure: Figure, path: str | Path, *, dpi: int = DPI) -> None:
    """Write a picture; the same picture gives the same bytes.

    Parameters
    ----------
    figure : Figure
        The picture.
    path : str or Path
        The file; its end says the format: png, svg or pdf.
    dpi : int
        Dots per inch of a png.

    Raises
    ------
    InputError
        If the format is unknown or the file cannot be written.
    """
    kind = format_of(path)
    with settings():
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once: another time could move it a little
        try:
            figure.savefig(path, format=kind, dpi=dpi, metadata=METADATA[kind])
        except OSError as error:
            raise InputError(
                "cannot be written", place=Place(str(path)), found=error.strerror or str(error)
            ) from None
