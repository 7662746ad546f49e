"""Loops that do not divide: the same figures in every form of the formulas, and what is refused."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import yaml

import zzcp
from tests.cost.forms import check_all_forms, shuffled
from tests.generators import imperfect_order
from tests.machines import machine
from tests.simulation.tiny_cases import Case, random_case
from zzcp.cost import EXACT, ZIGZAG, Evaluator
from zzcp.cost.batch import MappingBatch
from zzcp.errors import InputError, MappingError
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

SMALL = machine()
GEMM = Layer.gemm(b=5, k=8, c=6)
SPATIAL = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 2}})


def gemm(*order: tuple[str, int], factors: str = "imperfect") -> Mapping:
    ends = {"O": [1, len(order)], "W": [2, len(order)], "I": [0, 2, len(order)]}
    return Mapping.from_order(SPATIAL, order, ends, factors=factors)  # type: ignore[arg-type]


def paddings(case: Case) -> dict[str, int]:
    return {
        dim: math.prod(loop.size for loop in case.mapping.order if loop.dim == dim)
        for dim in case.layer.sizes
    }


def batch_of(case: Case, rng: Random) -> tuple[Evaluator, MappingBatch]:
    """Return mappings of a case whose loops have the same products, in other orders and with other boundaries."""
    own = Evaluator(
        case.accelerator, case.layer, case.mapping.spatial, EXACT, case.links, padded=paddings(case)
    )
    return own, MappingBatch.from_mappings(case.layer, shuffled(case, rng))


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_all_forms_of_the_formulas_agree(start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(start, start + 10):
        case = random_case(seed, imperfect=True)
        _, batch = batch_of(case, Random(seed))
        mappings = [batch.mapping(n, case.layer, case.mapping.spatial) for n in range(len(batch))]
        check_all_forms(
            lambda case=case, seed=seed: batch_of(case, Random(seed))[0], mappings, batch, monkeypatch
        )


@pytest.mark.parametrize("seed", range(20))
def test_a_mapping_is_read_as_it_is_written(seed: int) -> None:
    case = random_case(seed, imperfect=True)
    data = case.mapping.to_dict()
    assert data["factors"] == "imperfect"
    expected = zzcp.evaluate(case.accelerator, case.layer, case.mapping)
    for found in (Mapping.from_dict(data), Mapping.from_yaml(case.mapping.to_yaml())):
        assert found == case.mapping
        assert zzcp.evaluate(case.accelerator, case.layer, found) == expected


def test_the_last_tile_is_smaller_at_every_level() -> None:
    """B 5 in tiles of 2: 2, 2 and 1. K 2 x 4 lanes and C 3 x 2 lanes divide, so that 5 x 2 x 3 operations remain."""
    order = [("C", 3), ("B", 2), ("K", 2), ("B", 3)]
    levels = {"O": [1, 4], "W": [1, 4], "I": [0, 2, 4]}
    found = zzcp.evaluate(SMALL, GEMM, Mapping.from_order(SPATIAL, order, levels, factors="imperfect"))
    assert found.latency.ideal + found.latency.spatial_stall == 5 * 2 * 3
    # what the main memory sends of the inputs, 64 bits at a time: 2, 2 and 1 rows of 6 elements
    assert found.accesses["I"][-1].to_below == 2 + 2 + 1


def test_loops_that_divide_count_as_before() -> None:
    order = [("C", 3), ("B", 5), ("K", 2)]
    perfect, imperfect = (
        zzcp.evaluate(SMALL, GEMM, gemm(*order, factors=factors)) for factors in ("perfect", "imperfect")
    )
    assert perfect == imperfect


@pytest.mark.parametrize("seed", range(40))
def test_an_outermost_loop_that_is_cut_costs_what_a_shorter_one_does(seed: int) -> None:
    """Only ceil(n / t) of its iterations exist."""
    case = random_case(seed, imperfect=True)
    order = list(case.mapping.order)
    last = {dim: place for place, (dim, _) in enumerate(order)}
    longer = [(dim, size + (last[dim] == place)) for place, (dim, size) in enumerate(order)]
    mapping = Mapping.from_order(
        case.mapping.spatial, longer, case.mapping.allocation, case.mapping.buffering, case.links
    )
    products = {d: math.prod(size for dim, size in longer if dim == d) for d in case.layer.sizes}
    steps = case.mapping.spatial.temporal_sizes(case.layer)
    if any(products[dim] > steps[dim] for dim in zzcp.cost.setting.remainders.undivided(case.layer)):
        return
    wider = Evaluator(case.accelerator, case.layer, mapping.spatial, EXACT, case.links, padded=products)
    exact = zzcp.evaluate(case.accelerator, case.layer, case.mapping, allow_invalid=True)
    found = wider.evaluate(mapping, allow_invalid=True)
    assert found.energy.exact == exact.energy.exact
    assert found.latency == exact.latency


# ---- what is refused --------------------------------------------------------------------------------------------


def test_loops_must_divide_unless_the_mapping_says_so() -> None:
    order = [("C", 3), ("B", 2), ("K", 2), ("B", 3)]
    assert zzcp.evaluate(SMALL, GEMM, gemm(*order)).valid
    with pytest.raises(MappingError, match=r"run 6 iterations of B, the layer needs 5 \(1 too many\)"):
        zzcp.evaluate(SMALL, GEMM, gemm(*order, factors="perfect"))


@pytest.mark.parametrize(
    ("order", "message"),
    [
        # 5 iterations in tiles of 4 are 2 tiles, not 3
        (
            [("B", 4), ("C", 3), ("K", 2), ("B", 3)],
            r"run 12 iterations of B, the layer needs 8 \(4 too many\)",
        ),
        ([("B", 2), ("C", 3), ("K", 2), ("B", 2)], r"run 4 iterations of B, the layer needs 6 \(2 too few\)"),
        # a loop around tiles that have everything does nothing
        ([("B", 6), ("C", 3), ("K", 2)], r"run 6 iterations of B, the layer needs 5 \(1 too many\)"),
        (
            [("B", 5), ("C", 3), ("K", 2), ("B", 2)],
            r"run 10 iterations of B, the layer needs 5 \(5 too many\)",
        ),
    ],
)
def test_every_loop_does_something(order: list[tuple[str, int]], message: str) -> None:
    with pytest.raises(MappingError, match=message):
        zzcp.evaluate(SMALL, GEMM, gemm(*order))


def test_conventions_without_smaller_tiles_refuse() -> None:
    mapping = gemm(("C", 3), ("B", 2), ("K", 2), ("B", 3))
    with pytest.raises(MappingError, match=r"loops that do not divide \(B\) have no meaning under .* zigzag"):
        zzcp.evaluate(SMALL, GEMM, mapping, conventions=ZIGZAG)
    divided = gemm(("C", 3), ("B", 5), ("K", 2))
    assert zzcp.evaluate(SMALL, GEMM, divided, conventions=ZIGZAG).valid


def test_loops_over_dimensions_that_the_layer_lacks() -> None:
    """These ended in a KeyError."""
    with pytest.raises(MappingError, match="operand O has a loop over Q, which layer gemm lacks"):
        zzcp.evaluate(SMALL, GEMM, gemm(("C", 3), ("B", 5), ("K", 2), ("Q", 2)))


@pytest.mark.parametrize("allow_invalid", [False, True])
def test_loops_without_end(allow_invalid: bool) -> None:
    """Of the product of two large primes all divisors were looked for."""
    primes = ("B", 99_999_999_977), ("B", 99_999_999_947)
    with pytest.raises(
        MappingError, match=r"its loops run 9999999992400000001219 .* expected 200000000000 at"
    ):
        zzcp.evaluate(SMALL, GEMM, gemm(*primes, ("K", 2)), allow_invalid=allow_invalid)


def test_windows_on_the_output_divide() -> None:
    layer = Layer("O[k][iy]+=W[k][fy]*I[k][oy]", {"K": 1, "OY": 5, "FY": 3}, relations=("iy=1*oy+1*fy",))
    order = [("OY", 2), ("FY", 3), ("OY", 3)]
    ends = {"O": [1, 3], "W": [2, 3], "I": [0, 2, 3]}
    mapping = Mapping.from_order(SpatialMapping(), order, ends, factors="imperfect")
    with pytest.raises(MappingError, match="loops of OY, of a window on the output, must divide"):
        zzcp.evaluate(SMALL, layer, mapping)


def test_zigzag_has_no_such_mappings() -> None:
    with pytest.raises(InputError, match="cannot express loops that do not divide"):
        gemm(("C", 3), ("B", 2), ("K", 2), ("B", 3)).to_zigzag()


def test_unknown_factors() -> None:
    data = gemm(("C", 3), ("B", 5), ("K", 2)).to_dict()
    with pytest.raises(InputError, match="factors"):
        Mapping.from_dict(data | {"factors": "some"})
    with pytest.raises(InputError, match="factors"):
        replace(Mapping.from_dict(data), factors="some")  # type: ignore[arg-type]


# ---- files and the command line -----------------------------------------------------------------------------------


def test_an_evaluator_of_padded_loops_travels(tmp_path: Path) -> None:
    own = Evaluator(SMALL, GEMM, SPATIAL, padded={"B": 6})
    mapping = gemm(("C", 3), ("B", 2), ("K", 2), ("B", 3))
    assert pickle.loads(pickle.dumps(own)).evaluate(mapping) == own.evaluate(mapping)
    assert yaml.safe_load(mapping.to_yaml())["factors"] == "imperfect"


def test_random_orders_do_something() -> None:
    rng = Random(1)
    layer = Layer.gemm(b=7, k=11, c=13)
    for _ in range(50):
        for dim, size in layer.sizes.items():
            sizes = [n for d, n in imperfect_order(rng, layer, SpatialMapping()) if d == dim]
            below = math.prod(sizes[:-1])
            assert below < size <= below * sizes[-1]
            assert sizes[-1] == -(-size // below)
