"""``Einsum`` nodes: contractions of two tensors."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from zzcp.io.onnx.graph import OnnxNode
from zzcp.io.onnx.operands import Built, Context, LeftOut, agree, built_layer, known, unknown_shape
from zzcp.workload.layer import Layer

_LETTERS = re.compile(r"[A-Za-z]|\.\.\.")


class _Terms(NamedTuple):
    """The indices of the two inputs and of the output, one entry per axis."""

    left: list[str]
    right: list[str]
    output: list[str]


def einsum_layer(node: OnnxNode, context: Context) -> Built:
    """Return the layer of an ``Einsum``, or why it has none.

    Indices of one kind are one loop: those of both inputs and the output are the batch B, of the first and the output
    the rows D, of the second and the output the columns K, of both inputs only the reduction C. What only one input
    has is summed over in a loop of its own, S or T. The loops are those that the equation says; sums are not taken
    out of it.

    Raises
    ------
    InputError
        If the equation does not fit the tensors.
    """
    equation = node.text("equation", "").replace(" ", "")
    count = len([name for name in node.inputs if name])
    if count == 1:
        return LeftOut("Einsum of one tensor: no multiply-accumulate work", 0)
    if count != 2:
        return LeftOut(f"Einsum of {count} tensors: its multiply-accumulate work is left out")
    left, right = node.input(0), node.input(1)
    shapes = [context.graph.shapes.get(name) for name in (left, right)]
    if shapes[0] is None or shapes[1] is None:
        return unknown_shape(node, context.graph, left, right)
    terms = _terms(node, equation, (len(shapes[0]), len(shapes[1])))
    sizes: dict[str, int | str] = {}
    for term, shape in zip(terms[:2], shapes, strict=True):
        assert shape is not None
        for letter, size in zip(term, shape, strict=True):
            broadcast = letter.startswith(".") and 1 in (size, sizes.get(letter))
            stated = max((size, sizes.get(letter, 1)), key=str) if broadcast else size
            sizes[letter] = stated if broadcast else agree(node, f"index {letter}", size, sizes.get(letter))
    if known(*sizes.values()) is None:
        return unknown_shape(node, context.graph, left, right)
    if any(len(set(term)) < len(term) for term in terms[:2]):
        return LeftOut("Einsum over a diagonal: its multiply-accumulate work is left out")
    whole = {letter: size for letter, size in sizes.items() if isinstance(size, int)}
    return (_layer(node, context, (left, right), terms, whole),)


def _terms(node: OnnxNode, equation: str, ranks: tuple[int, int]) -> _Terms:
    """Return the indices of the tensors; those of an ellipsis are ``.0``, ``.1`` and so on, from the last axis."""
    inputs, arrow, output = equation.partition("->")
    parts = inputs.split(",")
    if len(parts) != 2 or _LETTERS.sub("", inputs.replace(",", "") + output):
        raise node.error("malformed equation", expected="such as bij,bjk->bik", found=repr(equation[:80]))
    terms = []
    for part, rank in zip(parts, ranks, strict=True):
        letters = _LETTERS.findall(part)
        missing = rank - len([letter for letter in letters if letter != "..."])
        if missing < 0 or (missing and "..." not in letters):
            raise node.error(
                "the equation does not fit its tensors", expected=f"{rank} indices", found=repr(part)
            )
        terms.append([name for letter in letters for name in _expanded(letter, missing)])
    depth = max((int(name[1:]) + 1 for term in terms for name in term if name[0] == "."), default=0)
    if arrow:
        result = [name for letter in _LETTERS.findall(output) for name in _expanded(letter, depth)]
    else:
        both = terms[0] + terms[1]
        once = sorted(name for name in set(both) if name[0] != "." and both.count(name) == 1)
        result = [*_expanded("...", depth), *once]
    return _Terms(terms[0], terms[1], result)


def _expanded(letter: str, depth: int) -> list[str]:
    return [f".{i}" for i in reversed(range(depth))] if letter == "..." else [letter]


def _layer(
    node: OnnxNode, context: Context, tensors: tuple[str, str], terms: _Terms, sizes: dict[str, int]
) -> Layer:
    kinds = {"B": (True, True, True), "D": (True, False, True), "K": (False, True, True)}
    kinds |= {"C": (True, True, False), "S": (True, False, False), "T": (False, True, False)}
    loops = {}
    for dim, kind in kinds.items():
        letters = [name for name in sizes if tuple(name in term for term in terms) == kind]
        if letters or dim == "C":
            loops[dim] = math.prod(sizes[name] for name in letters)

    def index(place: int) -> str:
        return "".join(f"[{dim.lower()}]" for dim in loops if kinds[dim][place])

    data, weights = tensors
    precision = context.bits.of(node, data, weights, node.output())
    equation = f"O{index(2) or '[]'}+=I{index(0)}*W{index(1)}"
    return built_layer(node, context, equation, loops, precision, {"I": data, "W": weights})
