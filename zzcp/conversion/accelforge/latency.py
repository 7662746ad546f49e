"""How long AccelForge's components take: ports and bandwidths out of ``total_latency``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from zzcp.conversion.arithmetic import ExpressionError, Number, evaluate
from zzcp.conversion.notes import Notes
from zzcp.conversion.parts import Part


@dataclass(frozen=True, slots=True)
class Timing:
    """Time of single actions of a component.

    Parameters
    ----------
    times : mapping of str to Number
        Time of one action, by its name.
    shared : bool
        Whether actions of different kinds take their times one after the other.
    """

    times: Mapping[str, Number]
    shared: bool


def timing(
    component: Part, throughputs: Mapping[str, Number | None], names: Mapping[str, Any], notes: Notes
) -> Timing:
    """Return what an action takes, and whether actions of different kinds wait for each other.

    Parameters
    ----------
    component : Part
        The component.
    throughputs : mapping of str to Number or None
        Actions per unit of time, by their names; None where the file does not say it.
    names : mapping
        Values of names.
    notes : Notes
        Where remarks go.

    Raises
    ------
    InputError
        If ``total_latency`` is no sum and no maximum of what the actions take.
    """
    part = component.at("total_latency")
    kinds = tuple(throughputs)
    if not part.exists:
        times = {}
        for kind, throughput in throughputs.items():
            if throughput is None:
                notes.assume(
                    f"{component.at('name').text()} says no throughput of {kind}: without a limit (AccelForge takes it "
                    "from component models, which zzcp does not run)"
                )
            times[kind] = 0 if throughput is None else _inverse(throughput)
        return Timing(times, shared=True)
    alone = {kind: _latency(part, {kind: 1}, throughputs, names) for kind in kinds}
    together = _latency(part, dict.fromkeys(kinds, 1), throughputs, names)
    if together == sum(alone.values()):
        return Timing(alone, shared=len(kinds) > 1)
    if together == max(alone.values()):
        return Timing(alone, shared=False)
    raise part.error(
        "a latency that is not understood",
        expected="the sum or the largest of what the actions take",
        found=part.text(),
    )


def _inverse(throughput: Number) -> Number:
    if throughput == 0:
        return math.inf
    return 0 if math.isinf(throughput) else 1 / Fraction(throughput)


def _latency(
    part: Part, counts: Mapping[str, int], throughputs: Mapping[str, Number | None], names: Mapping[str, Any]
) -> Number:
    """Return what some actions take together."""
    actions = []
    known: dict[str, Any] = dict(names)
    for kind, throughput in throughputs.items():
        calls = counts.get(kind, 0)
        action: dict[str, Any] = {"name": kind, "n_calls": calls}
        known[f"{kind}_actions"] = calls
        if throughput is not None:
            action |= {"throughput": throughput, "latency": _inverse(throughput)}
            known[f"{kind}_latency"] = calls * _inverse(throughput) if calls else 0
        actions.append(action)
    known["actions"] = actions
    try:
        value = evaluate(part.text(), known) if isinstance(part.scalar("a latency"), str) else part.scalar("")
    except ExpressionError as error:
        raise part.error(
            "a latency that is not understood",
            expected="an expression of what its actions take",
            found=f"{part.text()!r}, with {error}",
        ) from None
    if not isinstance(value, int | float | Fraction) or not 0 <= value < math.inf:
        raise part.error("wrong value", expected="a finite latency")
    return value
