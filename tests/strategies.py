"""Random cases as hypothesis draws them; see `tests.generators` for what they look like."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

from tests.generators import KINDS, random_accelerator, random_layer, random_mapping, random_spatial
from zzcp.cost import EXACT, CostConventions
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping
from zzcp.workload import Layer


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
