"""``zzcp cache``: the solved layers and fronts that are kept between runs."""

from __future__ import annotations

from zzcp.cli.output import Output
from zzcp.solver.cache.store import ResultCache, cache_folder


def run(action: str, output: Output) -> None:
    """Show or clear the cache; see `zzcp cache --help` for the parameters."""
    cache = ResultCache(cache_folder())
    if action == "clear":
        cleared = cache.clear()
        output.show(f"{cleared:,} solved layers and fronts removed from {cache.path}\n")
        output.finish({"path": str(cache.path), "removed": cleared})
        return
    found = cache.info()
    output.show(
        f"{found.path}\n"
        f"{found.entries:,} solved layers and fronts, {found.current:,} of them found by this version of zzcp; "
        f"{found.size / 1024:,.0f} KiB\n"
    )
    output.finish({**found._asdict(), "path": str(found.path)})
