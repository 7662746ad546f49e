"""Nothing is read from a memory that was not written there before, and all of every tensor passes the top."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings

from tests.strategies import Case, cases, cost, linked, merged_down
from zzcp.cost import EXACT, Evaluation

FEW = settings(max_examples=20)


def bit_by_bit(case: Case) -> Case:
    """Return the case with ports that move single bits, and outputs of one precision: nothing is rounded."""
    memories = tuple(
        replace(memory, ports=tuple(replace(port, bandwidth_min=1) for port in memory.ports))
        for memory in case.accelerator.memories
    )
    precision = dict(case.layer.precision)
    precision[f"{case.layer.output}_final"] = precision[case.layer.output]
    layer = replace(case.layer, precision=precision)
    # tiles of outputs have grown
    memories = tuple(replace(memory, size=memory.size * 32) for memory in memories)
    return Case(replace(case.accelerator, memories=memories), layer, case.mapping)


def bits(case: Case, evaluation: Evaluation, operand: str) -> list[tuple[Fraction, ...]]:
    """Return per level the bits from above, to above, from below and to below over the layer, all instances."""
    memory_operand = (case.layer.default_links | dict(case.mapping.links or {}))[operand]
    rows = []
    for memory, entry in zip(linked(case, operand), evaluation.accesses[operand], strict=True):
        widths = []
        for direction in ("fh", "th", "fl", "tl"):
            port = memory.port(memory_operand, direction)  # type: ignore[arg-type]
            widths.append(port.bandwidth_max if port else 0)
        rows.append(tuple(Fraction(count) * width for count, width in zip(entry, widths, strict=True)))
    return rows


@given(case=cases())
@FEW
def test_every_bit_that_is_read_was_written_there(case: Case) -> None:
    case = bit_by_bit(case)
    layer = case.layer
    evaluation = cost(case)
    for operand in layer.inputs:
        tensor = layer.tensor_size(operand) * layer.precision[operand]
        rows = bits(case, evaluation, operand)
        assert rows[-1][:3] == (0, 0, 0)  # inputs come from nowhere but the top, and nothing goes back
        assert rows[-1][3] >= tensor
        for lower, upper in itertools.pairwise(rows):
            from_above, to_above, from_below, to_below = lower
            assert to_above == from_below == 0
            # one read above may be written into several instances below, never the reverse
            assert from_above >= upper[3]
            assert min(from_above, to_below) >= tensor
    tensor = layer.tensor_size(layer.output) * layer.precision[layer.output]
    rows = bits(case, evaluation, layer.output)
    assert rows[-1][:2] == (0, 0)
    for level, (from_above, to_above, from_below, to_below) in enumerate(rows):
        # what is read again has been written before, and the last write is not read again
        assert from_below - to_below >= tensor
        if level < len(rows) - 1:
            assert to_above - from_above >= tensor
            # sums of several instances are added up on the way
            assert to_above >= rows[level + 1][2]
            assert from_above >= rows[level + 1][3]
            # what leaves for the level above was written by the level below
            assert from_below >= to_above
            assert to_below >= from_above


@given(case=cases())
@FEW
def test_words_are_never_less_than_bits(case: Case) -> None:
    layer, evaluation = case.layer, cost(case)
    sizes = dict(layer.precision)
    sizes[layer.output] = layer.final_precision
    for operand in layer.operands:
        from_below, to_below = bits(case, evaluation, operand)[-1][2:]
        moved = from_below if operand == layer.output else to_below
        assert moved >= layer.tensor_size(operand) * sizes[operand]


@given(case=cases())
@FEW
def test_the_first_visit_of_an_output_tile_reads_nothing(case: Case) -> None:
    exact = cost(case).accesses[case.layer.output]
    as_often = cost(case, replace(EXACT, first_partial_sum_reads=True)).accesses[case.layer.output]
    irrelevant = case.layer.relevance(case.layer.output).irrelevant
    above = 1
    link_above: list[int] = []  # reductions above every link, the array's first
    merged = merged_down(case.layer, case.mapping.temporal[case.layer.output], irrelevant)
    for level in reversed([(), *merged]):
        link_above.insert(0, above)
        above *= math.prod(loop.size for loop in level if loop.dim in irrelevant)
    for level, (ours, theirs) in enumerate(zip(exact, as_often, strict=True)):
        assert ours.from_below == theirs.from_below
        assert ours.to_above == theirs.to_above
        below, beyond = link_above[level], link_above[level + 1]
        assert ours.to_below * below == theirs.to_below * (below - 1)
        assert ours.from_above * beyond == theirs.from_above * (beyond - 1)
