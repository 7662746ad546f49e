"""What a certificate would hold is counted without what makes the search fast."""

from __future__ import annotations

from itertools import pairwise, product
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from benchmarks import certificates
from benchmarks.verification import ROOT
from zzcp import Layer, SpatialMapping, load_accelerator
from zzcp.solver.ranges.enumeration import Enumeration


def enumeration(depths: tuple[int, ...], vectors: Any) -> Enumeration:
    """Return a lattice in which every boundary may be everywhere and costs nothing."""
    nothing = np.zeros(len(vectors))
    among = SimpleNamespace(at=np.arange(len(vectors)), relaxed=nothing, beyond=nothing)
    candidates = {
        (operand, link): dict.fromkeys(product(*(range(depth + 1) for depth in depths)), among)
        for operand, depth in enumerate(depths)
        for link in range(depth)
    }
    found = SimpleNamespace(
        factors=SimpleNamespace(vectors=vectors),
        lattice=SimpleNamespace(depths=depths),
        candidates=candidates,
    )
    return cast("Enumeration", found)


def test_every_chain_is_counted_once() -> None:
    vectors = np.array(list(product(range(3), range(2))))
    _, chains = certificates._counted(enumeration((2, 1), vectors), 0.0)

    def comparable(one: Any, other: Any) -> bool:
        return bool((one <= other).all() or (other <= one).all())

    wanted = sum(
        all((below <= above).all() for below, above in pairwise(own))
        and all(comparable(other, vector) for vector in own)
        for own in product(vectors, repeat=2)
        for other in vectors
    )
    assert chains == wanted
    assert certificates._counted(enumeration((2, 1), vectors), 1.1)[1] == 0


def test_a_layer_is_counted() -> None:
    machine = load_accelerator(ROOT / "docs" / "toy.yaml")
    layer = Layer.gemm(b=16, k=16, c=16)
    row = certificates.of_layer(machine, layer, SpatialMapping())
    assert row["multipliers"] > 0
    assert all(entry.parts < certificates.MOST for entry in row["entries"])
