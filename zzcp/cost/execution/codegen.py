"""From a graph of operations to a Python function on numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from zzcp.cost.execution.symbolic import Symbol
from zzcp.cost.setting.lookups import Lookup

Structure = Any
"""Symbols and constants in nested tuples and lists."""

_INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "modulo": "%",
    "less": "<",
    "less_equal": "<=",
    "equal": "==",
    "logical_and": "and",
    "logical_or": "or",
}
_LONGEST = 400
"""Characters of an expression that is not given a name."""


def flatten(structure: Structure) -> Iterator[Any]:
    """Return the symbols and constants of a structure from left to right."""
    if isinstance(structure, tuple | list):
        for entry in structure:
            yield from flatten(entry)
    else:
        yield structure


def symbols_of(structure: Structure) -> list[Symbol]:
    """Return the symbols of a structure from left to right."""
    return [value for value in flatten(structure) if isinstance(value, Symbol)]


def between(inputs: Structure, outputs: Structure, reads: Callable[[Symbol], Iterable[Any]]) -> list[Symbol]:
    """Return the operations that lead from some symbols to others, in the order in which they were recorded.

    Parameters
    ----------
    inputs, outputs : structure
        What is given, and what is wanted.
    reads : callable
        Returns the arguments that an operation reads.
    """
    found = {symbol.number: symbol for symbol in symbols_of(inputs)}
    given = set(found)
    waiting = symbols_of(outputs)
    while waiting:
        symbol = waiting.pop()
        if symbol.number not in found:
            found[symbol.number] = symbol
            waiting.extend(arg for arg in reads(symbol) if isinstance(arg, Symbol))
    return [found[number] for number in sorted(found.keys() - given)]


def pattern(structure: Structure, names: dict[int, str]) -> str:
    """Return the target of an assignment that takes an input apart; what has no name goes to ``_``."""
    if isinstance(structure, tuple | list):
        return "(" + "".join(f"{pattern(entry, names)}, " for entry in structure) + ")" if structure else "_"
    return names.get(structure.number, "_") if isinstance(structure, Symbol) else "_"


def result(structure: Structure, name: Callable[[Any], str]) -> str:
    """Return the expression of nested outputs."""
    if isinstance(structure, tuple | list):
        return "(" + "".join(f"{result(entry, name)}, " for entry in structure) + ")"
    return name(structure)


def define(name: str, parameters: str, lines: Iterable[str], scope: dict[str, Any]) -> Callable[..., Any]:
    """Return the function with some lines as its body."""
    source = f"def {name}({parameters}):\n" + "".join(f" {line}\n" for line in lines)
    exec(compile(source, f"<{name}>", "exec"), scope)
    function: Callable[..., Any] = scope[name]
    return function


def number_function(name: str, inputs: Structure, outputs: Structure) -> Callable[[Any], Any]:
    """Return a function of one argument, shaped like `inputs`, that returns numbers, shaped like `outputs`.

    What is used once stays part of the expression that uses it; everything else gets a name.
    """
    symbols = between(inputs, outputs, _reads)
    uses = Counter(value.number for value in symbols_of(outputs))
    for symbol in symbols:
        for arg in symbols_of(_reads(symbol)):
            # the expressions of a maximum and a minimum name their arguments twice
            uses[arg.number] += 2 if symbol.op in ("maximum", "minimum") else 1
    given = {symbol.number: f"v{symbol.number}" for symbol in symbols_of(inputs) if uses[symbol.number]}
    texts = dict(given)
    lines = []
    scope: dict[str, Any] = {}

    def read(value: Any) -> str:
        return named(value, scope) or (texts[value.number] if isinstance(value, Symbol) else repr(value))

    for symbol in symbols:
        number = symbol.number
        expression = _expression(symbol.op, [read(arg) for arg in _reads(symbol)])
        if uses[number] == 1 and len(expression) < _LONGEST:
            texts[number] = expression
        else:
            texts[number] = f"v{number}"
            lines.append(f"v{number} = {expression}")
    return define(
        name,
        "inputs",
        [f"{pattern(inputs, given)} = inputs", *lines, f"return {result(outputs, read)}"],
        scope,
    )


def named(value: Any, scope: dict[str, Any]) -> str | None:
    """Return the name of a table in a scope, where it is entered; None for what is no table."""
    if not isinstance(value, Lookup):
        return None
    known = next((name for name, other in scope.items() if other is value), None)
    if known is None:
        known = f"table{len(scope)}"
        scope[known] = value
    return known


def _reads(symbol: Symbol) -> tuple[Any, ...]:
    """Return what the expression of a symbol reads."""
    return symbol.args[:2] if symbol.op == "modulo" else symbol.args


def _expression(op: str, args: list[str]) -> str:
    if op in _INFIX:
        return f"({args[0]} {_INFIX[op]} {args[1]})"
    if op == "lookup":
        return f"{args[0]}({', '.join(args[1:])})"
    if op == "ceil_divide":
        return f"(-(-{args[0]} // {args[1]}))"
    if op == "where":
        return f"({args[1]} if {args[0]} else {args[2]})"
    if op in ("maximum", "minimum"):
        return f"({args[0]} if {args[0]} {'>=' if op == 'maximum' else '<='} {args[1]} else {args[1]})"
    return {"negate": "(-{})", "logical_not": "(not {})", "truncate": "int({})"}[op].format(args[0])
