"""From a graph of operations to a function on arrays with one entry per mapping.

Every number is a 64-bit float: those are divided several times faster than integers, and are exact for integers below
2^53. A sum or product of integers is exact if it comes out below that; where its bounds do not promise it, it is
watched, and the mappings for which it does not hold are reported. The operations write into arrays that are used over
and over and stay in the processor's cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from zzcp.cost.execution.codegen import Structure, between, define, named, pattern, result, symbols_of
from zzcp.cost.execution.symbolic import BOOLEAN, INTEGER, Symbol, bounds
from zzcp.cost.setting.lookups import Lookup

EXACT_BELOW = 2**53
"""Below this magnitude 64-bit floats hold every integer."""

_NUMBER, _TRUTH = "f", "b"
_TYPES = {_NUMBER: np.float64, _TRUTH: np.bool_}
_UFUNCS: dict[str, Any] = {
    name: getattr(np, name)
    for name in (
        "absolute",
        "add",
        "ceil",
        "divide",
        "equal",
        "floor",
        "less",
        "less_equal",
        "logical_and",
        "logical_not",
        "logical_or",
        "maximum",
        "minimum",
        "multiply",
        "negative",
        "subtract",
        "trunc",
    )
}


class TooLargeError(ValueError):
    """Some input or constant of the formulas is too large for a float to be exact."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Arrays to work in, and arrays filled with constants."""

    numbers: list[Any]
    truths: list[Any]
    constants: list[Any]

    def part(self, length: int) -> Workspace:
        """Return the first entries of all arrays."""
        return Workspace(
            *([row[:length] for row in rows] for rows in (self.numbers, self.truths, self.constants))
        )


@dataclass(frozen=True, slots=True)
class ArrayFunction:
    """A function on arrays.

    Parameters
    ----------
    call : callable
        Takes the inputs and a workspace; returns the outputs (arrays of the workspace, inputs or constants) and the
        largest magnitude of all that is watched: where it reaches `EXACT_BELOW`, the outputs may be rounded.
    numbers, truths : int
        How many arrays a workspace needs.
    constants : tuple of float
        The values of its constant arrays.
    """

    call: Callable[[Any, Workspace], tuple[Any, Any]]
    numbers: int
    truths: int
    constants: tuple[float, ...]

    def workspace(self, length: int) -> Workspace:
        """Return the arrays to work in for batches of `length` mappings."""
        return Workspace(
            [np.empty(length) for _ in range(self.numbers)],
            [np.empty(length, dtype=bool) for _ in range(self.truths)],
            [np.full(length, value) for value in self.constants],
        )


def array_function(name: str, inputs: Structure, outputs: Structure) -> ArrayFunction:
    """Return the function from arrays, shaped like `inputs`, to arrays or constants, shaped like `outputs`.

    Raises
    ------
    TooLargeError
        If a float cannot hold some input or constant exactly.
    """
    steps = _Steps()
    for symbol in symbols_of(inputs):
        steps.give(symbol)
    for symbol in between(inputs, outputs, lambda symbol: symbol.args):
        steps.add(symbol)
    kept = {steps.of(value) for value in symbols_of(outputs)} | {steps.largest}
    writer = _Writer(steps.steps, kept, steps.tables)
    lines = [line for number in range(len(steps.steps)) for line in writer.write(number)]
    names = {symbol: writer.places[step] for symbol, step in steps.inputs.items()}

    def read(value: Any) -> str:
        return writer.places[steps.of(value)] if isinstance(value, Symbol) else repr(value)

    header = [f"{pattern(inputs, names)} = inputs"]
    used = {
        "numbers": [f"f{place}" for place in range(writer.count[_NUMBER])],
        "truths": [f"b{place}" for place in range(writer.count[_TRUTH])],
        "constants": list(writer.constants.values()),
    }
    header += [f"{', '.join(places)}, = space.{attribute}" for attribute, places in used.items() if places]
    largest = "0" if steps.largest is None else writer.places[steps.largest]
    return ArrayFunction(
        define(
            name,
            "inputs, space",
            [*header, *lines, f"return {result(outputs, read)}, {largest}"],
            writer.scope,
        ),
        writer.count[_NUMBER],
        writer.count[_TRUTH],
        tuple(map(float, writer.constants)),
    )


class _Step(NamedTuple):
    """One operation on whole arrays; arguments are numbers of steps, or constants as text."""

    op: str
    storage: str
    args: tuple[Any, ...]


class _Steps:
    """The operations on arrays behind some symbols, none of them twice."""

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        self.inputs: dict[int, int] = {}
        """The steps of the inputs, by symbol."""
        self.largest: int | None = None
        """The step that yields the largest magnitude of all that is watched."""
        self.tables: dict[str, Any] = {}
        """The tables that are looked up, by name."""
        self._known: dict[_Step, int] = {}
        self._of_symbol: dict[int, int] = {}

    def of(self, symbol: Symbol) -> int:
        """Return the step that yields a symbol."""
        return self._of_symbol[symbol.number]

    def give(self, symbol: Symbol) -> None:
        """Add an input. Where it may be large, it comes from a step that watched it."""
        if symbol.op == "input" and not _is_small(symbol):
            raise TooLargeError
        storage = _TRUTH if symbol.kind == BOOLEAN else _NUMBER
        step = self._of_symbol[symbol.number] = self._step("input", storage, symbol.number)
        self.inputs[symbol.number] = step

    def add(self, symbol: Symbol) -> None:
        """Add the steps of a symbol whose arguments are known."""
        op, args = symbol.op, symbol.args
        if op.startswith("logical"):
            step = self._step(op, _TRUTH, *(self._read(arg, _TRUTH) for arg in args))
        elif op in ("less", "less_equal", "equal"):
            step = self._step(op, _TRUTH, *map(self._read, args))
        elif op == "where":
            step = self._where(*args)
        elif op == "lookup":
            table, *products = args
            step = self._step(op, _NUMBER, named(table, self.tables), *map(self._read, products))
        elif op in ("floor_divide", "ceil_divide"):
            step = self._rounded_quotient(op, *args)
        elif op == "modulo":
            dividend, divisor, quotient = map(self._read, args)
            step = self._step(
                "subtract", _NUMBER, dividend, self._step("multiply", _NUMBER, quotient, divisor)
            )
        else:
            step = self._step(
                {"negate": "negative", "truncate": "trunc"}.get(op, op), _NUMBER, *map(self._read, args)
            )
        self._of_symbol[symbol.number] = step
        if (
            op in ("add", "subtract", "multiply", "truncate", "lookup")
            and symbol.kind == INTEGER
            and not _is_small(symbol)
        ):
            self._watch(step)

    def _watch(self, step: int) -> None:
        size = self._step("absolute", _NUMBER, step)
        self.largest = size if self.largest is None else self._step("maximum", _NUMBER, self.largest, size)

    def _read(self, value: Any, storage: str = _NUMBER) -> Any:
        """Return the step, or the text of a constant, that yields a value in some storage."""
        if not isinstance(value, Symbol):
            if float(value) != value:
                raise TooLargeError
            return repr(float(value))
        step = self._of_symbol[value.number]
        return step if self.steps[step].storage == storage else self._step("as_number", storage, step)

    def _step(self, op: str, storage: str, *args: Any) -> int:
        step = _Step(op, storage, args)
        if step not in self._known:
            self._known[step] = len(self.steps)
            self.steps.append(step)
        return self._known[step]

    def _rounded_quotient(self, op: str, dividend: Any, divisor: Any) -> int:
        """Divide and round: a quotient of integers below 2^53 is never rounded onto, or past, an integer."""
        a, b = self._read(dividend), self._read(divisor)
        if not isinstance(divisor, Symbol) and math.log2(divisor).is_integer():
            quotient = self._step("multiply", _NUMBER, a, repr(1 / divisor))
        else:
            quotient = self._step("divide", _NUMBER, a, b)
        return self._step("floor" if op == "floor_divide" else "ceil", _NUMBER, quotient)

    def _where(self, condition: Any, a: Any, b: Any) -> int:
        """Choose by multiplication: a processor that has to guess which of two numbers comes next is slow."""
        yes = self._read(condition)
        first = self._step("multiply", _NUMBER, self._read(a), yes)
        if not isinstance(b, Symbol) and b == 0:
            return first
        no = self._step("logical_not", _TRUTH, self._read(condition, _TRUTH))
        no = self._step("as_number", _NUMBER, no)
        second = self._step("multiply", _NUMBER, self._read(b), no)
        if not isinstance(a, Symbol) and a == 0:
            return second
        return self._step("add", _NUMBER, first, second)


def _is_small(symbol: Symbol) -> bool:
    return bool(max(map(abs, bounds(symbol))) < EXACT_BELOW)


class _Writer:
    """Gives every step an array and writes its statement; an array is used again once nobody reads it any more."""

    def __init__(self, steps: list[_Step], kept: set[int | None], tables: Mapping[str, Lookup]) -> None:
        self.steps = steps
        self.places: dict[int, str] = {}
        self.count = dict.fromkeys(_TYPES, 0)
        self.constants: dict[str, str] = {}
        self.scope: dict[str, Any] = {**_UFUNCS, **tables, "copyto": np.copyto}
        self._free: dict[str, list[str]] = {storage: [] for storage in _TYPES}
        self._dying: dict[int, list[int]] = {}
        self._wanted = self._reachable(kept)
        last = {arg: number for number in sorted(self._wanted) for arg in self._args(steps[number])}
        for arg, number in last.items():
            if arg not in kept and steps[arg].op != "input":
                self._dying.setdefault(number, []).append(arg)

    @staticmethod
    def _args(step: _Step) -> list[int]:
        return [] if step.op == "input" else [arg for arg in step.args if isinstance(arg, int)]

    def _reachable(self, kept: set[int | None]) -> set[int]:
        """Return the steps that somebody reads."""
        found: set[int] = set()
        waiting = [number for number in kept if number is not None]
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting += self._args(self.steps[number])
        return found

    def write(self, number: int) -> list[str]:
        """Return the statements of a step."""
        step = self.steps[number]
        if step.op == "input":
            self.places[number] = f"v{step.args[0]}"
            return []
        if number not in self._wanted:
            return []
        table, own = (step.args[0], step.args[1:]) if step.op == "lookup" else ("", step.args)
        args = ", ".join(self._operand(arg, step) for arg in own)
        for arg in self._dying.get(number, ()):
            self._free[self.steps[arg].storage].append(self.places[arg])
        free = self._free[step.storage]
        if not free:
            free.append(f"{step.storage}{self.count[step.storage]}")
            self.count[step.storage] += 1
        place = self.places[number] = free.pop()
        if table:
            return [f"copyto({place}, {table}.arrays({args}))"]
        return [f"copyto({place}, {args})" if step.op == "as_number" else f"{step.op}({args}, out={place})"]

    def _operand(self, arg: Any, step: _Step) -> str:
        if isinstance(arg, int):
            return self.places[arg]
        if step.op in ("maximum", "minimum"):
            # numpy compares two arrays faster than an array and a number
            return self.constants.setdefault(arg, f"c{len(self.constants)}")
        name = "k_" + "".join(character if character.isalnum() else "_" for character in arg)
        while self.scope.setdefault(name, np.array(float(arg))) != float(arg):
            name += "_"
        return name
