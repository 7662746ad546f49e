"""The cycle-level simulator where memories keep the overlap of windows, against the evaluator."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.cost.test_overlap import machine, row
from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.random_layers import KINDS, random_layer
from tests.simulation.chains import build_chain
from tests.simulation.cycles import Simulation, simulate
from tests.simulation.latency_error import cycles_of
from tests.simulation.tiny_cases import keeping_overlap
from zzcp import evaluate
from zzcp.hardware import Accelerator
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

SLIDING = [kind for kind in KINDS if "conv" in kind or kind in ("depthwise", "pooling")]


def drawn(seed: int) -> tuple[Accelerator, Layer, Mapping]:
    """Return the machine, the layer and the mapping of a seed."""
    rng = Random(f"simulated overlap {seed}")
    accelerator = keeping_overlap(rng, random_accelerator(rng))
    layer = random_layer(rng, rng.choice(SLIDING))
    mapping = random_mapping(rng, accelerator, layer, random_spatial(rng, accelerator, layer))
    assert mapping is not None
    return accelerator, layer, mapping


def without(accelerator: Accelerator) -> Accelerator:
    memories = tuple(replace(memory, keeps_overlap=()) for memory in accelerator.memories)
    return replace(accelerator, memories=memories)


def totals(accelerator: Accelerator, layer: Layer, mapping: Mapping) -> tuple[int, int]:
    """Return the cycles that the evaluator counts, and those that the simulator takes."""
    found = evaluate(accelerator, layer, mapping)
    links, flags = dict(layer.default_links), found.double_buffered
    chosen = mapping.with_buffering(flags)
    run = simulate(accelerator, layer, chosen, links, flags)
    slow = Simulation(accelerator, layer, chosen, links, flags, step_by_step=True).run()
    assert run == slow
    return cycles_of(found).total, run.total


@pytest.mark.parametrize(("keeping", "stall"), [((), 15 * 3), (("I1",), 1 * 3)])
def test_a_window_of_three_taps_behind_a_narrow_port(keeping: tuple[str, ...], stall: int) -> None:
    """A window takes 6 cycles and is used in 3; what is new takes 2. The second round begins with a whole window.

    The first operation of a window needs one tap only, so that a bit less is waited for at the end.
    """
    plain = machine(*keeping)
    read, write = plain.memories[0].ports
    narrow = replace(plain.memories[0], ports=(read, replace(write, bandwidth_min=4, bandwidth_max=4)))
    accelerator = replace(plain, memories=(narrow, plain.memories[1]))
    layer = row(8, 3)
    order = [("FX", 3), ("OX", 8), ("K", 2)]
    mapping = Mapping.from_order(SpatialMapping(()), order, {"I": [1, 3], "W": [3], "O": [3]})
    found = evaluate(accelerator, layer, mapping)
    run = simulate(accelerator, layer, mapping, dict(layer.default_links), found.double_buffered)
    assert found.latency.temporal_stall == stall
    assert stall - 4 <= run.stall <= stall


def test_pieces_that_stay_and_pieces_that_come() -> None:
    """Of 3 taps of 2 channels the window keeps two taps; the pieces of the third are the last of every channel."""
    layer = row(8, 3, channels=2)
    order = [("FX", 3), ("C", 2), ("OX", 8), ("K", 2)]
    mapping = Mapping.from_order(SpatialMapping(()), order, {"I": [2, 4], "W": [4], "O": [4]})
    chain = build_chain(machine("I1"), layer, mapping, dict(layer.default_links), "I")
    slid = chain.slid[1]
    assert slid is not None
    assert (slid.new, slid.dropped, slid.cycles) == ([2, 5], [0, 3], (2, 2))
    assert slid.periods == set(range(16)) - {0, 8}
    assert build_chain(machine(), layer, mapping, dict(layer.default_links), "I").slid == [None, None]


@pytest.mark.parametrize("seed", [442, 1386, 3602, 3751])
def test_the_evaluator_is_as_near_as_without(seed: int) -> None:
    """Random cases that stall for windows, found among thousands."""
    accelerator, layer, mapping = drawn(seed)
    kept, run = totals(accelerator, layer, mapping)
    fetched, other = totals(without(accelerator), layer, mapping)
    assert run <= other
    assert kept == pytest.approx(run, rel=0.02)
    assert fetched == pytest.approx(other, rel=0.02)
