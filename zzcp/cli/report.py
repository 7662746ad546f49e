"""``zzcp report``: one HTML page about results."""

from __future__ import annotations

from collections.abc import Sequence

import zzcp
from zzcp.cli.output import Output, check_writable
from zzcp.documents.whole import write_whole
from zzcp.errors import InputError, Place
from zzcp.explanations import explain
from zzcp.html.page import report_page, require_report
from zzcp.html.sources import load_source
from zzcp.io.result import ResultFile
from zzcp.plot.entries import Entry


def run(
    files: Sequence[str],
    page: str,
    title: str | None,
    labels: Sequence[str],
    output: Output,
) -> None:
    """Write a page about results; see `zzcp report --help` for the parameters."""
    require_report()
    check_writable(page, "--output", files)
    sources = [load_source(file) for file in files]
    with output.progress("writing the page"):
        text = report_page(sources, version=zzcp.__version__, title=title, labels=labels, explain=explanation)
    try:
        write_whole(page, text)
    except OSError as error:
        raise InputError("cannot be written", place=Place(page), found=error.strerror or str(error)) from None
    output.note(f"{page} holds the report, {len(text) / 1e6:.1f} MB")
    output.finish({"zzcp_version": zzcp.__version__, "page": page, "sources": list(files)})


def explanation(result: ResultFile, entry: Entry) -> Sequence[str]:
    """Return what `zzcp.explain` says about a layer, evaluated again; nothing where that fails."""
    try:
        found = zzcp.evaluate(result.accelerator, entry.layer, entry.mapping, result.conventions)
        if found.latency.total != entry.total_latency or found.energy.total != entry.total_energy:
            return ()
        return explain(found, objective=result.objective, what_if=False).sentences
    except InputError:
        return ()
