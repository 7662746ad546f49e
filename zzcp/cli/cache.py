"""``zzcp cache``: what is kept between runs, solved layers and fronts, and layouts of memories."""

from __future__ import annotations

from zzcp.cli.output import Output
from zzcp.costs import kept
from zzcp.documents.folders import cache_folder
from zzcp.solver.cache.store import ResultCache


def run(action: str, output: Output) -> None:
    """Show or clear the cache; see `zzcp cache --help` for the parameters."""
    cache = ResultCache(cache_folder())
    if action == "clear":
        cleared, layouts = cache.clear(), kept.clear()
        output.show(
            f"{cleared:,} solved layers and fronts removed from {cache.path}{_also(layouts, 'removed')}\n"
        )
        output.finish({"path": str(cache.path), "removed": cleared, "layouts": layouts})
        return
    found, layouts = cache.info(), len(kept.layouts())
    output.show(
        f"{found.path}\n"
        f"{found.entries:,} solved layers and fronts, {found.current:,} of them found by this version of zzcp; "
        f"{found.size / 1024:,.0f} KiB{_also(layouts, 'beside it')}\n"
    )
    output.finish({**found._asdict(), "path": str(found.path), "layouts": layouts})


def _also(layouts: int, what: str) -> str:
    return f"\n{layouts:,} layouts of memories by ZigZag's CACTI {what}" if layouts else ""
