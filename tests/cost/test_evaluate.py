"""The evaluator of one mapping: a case worked by hand, what is invalid and by how much, and the plain form."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

import zzcp
from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.machines import ARRAY, MEMORIES, machine, memory
from tests.random_layers import ALL_KINDS, random_layer
from tests.strategies import Case, cases
from zzcp.cost import EXACT, ZIGZAG, Accesses, Evaluation, Evaluator, Latency, evaluate
from zzcp.errors import InputError, MappingError
from zzcp.hardware import Accelerator, OperationalArray
from zzcp.mapping import Mapping, SpatialMapping
from zzcp.workload import Layer

SMALL = machine()
GEMM = Layer.gemm(b=5, k=8, c=6)
DATA: dict[str, Any] = {
    "spatial_mapping": {"D1": {"K": 4}, "D2": {"C": 2}},
    "temporal_mapping": {
        "O": [[["C", 3]], [["K", 2], ["B", 5]]],
        "W": [[["C", 3], ["K", 2]], [["B", 5]]],
        "I": [[], [["C", 3], ["K", 2]], [["B", 5]]],
    },
}
MAPPING = Mapping.from_dict(DATA)


@pytest.fixture(scope="module")
def worked() -> Evaluation:
    return evaluate(SMALL, GEMM, MAPPING)


# ---- a case worked by hand ------------------------------------------------------------------------------------


def test_accesses_worked_by_hand(worked: Evaluation) -> None:
    """Weights stay in the registers for all of B; full-width accesses, the words of the SRAM's top port being 8 bits.

    W: 6 elements in each of 8 registers, read 30 times; the DRAM sends 48 elements in 6 words, once.
    I: the registers take another element in each of 30 cycles, the SRAM another 6 elements for every B.
    O: four sums of 16 bits per cycle take two words of 32 bits; the first of three additions reads nothing.
    """
    assert worked.accesses == {
        "O": (Accesses(0, Fraction(1, 2) * 10, 2 * 30, 2 * 20), Accesses(0, 0, 10, 0)),
        "W": (Accesses(8, 0, 0, 30 * 8), Accesses(0, 0, 0, 6)),
        "I": (
            Accesses(30 * 2, 0, 0, 30 * 2),
            Accesses(Fraction(3, 4) * 5, 0, 0, 30),
            Accesses(0, 0, 0, 5),
        ),
    }
    assert worked.accesses["O"][0].reads == 5 + 40
    assert worked.accesses["O"][0].writes == 60


def test_energy_worked_by_hand(worked: Evaluation) -> None:
    energy = worked.energy
    assert energy.mac == 240 * 0.5
    assert energy.by_operand == {
        "O": (5 * 10 + 60 * 12.5 + 40 * 10, 10 * 110.0),
        "W": (8 * 1.5 + 240 * 1.0, 6 * 100.0),
        "I": (60 * 1.5 + 60 * 1.0, 3.75 * 12.5 + 30 * 10, 5 * 100.0),
    }
    assert energy.by_memory == {
        "sram": 1200.0 + 346.875,
        "dram": 1100.0 + 600.0 + 500.0,
        "w_regs": 252.0,
        "i_regs": 150.0,
    }
    assert energy.exact == Fraction(4268875, 1000)
    assert energy.total == 4268.875
    assert worked.edp == 4268.875 * 138


def test_latency_worked_by_hand(worked: Evaluation) -> None:
    """The SRAM's lower port is busy for 29 x 1 + 29 x 2 + 20 x 2 of 30 cycles: 97 cycles late.

    The first pieces are at the array after 5 cycles. All of W is needed within 3 operations. By then the DRAM's port
    has 6 + 1 cycles of first fills to do, and 3 - ceil((4 x 1 + 9 x 1) / 10) = 1 idle one. The port of W's registers
    has as many, 6 for W's way in and 1 for the first read, and none idle, as it is read all the time: the loading is 7.
    The last four sums need 2 cycles at the SRAM's lower port, then 1, and the latency of the SRAM.
    """
    assert worked.latency == Latency(
        total=138,
        ideal=30,
        spatial_stall=0,
        temporal_stall=97,
        data_loading=7,
        data_unloading=4,
        drain=0,
    )


def test_ports_worked_by_hand(worked: Evaluation) -> None:
    found = {
        (port.memory, port.port): (port.stall, port.slack, port.busy, port.limits) for port in worked.ports
    }
    assert found == {
        ("w_regs", "rw"): (0, 0, 1 + 30, ()),
        ("i_regs", "rw"): (28, 0, 60, ("I sram -> i_regs", "I i_regs -> array")),
        ("sram", "top"): (0, 0, 5 + 10, ()),
        ("sram", "low"): (97, 0, 30 + 60 + 40, ("O array -> sram", "O sram -> array")),
        ("dram", "rw"): (0, 0, 6 + 5 + 10, ()),
    }


def test_links_worked_by_hand(worked: Evaluation) -> None:
    """The inputs share the DRAM's port; I goes first, since its way is longer.

    W stays, so that its first 8 elements are enough to begin: 1 cycle of 6; but none of the others hides in time.
    """
    found = [
        (link.operand, link.source, link.target, link.start, link.cycles, link.bits) for link in worked.links
    ]
    assert found == [
        ("W", "dram", "w_regs", 1, 6, 48),
        ("W", "w_regs", "array", 3, 1, 8),
        ("I", "dram", "sram", 0, 1, 48),
        ("I", "sram", "i_regs", 2, 1, 8),
        ("I", "i_regs", "array", 4, 1, 8),
        ("O", "array", "sram", None, 2, 16),
        ("O", "sram", "dram", None, 1, 32),
    ]
    ports = [link.ports for link in worked.links]
    assert ports[:3] == [("w_regs.rw", "dram.rw"), ("w_regs.rw",), ("sram.top", "dram.rw")]
    assert [link.shared for link in worked.links] == [True, False, True, True, False, True, True]


def test_use_of_the_memories_worked_by_hand(worked: Evaluation) -> None:
    used = worked.utilization
    assert (used.spatial, used.temporal, used.total) == (1.0, 30 / 138, 30 / 138)
    assert used.individual["W"] == (48 / 64, 8 * 48 / 10**9)
    assert used.individual["I"] == (8 / 64, 48 / 8192, 30 * 8 / 10**9)
    assert used.individual["O"] == (4 * 16 / 8192, 40 * 8 / 10**9)
    assert used.shared["O"][0] == used.individual["O"][0] + used.individual["I"][1]
    # K repeats all of I's tile and C all of O's, so that a second copy helps; W is never replaced
    assert worked.double_buffered == {"O": (True,), "W": (False,), "I": (False, True)}


def test_an_array_that_is_not_filled_and_waits_for_its_drain() -> None:
    array = replace(ARRAY, systolic_dimensions=("D1",))
    half = Mapping.from_dict(
        {
            "spatial_mapping": {"D1": {"K": 4}},
            "temporal_mapping": {
                "O": [[["C", 6]], [["K", 2], ["B", 5]]],
                "W": [[["C", 6]], [["K", 2], ["B", 5]]],
                "I": [[], [["C", 6], ["K", 2]], [["B", 5]]],
            },
        }
    )
    latency = evaluate(machine(array=array), GEMM, half).latency
    assert (latency.ideal, latency.spatial_stall, latency.drain) == (30, 30, 3)


def test_one_memory_for_everything() -> None:
    """No link but those to the array: the first operands come one after the other, a memory's latency later.

    The port is busy in every cycle but those of the latency, and of the last operation.
    """
    single = Accelerator("single", (memory("m", "I1 I2 O", size=10**6, latency=5),), OperationalArray((), ()))
    order = [("C", 6), ("K", 8), ("B", 5)]
    mapping = Mapping.from_order(SpatialMapping(), order, dict.fromkeys("OWI", (3,)))
    evaluation = evaluate(single, GEMM, mapping)
    links = [(link.operand, link.source, link.target, link.start, link.cycles) for link in evaluation.links]
    assert links == [("W", "m", "array", 0, 1), ("I", "m", "array", 1, 1), ("O", "array", "m", None, 1)]
    assert (evaluation.latency.data_loading, evaluation.latency.data_unloading) == (2 + 5, 1)
    assert [port.busy for port in evaluation.ports] == [240 + 240 + 240 + 200]
    assert evaluation.latency.total == 240 + 240 + 240 + 200 + 5
    assert evaluation.accesses == {
        "O": (Accesses(0, 0, 240, 240 - 40),),
        "W": (Accesses(0, 0, 0, 240),),
        "I": (Accesses(0, 0, 0, 240),),
    }
    assert evaluation.double_buffered == {"O": (), "W": (), "I": ()}


# ---- what is invalid ------------------------------------------------------------------------------------------


def test_a_memory_that_is_too_small() -> None:
    small = machine((replace(MEMORIES[0], size=40), *MEMORIES[1:]))
    with pytest.raises(MappingError) as caught:
        evaluate(small, GEMM, MAPPING)
    message = "memory w_regs holds 40 bits, the mapping needs 48 (8 too many)"
    assert caught.value.violations == (message,)
    assert str(caught.value) == f"invalid mapping: {message}"
    assert caught.value.exit_code == 3


def test_an_invalid_mapping_is_scored_on_request() -> None:
    tiny = machine((replace(MEMORIES[0], size=40), MEMORIES[1], replace(MEMORIES[2], size=100), MEMORIES[3]))
    evaluation = evaluate(tiny, GEMM, MAPPING, allow_invalid=True)
    assert not evaluation.valid
    assert evaluation.violations == (
        "memory w_regs holds 40 bits, the mapping needs 48 (8 too many)",
        "memory sram holds 100 bits, the mapping needs 112 (12 too many)",
    )
    assert evaluation.to_dict()["violations"] == list(evaluation.violations)
    valid = evaluate(SMALL, GEMM, MAPPING)
    assert valid.valid
    assert "violations" not in valid.to_dict()
    assert evaluation.energy == valid.energy
    assert evaluation.latency.temporal_stall == valid.latency.temporal_stall


def test_several_violations_in_one_message() -> None:
    data = {**DATA["temporal_mapping"], "W": [[["C", 3], ["B", 5]], [["K", 3]]]}
    mapping = Mapping.from_dict(DATA | {"temporal_mapping": data})
    with pytest.raises(MappingError) as caught:
        evaluate(machine((replace(MEMORIES[0], size=8), *MEMORIES[1:])), GEMM, mapping)
    assert caught.value.violations == (
        "operand W: its loops run 3 iterations of K, the layer needs 2 after unrolling 4 of 8 (1 too many)",
        "memory w_regs holds 8 bits, the mapping needs 24 (16 too many)",
    )


@pytest.mark.parametrize("allow_invalid", [False, True])
def test_meaningless_mappings_are_never_scored(allow_invalid: bool) -> None:
    data = {operand: DATA["temporal_mapping"][operand] for operand in "OW"}
    with pytest.raises(MappingError, match="the temporal mapping lacks operand I"):
        evaluate(
            SMALL, GEMM, Mapping.from_dict(DATA | {"temporal_mapping": data}), allow_invalid=allow_invalid
        )
    with pytest.raises(MappingError, match=r"D1 has 4 units, the unrolling needs 8 \(4 too many\)"):
        evaluate(
            SMALL,
            GEMM,
            Mapping.from_dict(DATA | {"spatial_mapping": {"D1": {"K": 8}}}),
            allow_invalid=allow_invalid,
        )


def with_sram(size: int) -> Accelerator:
    """Return the small machine with another SRAM, which has to hold 48 bits of I and 64 of O."""
    return machine((*MEMORIES[:2], replace(MEMORIES[2], size=size), MEMORIES[3]))


def test_copies_that_are_asked_for_take_room() -> None:
    twice = MAPPING.with_buffering({"W": (True,), "I": (False, True), "O": (True,)})
    with pytest.raises(MappingError) as caught:
        evaluate(with_sram(200), GEMM, twice)
    assert caught.value.violations == (
        "memory w_regs holds 64 bits, the mapping needs 96 (32 too many)",
        "memory sram holds 200 bits, the mapping needs 224 (24 too many)",
    )


@pytest.mark.parametrize(
    ("size", "twice"), [(224, "IO"), (223, "O"), (176, "O"), (175, "I"), (160, "I"), (159, ""), (112, "")]
)
def test_copies_that_nobody_asked_for_are_made_where_there_is_room(size: int, twice: str) -> None:
    flags = evaluate(with_sram(size), GEMM, MAPPING).double_buffered
    assert (flags["I"][1], flags["O"][0]) == ("I" in twice, "O" in twice)


def test_copies_that_the_memory_makes_take_room() -> None:
    """Only what is refilled is kept twice: of the SRAM's tiles both, of the registers' W nothing."""
    forcing = tuple(replace(held, force_double_buffering=True) for held in MEMORIES)
    assert evaluate(machine(forcing), GEMM, MAPPING).double_buffered == {
        "O": (True,),
        "W": (False,),
        "I": (True, True),
    }
    tight = (*forcing[:2], replace(forcing[2], size=223), forcing[3])
    with pytest.raises(MappingError, match=r"sram holds 223 bits, the mapping needs 224 \(1 too many\)"):
        evaluate(machine(tight), GEMM, MAPPING)


@pytest.mark.parametrize(
    ("layer", "links", "message"),
    [
        (GEMM, {"W": "I1"}, "two operands of layer gemm are linked to one memory operand"),
        (
            GEMM,
            {"W": "I3"},
            "operand W is linked to a memory operand that accelerator small lacks: "
            "expected I1, I2, O, found I3",
        ),
        (
            GEMM,
            {"O": "I2", "W": "O"},
            "the output of layer gemm must be linked to O: found I2",
        ),
        (
            Layer("O[b]+=W[b]*I[b]*V[b]", {"B": 2}, name="three"),
            {},
            "operand V of layer three is linked to no memory operand: "
            "expected memory_operand_links with one of I1, I2, O for every operand",
        ),
    ],
)
def test_links_that_cannot_be(layer: Layer, links: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        evaluate(SMALL, layer, replace(MAPPING, spatial=SpatialMapping(), links=links))
    assert str(caught.value).startswith(message)


def test_links_exchange_the_inputs() -> None:
    temporal = {"O": MAPPING.temporal["O"], "W": MAPPING.temporal["I"], "I": MAPPING.temporal["W"]}
    swapped = replace(MAPPING, temporal=temporal, links={"W": "I1", "I": "I2"})
    evaluation = evaluate(SMALL, GEMM, swapped)
    assert [row.memory for row in evaluation.energy.by_direction["W"]] == ["i_regs", "sram", "dram"]


# ---- forms ----------------------------------------------------------------------------------------------------


@given(cases())
@settings(max_examples=15)
def test_one_evaluator_for_many_mappings(case: Case) -> None:
    accelerator, layer, mapping = case
    for conventions in (EXACT, ZIGZAG):
        evaluator = Evaluator(accelerator, layer, mapping.spatial, conventions, mapping.links)
        result = evaluator.evaluate(mapping, allow_invalid=True)
        assert result == zzcp.evaluate(accelerator, layer, mapping, conventions, allow_invalid=True)
        if conventions is EXACT:
            assert evaluator.cost(mapping) == (result.energy.exact, result.latency.total)


def test_the_keys_of_the_plain_form(worked: Evaluation) -> None:
    data = worked.to_dict()
    assert list(data) == [
        "conventions",
        "valid",
        "edp",
        "energy",
        "latency",
        "accesses",
        "utilization",
        "ports",
        "links",
        "double_buffered",
    ]
    assert list(data["energy"]) == ["total", "mac", "memory", "by_memory", "by_operand", "by_direction"]
    assert list(data["latency"]) == [
        "total",
        "ideal",
        "spatial_stall",
        "temporal_stall",
        "data_loading",
        "data_unloading",
        "drain",
    ]
    assert data["accesses"]["I"][1] == {
        "from_above": 3.75,
        "to_above": 0,
        "from_below": 0,
        "to_below": 30,
    }
    assert (data["conventions"], data["valid"], data["edp"]) == ("exact", True, 4268.875 * 138)
    assert data["links"][2] == {
        "operand": "I",
        "source": "dram",
        "target": "sram",
        "bytes": 6,
        "lower_cycles": 1,
        "upper_cycles": 1,
        "cycles": 1,
        "hidden": 0,
        "start": 0,
        "shared": True,
        "ports": ["sram.top", "dram.rw"],
    }
    assert data["double_buffered"] == {"O": [True], "W": [False], "I": [False, True]}
    # whole numbers are written as such
    assert '"total": 138,' in json.dumps(data["latency"])


# ---- between processes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(ALL_KINDS))
def test_an_evaluation_says_the_same_in_another_process(kind: str) -> None:
    """Those of padded convolutions could not be sent at all once, so that ``solve -j 2`` stopped on them."""
    rng = Random(f"pickle {kind}")
    sent = 0
    while sent < 6:
        accelerator, layer = random_accelerator(rng), random_layer(rng, kind, 20_000)
        spatial, conventions = random_spatial(rng, accelerator, layer), rng.choice((EXACT, ZIGZAG))
        mapping = random_mapping(rng, accelerator, layer, spatial, conventions)
        if mapping is not None:
            found = evaluate(accelerator, layer, mapping, conventions)
            again = pickle.loads(pickle.dumps(found))
            assert again == found
            assert again.to_dict() == found.to_dict()
            sent += 1
