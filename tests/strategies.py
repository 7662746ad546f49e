"""Random cases as hypothesis draws them; see `tests.generators` for what they look like."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.random_layers import KINDS, random_layer
from zzcp.cost import EXACT, ZIGZAG, ZIGZAG_3_0, CostConventions, Evaluation, Evaluator
from zzcp.hardware import Accelerator, Memory
from zzcp.mapping import Loop, Mapping
from zzcp.workload import Layer

EVERY = (EXACT, ZIGZAG, ZIGZAG_3_0)
"""The conventions under which a law holds that holds under all."""


class Case(NamedTuple):
    """A layer on a machine under a valid mapping."""

    accelerator: Accelerator
    layer: Layer
    mapping: Mapping


@st.composite
def cases(draw: st.DrawFn, conventions: CostConventions = EXACT, max_macs: int = 200_000) -> Case:
    """Draw a random machine, layer and mapping that is valid under some conventions."""
    rng = Random(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(sorted(KINDS)))
    while True:
        accelerator, layer = random_accelerator(rng), random_layer(rng, kind, max_macs)
        spatial = random_spatial(rng, accelerator, layer)
        mapping = random_mapping(rng, accelerator, layer, spatial, conventions)
        if mapping is not None:
            return Case(accelerator, layer, mapping)


def cost(case: Case, conventions: CostConventions = EXACT, **changes: Any) -> Evaluation:
    """Return the evaluation of a case, with its machine, layer or mapping exchanged."""
    accelerator, layer, mapping = case._replace(**changes)
    return Evaluator(accelerator, layer, mapping.spatial, conventions, mapping.links).evaluate(mapping)


def cost_of_invalid(case: Case, conventions: CostConventions) -> Evaluation:
    """Return the evaluation of a case that need not be valid under these conventions."""
    accelerator, layer, mapping = case
    evaluator = Evaluator(accelerator, layer, mapping.spatial, conventions, mapping.links)
    return evaluator.evaluate(mapping, allow_invalid=True)


def linked(case: Case, operand: str) -> tuple[Memory, ...]:
    """Return the memories of an operand of the layer, innermost first."""
    links = case.layer.default_links | dict(case.mapping.links or {})
    return case.accelerator.levels(links[operand])


def merged_down(
    layer: Layer, levels: tuple[tuple[Loop, ...], ...], irrelevant: tuple[str, ...]
) -> list[tuple[Loop, ...]]:
    """Return an operand's loops with the irrelevant ones directly above a boundary below it."""
    rows = [list(level) for level in levels]
    for upper in range(1, len(rows)):
        lower = rows[upper - 1]
        while any(rows[upper:]):
            first = next(row for row in rows[upper:] if row)
            if first[0].dim not in irrelevant:
                break
            lower.append(first.pop(0))
    return [tuple(row) for row in rows]
