"""Layers from tensors that are indexed by sums of loops, as Timeloop and AccelForge state them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zzcp.errors import InputError
from zzcp.workload import DimensionRelation, Equation, Layer

Term = tuple[str, int]
"""A loop and its factor."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a problem.

    Parameters
    ----------
    name : str
        Its name in the source.
    operand : str
        Its name in the layer: ``W``, ``I`` or ``O``.
    indices : tuple of tuple of Term
        For every index the sum of loops that it is.
    """

    name: str
    operand: str
    indices: tuple[tuple[Term, ...], ...]


NAMES = {"I1": "I", "I2": "W", "O": "O"}
"""What an operand is called in a layer, by its memory operand."""


def build(
    name: str,
    operator: str,
    sizes: Mapping[str, int],
    tensors: Sequence[Tensor],
    precision: Mapping[str, int],
    *,
    identifier: int = 0,
    sources: Mapping[str, int] | None = None,
    combine: str = "*",
) -> Layer:
    """Return the layer of a problem.

    Parameters
    ----------
    name, operator : str
        As for `Layer`.
    sizes : mapping of str to int
        Iterations of every loop.
    tensors : sequence of Tensor
        The output and at most two inputs.
    precision : mapping of str to int
        Bits of the operands.
    identifier, sources
        As for `Layer`.
    combine : str
        How the inputs are combined, ``*`` or ``+``.

    Raises
    ------
    InputError
        If a tensor is indexed by more than a layer can say.
    """
    outputs = [tensor for tensor in tensors if tensor.operand == "O"]
    if len(outputs) != 1 or not 2 <= len(tensors) <= 3:
        raise InputError(
            f"{name} is no layer",
            expected="one output and one or two inputs",
            found=", ".join(tensor.name for tensor in tensors),
        )
    made = {dim for index in outputs[0].indices for dim, _ in index}
    relations: dict[frozenset[Term], DimensionRelation] = {}
    loops = dict(sizes)
    indices: dict[str, tuple[str, ...]] = {}
    for tensor in sorted(tensors, key=lambda tensor: ("O", "W", "I").index(tensor.operand)):
        indices[tensor.operand] = tuple(
            _index(_with_step(index, loops), made, tensor.name, relations, set(loops))
            for index in tensor.indices
        )
    equation = Equation("O", tuple(operand for operand in indices if operand != "O"), indices, combine)
    return Layer(
        Equation.parse(str(equation)),
        loops,
        name=name,
        operator=operator,
        relations=tuple(relations.values()),
        precision=precision,
        id=identifier,
        sources=sources or {},
    )


def _with_step(index: tuple[Term, ...], loops: dict[str, int]) -> tuple[Term, ...]:
    """Return an index as a window: a loop with a factor alone moves a window of one element, a new loop."""
    if len(index) != 1 or index[0][1] <= 1:
        return index
    name = f"F{index[0][0]}"
    while loops.get(name, 1) != 1:
        name += "1"
    loops[name] = 1
    return (*index, (name, 1))


def _index(
    index: tuple[Term, ...],
    made: set[str],
    tensor: str,
    relations: dict[frozenset[Term], DimensionRelation],
    loops: set[str],
) -> str:
    """Return the dimension of one index; a sum of two loops becomes a window."""
    if len(index) == 1 and index[0][1] == 1:
        return index[0][0]
    terms = " + ".join(f"{factor}*{dim}" if factor != 1 else dim for dim, factor in index)
    if len(index) != 2 or any(factor < 1 for _, factor in index):
        raise InputError(
            f"an index of {tensor} is no window",
            expected="a loop, or the sum of two loops with factors of at least 1",
            found=terms or "nothing",
        )
    key = frozenset(index)
    if key not in relations:
        # the loop that makes other outputs moves the window, the other one runs inside of it
        outer, inner = sorted(index, key=lambda term: term[0] not in made)
        taken = loops | {relation.window for relation in relations.values()}
        name = next(
            candidate for n in range(len(taken) + 1) if (candidate := f"I{outer[0]}{n or ''}") not in taken
        )
        relations[key] = DimensionRelation(name, *outer, *inner)
    return relations[key].window
