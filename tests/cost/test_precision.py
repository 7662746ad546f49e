"""Bits at which a memory stores an operand, where they are not the layer's."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from random import Random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import macros
from tests.cost.forms import check_all_forms, shuffled
from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.machines import MEMORIES, machine
from tests.random_layers import KINDS, random_layer
from tests.simulation.test_cycles_overlap import totals
from tests.simulation.tiny_cases import random_case
from tests.solver.machine_fields import precision
from zzcp import EXACT, ZIGZAG, ZIGZAG_3_0, Accelerator, InputError, Layer, Mapping, MappingError, evaluate
from zzcp.cost import CostConventions, Evaluator
from zzcp.cost.arguments import not_counted
from zzcp.cost.batch import MappingBatch
from zzcp.documents import parse_document
from zzcp.explanations.differences import machine_differences
from zzcp.hardware import Memory
from zzcp.io import accelerator_to_yaml, read_accelerator
from zzcp.mapping import SpatialMapping
from zzcp.mapping.machine import without_bypassed
from zzcp.sweeps.fields import Subject, catalogue

GEMM = Layer.gemm(b=2, k=4, c=2, precision={"W": 8, "I": 8, "O": 16, "O_final": 8})
MAPPING = Mapping.from_dict(
    {
        "spatial_mapping": {"D1": {"K": 2}},
        "temporal_mapping": {
            "W": [[["C", 2], ["B", 2]], [["K", 2]]],
            "I": [[["C", 2]], [["B", 2]], [["K", 2]]],
            "O": [[["C", 2], ["B", 2]], [["K", 2]]],
        },
    }
)


def storing(accelerator: Accelerator, **stated: dict[str, int]) -> Accelerator:
    """Return a machine whose memories of some names state precisions."""
    memories = tuple(
        replace(memory, precision=tuple(stated.get(memory.name, {}).items()))
        for memory in accelerator.memories
    )
    return replace(accelerator, memories=memories)


def without(accelerator: Accelerator) -> Accelerator:
    return storing(accelerator)


def test_every_side_of_a_link_has_its_own_bits() -> None:
    """The SRAM moves words of 8 bits through `top`, of 32 through `low`; the DRAM words of 64."""
    plain = evaluate(machine(), GEMM, MAPPING)
    found = evaluate(storing(machine(), sram={"O": 24, "I1": 4}), GEMM, MAPPING)
    before, after = (result.accesses for result in (plain, found))
    # two lanes of K: pairs of sums, 8 of them, of 48 bits instead of 32: two words of 32 bits
    assert (before["O"][0].from_below, after["O"][0].from_below) == (8, 16)
    # two tiles of 4 results, of 24 bits instead of 8: 12 words of 8 bits instead of 4, of 8 that make an access
    assert (before["O"][0].to_above, after["O"][0].to_above) == (Fraction(2 * 4, 8), Fraction(2 * 12, 8))
    # the DRAM receives 8 bits of each all the same
    assert before["O"][1] == after["O"][1]
    # activations come from the DRAM in 8 bits, and are written and read in 4
    assert before["I"][2] == after["I"][2]
    assert (before["I"][1].from_above, after["I"][1].from_above) == (Fraction(4, 8), Fraction(2, 8))
    assert before["I"][0] == after["I"][0]
    # 4 sums, which arrive as partial ones, and 4 activations
    used = [result.utilization.shared["O"][0] for result in (plain, found)]
    assert used == [(4 * 16 + 4 * 8) / 8192, (4 * 24 + 4 * 4) / 8192]


def test_capacity_is_needed_to_the_bit() -> None:
    tight = replace(MEMORIES[2], size=4 * 24 + 4 * 8, precision=(("O", 24),))
    evaluate(machine((*MEMORIES[:2], tight, MEMORIES[3])), GEMM, MAPPING)
    with pytest.raises(
        MappingError, match=r"memory sram holds 127 bits, the mapping needs 128 \(1 too many\)"
    ):
        evaluate(machine((*MEMORIES[:2], replace(tight, size=127), MEMORIES[3])), GEMM, MAPPING)


@pytest.mark.parametrize("seed", range(40))
def test_what_the_layer_says_anyway_changes_nothing(seed: int) -> None:
    case = random_case(seed)
    output = case.layer.output
    own = {**case.layer.precision, f"{output}_final": case.layer.precision[output]}
    layer = replace(case.layer, precision=own)
    by_operand = {
        case.links[operand]: bits for operand, bits in layer.precision.items() if operand in case.links
    }
    stated = {
        memory.name: {operand: by_operand[operand] for operand in memory.operands if by_operand.get(operand)}
        for memory in case.accelerator.memories
    }
    plain, same = (
        evaluate(chip, layer, case.mapping, allow_invalid=True)
        for chip in (case.accelerator, storing(case.accelerator, **stated))
    )
    assert plain.to_dict() == same.to_dict()


@pytest.mark.parametrize("seed", range(12))
def test_all_forms_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_case(seed, overlap=seed % 2 == 0, stated=True)
    fixed = case.accelerator, case.layer, case.mapping.spatial, EXACT, case.links
    mappings = shuffled(case, Random(seed))
    batch = MappingBatch.from_mappings(case.layer, mappings)
    check_all_forms(partial(Evaluator, *fixed), mappings, batch, monkeypatch)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), more=st.integers(1, 40), data=st.data())
def test_fewer_bits_never_move_or_hold_more(seed: int, more: int, data: st.DataObject) -> None:
    """Memory by memory: all others stay as they are."""
    case = random_case(seed % 300, stated=True)
    chosen = data.draw(st.sampled_from(case.accelerator.memories))
    if not chosen.precision:
        return
    wider = tuple((operand, bits + more) for operand, bits in chosen.precision)
    larger = storing(
        case.accelerator,
        **{
            memory.name: dict(wider if memory is chosen else memory.precision)
            for memory in case.accelerator.memories
        },
    )
    few, many = (
        evaluate(chip, case.layer, case.mapping, allow_invalid=True) for chip in (case.accelerator, larger)
    )
    assert few.energy.exact <= many.energy.exact
    for operand in case.layer.operands:
        pairs = zip(few.utilization.individual[operand], many.utilization.individual[operand], strict=True)
        assert all(one <= other for one, other in pairs)


@pytest.mark.parametrize("conventions", [ZIGZAG, ZIGZAG_3_0], ids=lambda conventions: conventions.name)
def test_zigzag_knows_none(conventions: CostConventions) -> None:
    stated = storing(machine(), sram={"O": 24})
    assert (
        evaluate(stated, GEMM, MAPPING, conventions=conventions).to_dict()
        == evaluate(machine(), GEMM, MAPPING, conventions=conventions).to_dict()
    )
    assert not_counted(stated, conventions) == ["precision of sram"]
    assert not_counted(stated, EXACT) == []


def test_what_has_no_bits_has_none_anywhere() -> None:
    layer = replace(GEMM, precision={**GEMM.precision, "W": 0})
    found = evaluate(storing(machine(), w_regs={"I2": 8}, dram={"I2": 8}), layer, MAPPING)
    assert found.to_dict() == evaluate(machine(), layer, MAPPING).to_dict()
    assert all(row == (0, 0, 0, 0) for row in found.accesses["W"])


def test_cells_are_precharged_for_every_weight_that_is_read() -> None:
    """Of a weight that has half of the layer's bits in the cells a read of full width precharges twice as many."""
    chip = macros.machine(macros.macro(4, 4), 64)
    layer, halved = Layer.gemm(b=2, k=4, c=4, precision={"W": 8}), storing(chip, cells={"I2": 4})
    cells = [
        Evaluator(accelerator, layer, SpatialMapping(()))
        .setting.operands[layer.operands.index("W")]
        .memories[0]
        for accelerator in (chip, halved)
    ]
    once, twice = (memory.read_energy - chip.memory("cells").read_energy for memory in cells)
    assert 0 < 2 * once == pytest.approx(twice)


@pytest.mark.parametrize("seed", range(3))
def test_the_simulator_is_as_near_as_without(seed: int) -> None:
    """The mean error over random cases is no larger than on the same machines without the field."""
    rng = Random(f"simulated precision {seed}")
    errors: list[tuple[float, float]] = []
    while len(errors) < 15:
        chip, layer = precision(rng, random_accelerator(rng)), random_layer(rng, rng.choice(list(KINDS)))
        spatial = random_spatial(rng, chip, layer)
        if spatial.cycles(layer) > 600 or any(size % spatial.total(dim) for dim, size in layer.sizes.items()):
            continue
        mapping = random_mapping(rng, chip, layer, spatial, EXACT)
        if mapping is None:
            continue
        try:
            bare = totals(without(chip), layer, mapping)
        except MappingError:
            continue  # too large at the layer's bits
        counted, run = totals(chip, layer, mapping)
        errors.append((abs(counted / run - 1), abs(bare[0] / bare[1] - 1)))
    own, plain = (fmean(column) for column in zip(*errors, strict=True))
    assert own <= max(plain, 0.03)


def test_what_is_bypassed_takes_its_precision_along() -> None:
    stated = storing(machine(), sram={"O": 24, "I1": 4})
    left = without_bypassed(stated, {"I": ["sram"]}, GEMM.default_links)
    assert left.memory("sram").precision == (("O", 24),)


def test_the_field_is_read_and_written() -> None:
    stated = storing(machine(), sram={"O": 24, "I1": 4})
    assert stated.memory("sram").precision == (("I1", 4), ("O", 24))
    text = accelerator_to_yaml(stated)
    assert text.count("precision") == 1
    assert read_accelerator(parse_document(text)) == stated
    assert hash(stated.memory("sram")) == hash(replace(MEMORIES[2], precision={"O": 24, "I1": 4}))
    assert "precision" not in accelerator_to_yaml(machine())


def test_two_machines_differ_in_it() -> None:
    (found,) = machine_differences(storing(machine(), sram={"O": 24}), machine())
    assert (found.field, found.first, found.second) == ("memories.sram.precision", "O, 24", "none")


def test_it_can_be_varied_where_it_is_stated() -> None:
    stated = storing(machine(), sram={"O": 24})
    known = catalogue(stated, [GEMM])
    assert [name for name in known if ".precision." in name] == ["memories.sram.precision.O"]
    field = known["memories.sram.precision.O"]
    changed = field.put(Subject(stated, GEMM), 12)
    assert (field.get(Subject(stated, GEMM)), field.get(changed)) == (24, 12)
    assert changed.accelerator == storing(machine(), sram={"O": 12})


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"I2": 8}, "memory sram: a precision of operand I2, which it does not hold: expected I1, O"),
        ({"O": 0}, "memory sram: precision of O out of range: expected 1 to 4096 bits, found 0"),
        ({"O": 5000}, "expected 1 to 4096 bits"),
        ({"O": "x"}, "precision of O in memory sram is not a whole number"),
        ({"O": True}, "is not a whole number"),
        (24, "precision of memory sram: expected a dictionary of operands and bits"),
        ([("O", 8, 9)], "precision of memory sram: expected a dictionary of operands and bits"),
        ({3: 8}, "key of precision of memory sram"),
    ],
)
def test_bad_values(stated: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(MEMORIES[2], precision=stated)


def test_an_operand_that_the_memory_does_not_hold_is_named_with_its_line() -> None:
    text = accelerator_to_yaml(storing(machine(), sram={"O": 24})).replace("O: 24", "I2: 24")
    with pytest.raises(
        InputError, match=r":\d+: memories.sram.precision.I2: memory sram: a precision of operand I2"
    ):
        read_accelerator(parse_document(text, "machine.yaml"))


def test_a_memory_states_nothing_by_default() -> None:
    memory: Memory = MEMORIES[0]
    assert memory.precision == ()
    assert memory.stated_precision("I2") is None
