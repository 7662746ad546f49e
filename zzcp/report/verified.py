"""What was found about a result: a row per layer, and what is wrong."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from zzcp.report.style import count, plural, product_of, section
from zzcp.report.tables import table
from zzcp.solver.engines import NO_ENGINE
from zzcp.solver.proof import CONTRADICTED, OPEN
from zzcp.solver.verify import Difference, LayerVerdict, Verification

MANY = 50
"""Most differences that are listed."""


def verified_report(found: Verification, objective: str, conventions: str) -> RenderableType:
    """Return a row per layer, the differences, and a sentence that says how it went."""
    rows = table(
        ">id", "~name", "mapping", ">figures", ">bound", "", ">proven now", "by", ">s", spare=("s", "id")
    )
    for verdict in found.layers:
        proof = verdict.proof
        rows.add_row(
            str(verdict.layer.id),
            Text(verdict.layer.name),
            "INVALID" if verdict.violations else "valid" if verdict.compared > 1 else "none",
            _figures(verdict),
            product_of(verdict.recorded_bound),
            proof.state,
            product_of(proof.bound) if proof.bound else "",
            "" if proof.engine == NO_ENGINE else proof.engine,
            f"{proof.wall_s:.1f}",
        )
    parts: list[RenderableType] = [
        section(
            f"{found.file}: {plural(len(found.layers), 'layer')}, {objective}, conventions {conventions}",
            rows,
        )
    ]
    wrong = [
        f"layer {verdict.layer.name}: invalid mapping: {violation}"
        for verdict in found.layers
        for violation in verdict.violations
    ]
    wrong += [str(difference) for difference in _all_differences(found)]
    if found.totals is not None:
        parts.append(Text(f"the bound of the totals: {found.totals.state}"))
        if found.totals.better is not None:
            wrong.append(
                f"mappings with {objective} {found.totals.better!r} together exist, better than the bound"
            )
    wrong += [
        f"layer {verdict.layer.name}: a mapping with {objective} {better!r} exists, better than the bound "
        f"{verdict.recorded_bound!r}"
        if (better := verdict.proof.better) is not None
        else f"layer {verdict.layer.name}: a mapping exists"
        for verdict in found.layers
        if verdict.proof.state == CONTRADICTED
    ]
    parts.extend(Text(line) for line in wrong[:MANY])
    if len(wrong) > MANY:
        parts.append(Text(f"and {len(wrong) - MANY} more"))
    parts.append(Text(summary(found)))
    return Group(*parts)


def summary(found: Verification) -> str:
    """Return in a sentence how it went."""
    layers = plural(len(found.layers), "layer")
    figures = sum(verdict.compared for verdict in found.layers)
    if not found.ok:
        bad = sum(not verdict.ok for verdict in found.layers)
        return f"NOT VERIFIED: {bad} of {layers} wrong" if bad else "NOT VERIFIED: the totals are wrong"
    proofs = [verdict.proof for verdict in found.layers] + ([] if found.totals is None else [found.totals])
    unproven = sum(proof.state == OPEN for proof in proofs)
    checked = f"{layers}, {count(figures)} figures equal"
    if unproven:
        return f"{checked}; {plural(unproven, 'bound')} not re-proven within the time limit"
    return f"verified: {checked}" + (", every bound re-proven" if found.proven else ", bounds not checked")


def _figures(verdict: LayerVerdict) -> str:
    if verdict.violations:
        return ""
    if not verdict.differences:
        return f"{count(verdict.compared)} equal"
    return f"{count(len(verdict.differences))} of {count(verdict.compared)} DIFFER"


def _all_differences(found: Verification) -> list[Difference]:
    return [difference for verdict in found.layers for difference in verdict.differences] + list(
        found.differences
    )


def verified_data(version: str, found: Verification) -> dict[str, Any]:
    """Return the same as plain data for JSON."""
    return {
        "zzcp_version": version,
        "ok": found.ok,
        "proven": found.proven,
        **(
            {}
            if found.totals is None
            else {"totals": {"bound": found.totals.state, "better": found.totals.better}}
        ),
        "layers": [
            {
                "id": verdict.layer.id,
                "name": verdict.layer.name,
                "ok": verdict.ok,
                "violations": list(verdict.violations),
                "compared": verdict.compared,
                "differences": [difference._asdict() for difference in verdict.differences],
                "lower_bound": verdict.recorded_bound,
                "bound": verdict.proof.state,
                "proven_bound": verdict.proof.bound,
                "engine": verdict.proof.engine,
                "better": verdict.proof.better,
                "wall_s": round(verdict.proof.wall_s, 3),
            }
            for verdict in found.layers
        ],
        "differences": [difference._asdict() for difference in found.differences],
    }
