"""Arithmetic in values: what Python's expressions of numbers mean, exactly, and nothing else of Python.

AccelForge and Timeloop's front end evaluate values such as ``12 * 16``, ``1 / (8 * 614e9)`` or ``ceil(log2(depth))``.
Decimal fractions are the fractions that they say, so that nothing is rounded on the way.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction
from typing import Any

from zzcp.conversion.parts import Part

Number = int | Fraction | float
"""A whole number, an exact fraction, or an infinity."""

MAX_LENGTH = 500
"""Longest expression accepted, in characters."""
MAX_POWER = 1024
"""Largest power accepted, in bits."""


class ExpressionError(ValueError):
    """An expression that cannot be evaluated; the arguments say why, and in short what was found."""


def _exact(value: Number) -> Number:
    """Return a number as it is written: a decimal fraction as the fraction that it says."""
    return Fraction(repr(value)) if isinstance(value, float) and math.isfinite(value) else value


def _rounded(value: float) -> Number:
    """Return a figure of a function such as a logarithm, a whole one as such."""
    return int(value) if math.isfinite(value) and value == int(value) else _exact(value)


def _power(base: Any, exponent: Any) -> Number:
    if isinstance(base, int | Fraction) and isinstance(exponent, int):
        size = max(abs(Fraction(base).numerator), Fraction(base).denominator).bit_length()
        if size * abs(exponent) > MAX_POWER:
            raise ExpressionError("a power out of range")
        return Fraction(base) ** exponent if exponent < 0 else base**exponent
    return _rounded(float(base) ** float(exponent))


def _divide(left: Any, right: Any) -> Number:
    if isinstance(left, float) or isinstance(right, float):
        return left / right  # type: ignore[no-any-return]
    return Fraction(left) / Fraction(right)


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.BitXor: operator.xor,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "log2": lambda value: _rounded(math.log2(value)),
    "sqrt": lambda value: _rounded(math.sqrt(value)),
    "min": min,
    "max": max,
    "sum": sum,
    "round": round,
    "abs": abs,
    "int": int,
    "float": lambda value: value,
}
"""Functions that an expression may call."""


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """Return the value of an expression.

    Parameters
    ----------
    text : str
        The expression.
    names : mapping
        Values of names: numbers, lists of mappings (``x for a in actions``), or mappings (``a.throughput``).

    Raises
    ------
    ExpressionError
        If it is no such expression.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError("a long expression")
    try:
        return _Evaluator(names).value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, TypeError, ValueError, OverflowError, ZeroDivisionError, RecursionError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError("no expression of numbers that is known here") from None


class _Evaluator:
    """Evaluates the parts of an expression under the values of some names."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names

    def value(self, node: ast.expr) -> Any:  # noqa: PLR0911  (one for every kind of node)
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return value if isinstance(value, bool) else _exact(value)
            case ast.Name(id=name):
                return self.named(name)
            case ast.Attribute(value=owner, attr=name):
                return self.attribute(self.value(owner), name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return +self.value(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.value(operand)
            case ast.BinOp(left=left, op=symbol, right=right) if type(symbol) in _BINARY:
                return _BINARY[type(symbol)](self.value(left), self.value(right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self.value(test) else orelse)
            case ast.BoolOp(op=ast.And(), values=values):
                return all(self.value(value) for value in values)
            case ast.BoolOp(values=values):
                return any(self.value(value) for value in values)
            case ast.Compare(left=left, ops=[symbol], comparators=[right]) if type(symbol) in _COMPARE:
                return _COMPARE[type(symbol)](self.value(left), self.value(right))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                return FUNCTIONS[name](*self.arguments(arguments))
        raise ExpressionError(f"{ast.unparse(node)[:60]!r}")

    def named(self, name: str) -> Any:
        if name in self.names:
            return self.names[name]
        if name == "inf":
            return math.inf
        raise ExpressionError(f"the name {name!r}")

    def attribute(self, owner: Any, name: str) -> Any:
        if isinstance(owner, Mapping) and name in owner:
            return owner[name]
        raise ExpressionError(f"the attribute {name!r}")

    def arguments(self, given: list[ast.expr]) -> list[Any]:
        match given:
            case [ast.GeneratorExp(elt=element, generators=[ast.comprehension() as part])] if not part.ifs:
                if not isinstance(part.target, ast.Name):
                    raise ExpressionError(f"{ast.unparse(part)[:60]!r}")
                entries = self.value(part.iter)
                if not isinstance(entries, list):
                    raise ExpressionError(f"{ast.unparse(part.iter)[:60]!r}")
                inner = [_Evaluator({**self.names, part.target.id: entry}) for entry in entries]
                return [[evaluator.value(element) for evaluator in inner]]
        return [self.value(argument) for argument in given]


def number(part: Part, names: Mapping[str, Any], expected: str) -> Number:
    """Return the number that a part holds, as such or as an expression.

    Raises
    ------
    InputError
        If it holds none, saying what in it is not known here.
    """
    value = part.scalar(expected)
    try:
        found = evaluate(part.text(expected), names) if isinstance(value, str) else value
    except ExpressionError as error:
        raise part.error("wrong value", expected=expected, found=f"{part.text()!r}, with {error}") from None
    if isinstance(found, bool) or not isinstance(found, int | float | Fraction):
        raise part.error("wrong value", expected=expected)
    found = _exact(found)
    if isinstance(found, float) and math.isnan(found):
        raise part.error("wrong value", expected=expected)
    return found


def values_of(
    part: Part, names: Mapping[str, Any], left_out: tuple[type, ...] = (dict, list)
) -> dict[str, Any]:
    """Return names, and the entries of a part that are values, each of them an expression of what is known by then.

    Parameters
    ----------
    part : Part
        A mapping.
    names : mapping of str
        What is known before.
    left_out : tuple of type
        What is no value.
    """
    found = dict(names)
    for entry in part.entries():
        node = entry.node
        if node is None or node.value is None or isinstance(node.value, left_out):
            continue
        with suppress(ExpressionError):
            found[entry.key] = evaluate(entry.text(), found) if isinstance(node.value, str) else node.value
    return found


def at_least(part: Part, names: Mapping[str, Any], expected: str, least: int = 0) -> Number:
    """Return a number that is not below a bound; see `number`."""
    found = number(part, names, expected)
    if found < least:
        raise part.error("out of range", expected=f"{expected}, at least {least}")
    return found


def finite(part: Part, names: Mapping[str, Any], expected: str, least: int = 0) -> Fraction:
    """Return a number that is not below a bound and no infinity; see `number`."""
    found = at_least(part, names, expected, least)
    if isinstance(found, float) and math.isinf(found):
        raise part.error("out of range", expected=f"{expected}, a finite one")
    return Fraction(found)


def whole(part: Part, names: Mapping[str, Any], expected: str, least: int = 1) -> int:
    """Return a whole number; see `number`.

    Raises
    ------
    InputError
        If the part holds none, or one below `least`.
    """
    found = number(part, names, expected)
    if isinstance(found, float) or found != int(found) or found < least:
        raise part.error("wrong value", expected=f"{expected}, a whole number of at least {least}")
    return int(found)
