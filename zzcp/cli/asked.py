"""What commands that search are asked, each made once from their arguments: files, unrollings, and how to search."""

from __future__ import annotations

from typing import Any

from zzcp.cli.figures import Beside
from zzcp.cli.inputs import Files
from zzcp.cli.searches import share_of
from zzcp.cost import CONVENTIONS
from zzcp.mapping.unrollings import UnrollingOptions
from zzcp.solver.cache import ResultCache
from zzcp.solver.options import SearchOptions

_AS_THEY_ARE = ("time_limit", "gap", "seed", "engine", "deterministic_limit", "factors", "max_padding")


def gather(arguments: dict[str, Any]) -> None:
    """Put one argument in the place of those that belong together: ``how`` (`SearchOptions`), and what else there is.

    Parameters
    ----------
    arguments : dict
        Of the command line, by name.
    """
    given = {name: arguments.pop(name) for name in _AS_THEY_ARE if name in arguments}
    arguments["how"] = SearchOptions(
        **given,
        conventions=CONVENTIONS[arguments.pop("conventions", "exact")],
        cache=ResultCache.of(not arguments.pop("no_cache", True)),
        memory_limit=share_of(arguments.pop("memory_limit", None), arguments.get("jobs", 1)),
    )
    if "chosen" in arguments:
        arguments["unrollings"] = UnrollingOptions.of(arguments.pop("chosen"), arguments.pop("max_dims"))
    if "csv_path" in arguments:
        arguments["beside"] = Beside(arguments.pop("csv_path"), arguments.pop("plot_path"))
    if "workload" in arguments and "mapping" in arguments:
        parts = ("accelerator", "workload", "mapping", "layers", "reading")
        arguments["files"] = Files(*(arguments.pop(part) for part in parts))
