"""``zzcp verify``: a result again: is the mapping valid, are the figures right, is the bound a bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import zzcp
from zzcp.cli.output import Output
from zzcp.cli.program import INTERRUPTED, NOTHING_FOUND
from zzcp.cli.reading import Reading
from zzcp.cli.searches import search_all
from zzcp.errors import InputError, Place, nearest
from zzcp.interrupt import Interrupt
from zzcp.io import load_accelerator
from zzcp.io.result import ResultFile, load_results
from zzcp.networks.again import prove_totals
from zzcp.report.verified import verified_data, verified_report
from zzcp.solver import Progress
from zzcp.solver.options import SearchOptions
from zzcp.solver.proof import OPEN, SKIPPED, Proof
from zzcp.solver.verify import equal_layers, prove_again, verdict

WRONG = 5
"""Exit code: a mapping is not valid, a figure is another one, or a bound is contradicted."""


def run(
    result: str,
    accelerator: str | None,
    workload: str | None,
    reading: Reading,
    layers: Sequence[str],
    no_bound: bool,
    how: SearchOptions,
    jobs: int,
    output: Output,
) -> int:
    """Check a result file; see `zzcp verify --help` for the parameters.

    Returns
    -------
    int
        The exit code.
    """
    with Interrupt() as interrupt:
        results = load_results(
            result,
            accelerator=None if accelerator is None else load_accelerator(accelerator),
            network=None if workload is None else reading.load(workload),
        )
        chosen = _chosen(results, layers)
        proofs: dict[int, Proof] = {}
        if not no_bound:
            groups = [group for group in equal_layers(results) if set(group) & set(chosen)]
            work = partial(prove_layer, results=results, how=how)
            names = [results.layers[group[0]].layer.name for group in groups]
            firsts = [group[0] for group in groups]
            found = search_all(
                work,
                firsts,
                names,
                jobs=jobs,
                quiet=output.quiet,
                interrupt=interrupt,
                verb="proving",
                spreads=any("freedom" in results.layers[first].space for first in firsts),
            )
            for number, group in enumerate(groups):
                proofs |= dict.fromkeys(group, found.get(number, Proof(SKIPPED)))
        totals = None
        if not no_bound and not layers and not interrupt.requested:
            with output.progress("bound of the totals"):
                totals = prove_totals(results, how, jobs)
        everything = verdict(results, proofs, totals)
        verification = replace(everything, layers=tuple(everything.layers[index] for index in chosen))
        output.show(verified_report(verification, results.objective, results.conventions.name))
        output.finish(verified_data(zzcp.__version__, verification))
        if not verification.ok:
            return WRONG
        if interrupt.requested:
            output.note("stopped; bounds that had not been proven by then are not checked")
            return INTERRUPTED
        states = {layer.proof.state for layer in verification.layers}
        if verification.totals is not None:
            states.add(verification.totals.state)
        return NOTHING_FOUND if OPEN in states else 0


def _chosen(results: ResultFile, names: Sequence[str]) -> list[int]:
    """Return the positions of the layers of some names or ids, or of all where none is named."""
    if not names:
        return list(range(len(results.layers)))
    known = [(entry.layer.name, str(entry.layer.id)) for entry in results.layers]
    for name in names:
        if not any(name in pair for pair in known):
            listed = [name for name, _ in known]
            raise InputError(
                "the result has no layer of that name",
                place=Place(results.path),
                expected=f"one of {', '.join(listed[:20])}",
                found=name,
                hint=nearest(name, listed),
            )
    return [index for index, pair in enumerate(known) if set(pair) & set(names)]


def prove_layer(
    index: int, on_progress: Callable[[Progress], None], *, results: ResultFile, how: SearchOptions
) -> Proof:
    """Prove one bound again (a function of the module, so that other processes can run it)."""
    return prove_again(results, index, how, on_progress)
