"""Pictures of results, for papers and slides: matplotlib figures that read in print and by the colour-blind.

It needs the extra ``plot``. Modules import matplotlib when they draw, so that everything else works without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zzcp.plot.energy import energy_figure
    from zzcp.plot.entries import Entry, entries_of
    from zzcp.plot.front import pareto_figure
    from zzcp.plot.hierarchy import hierarchy_figure
    from zzcp.plot.latency import latency_figure
    from zzcp.plot.nest import nest_figure
    from zzcp.plot.progress import progress_figure
    from zzcp.plot.quality import quality_figure
    from zzcp.plot.style import save
    from zzcp.plot.sweep import sweep_figure

__all__ = [
    "Entry",
    "energy_figure",
    "entries_of",
    "hierarchy_figure",
    "latency_figure",
    "nest_figure",
    "pareto_figure",
    "progress_figure",
    "quality_figure",
    "save",
    "sweep_figure",
]

_HOMES = {
    "Entry": "entries",
    "energy_figure": "energy",
    "entries_of": "entries",
    "hierarchy_figure": "hierarchy",
    "latency_figure": "latency",
    "nest_figure": "nest",
    "pareto_figure": "front",
    "progress_figure": "progress",
    "quality_figure": "quality",
    "save": "style",
    "sweep_figure": "sweep",
}
"""The modules of the names, which are imported when first used."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'zzcp.plot' has no attribute {name!r}")
        return getattr(import_module(f"zzcp.plot.{_HOMES[name]}"), name)
