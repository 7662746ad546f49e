"""The relaxation of an unrolling that has no mapping."""

from __future__ import annotations

import math

import zzcp
from zzcp.cost import Evaluator
from zzcp.mapping import SpatialMapping
from zzcp.solver.constrained.diagnose import diagnose
from zzcp.solver.unrolling.root import root_bound
from zzcp.workload import Layer


def test_an_unrolling_whose_smallest_tiles_do_not_fit_has_an_infinite_bound() -> None:
    """It once ended the search with a division by zero."""
    machine = zzcp.load_accelerator("models/accelerators/edge_tpu_like.yaml")
    factors = {"D1": {"K": 4}, "D2": {"B": 4}, "D3": {"K": 2, "C": 31}, "D4": {"B": 2, "K": 2}}
    evaluator = Evaluator(machine, Layer.gemm(b=512, k=512, c=512), SpatialMapping.from_dict(factors))
    assert diagnose(evaluator.model) is not None
    for objective in ("edp", "latency", "ed2"):
        assert math.isinf(root_bound(evaluator, objective, 7e14, 1.0))
