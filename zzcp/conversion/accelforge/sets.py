"""Sets of tensors as AccelForge's files state them: ``input | output``, ``~weight``, ``MainMemory.tensors``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from zzcp.conversion.parts import Part

MAX_LENGTH = 500
"""Longest expression accepted, in characters."""

_Set = frozenset[str]
_OPERATIONS: dict[type[ast.operator], Callable[[_Set, _Set], _Set]] = {
    ast.BitOr: _Set.union,
    ast.BitAnd: _Set.intersection,
    ast.Sub: _Set.difference,
}


def tensors(part: Part, names: Mapping[str, frozenset[str]], universe: frozenset[str]) -> frozenset[str]:
    """Return the set that an expression stands for.

    Parameters
    ----------
    part : Part
        Where it stands.
    names : mapping of str to frozenset of str
        Sets by their names: tensors, renames, and what memories hold.
    universe : frozenset of str
        All tensors.

    Raises
    ------
    InputError
        If it is no such expression, or a name in it is not known.
    """
    text = part.text("a set of tensors")
    try:
        if len(text) > MAX_LENGTH:
            raise SyntaxError
        return _value(ast.parse(text, mode="eval").body, names, universe)
    except (SyntaxError, ValueError, RecursionError):
        problem = text
    except KeyError as error:
        problem = f"the name {error.args[0]!r} in {text!r}"
    raise part.error(
        "a set that is not understood",
        expected="names of tensors or memories, All, Nothing, ~, | and &",
        found=problem,
        hint="what a tensor is in the workload is known where the workload is given, too",
    )


def _value(node: ast.expr, names: Mapping[str, frozenset[str]], universe: frozenset[str]) -> frozenset[str]:
    match node:
        case ast.Name(id="All"):
            return universe
        case ast.Name(id="Nothing" | "Intermediates" | "Persistent"):
            return frozenset()  # of one layer, nothing is passed on
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id=name), attr="tensors"):
            return names[name]
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return universe - _value(operand, names, universe)
        case ast.BinOp(left=left, op=symbol, right=right) if type(symbol) in _OPERATIONS:
            sides = (_value(side, names, universe) for side in (left, right))
            return _OPERATIONS[type(symbol)](*sides)
    raise ValueError
