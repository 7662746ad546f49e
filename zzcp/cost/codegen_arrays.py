"""From a graph of operations to a function on arrays with one entry per mapping.

Numbers are 64-bit floats as long as all their values stay below 2^53, so that every integer is exact: floats are
divided several times faster than integers. What may be larger is a 64-bit integer. The operations write into arrays
that are used over and over and stay in the processor's cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from zzcp.cost.codegen import Structure, between, define, pattern, result, symbols_of
from zzcp.cost.symbolic import BOOLEAN, Symbol, bounds, is_integer

FLOAT_EXACT, INT_EXACT = 2**53, 2**63
"""Below these magnitudes 64-bit floats and integers hold every integer."""

_TYPES = {"f": np.float64, "i": np.int64, "b": np.bool_}
_UFUNCS: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "floor_divide": np.floor_divide,
    "negate": np.negative,
    "floor": np.floor,
    "ceil": np.ceil,
    "truncate": np.trunc,
    "less": np.less,
    "less_equal": np.less_equal,
    "equal": np.equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_not": np.logical_not,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


class TooLargeError(ValueError):
    """Some number of the formulas may not fit 64 bits."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Arrays to work in, by storage, and arrays filled with constants."""

    registers: dict[str, list[Any]]
    constants: list[Any]

    def part(self, length: int) -> Workspace:
        """Return the first entries of all arrays."""
        return Workspace(
            {storage: [row[:length] for row in rows] for storage, rows in self.registers.items()},
            [row[:length] for row in self.constants],
        )


@dataclass(frozen=True, slots=True)
class ArrayFunction:
    """A function on arrays.

    Parameters
    ----------
    call : callable
        Takes the inputs and a workspace; returns the outputs: arrays of the workspace, inputs or constants.
    registers : dict of str to int
        How many arrays of each storage a workspace needs.
    constants : tuple of float
        The values of its constant arrays.
    """

    call: Callable[[Any, Workspace], Any]
    registers: dict[str, int]
    constants: tuple[float, ...]

    def workspace(self, length: int) -> Workspace:
        """Return the arrays to work in for batches of `length` mappings."""
        return Workspace(
            {
                storage: [np.empty(length, dtype=_TYPES[storage]) for _ in range(count)]
                for storage, count in self.registers.items()
            },
            [np.full(length, value) for value in self.constants],
        )


@dataclass(frozen=True, slots=True)
class _Step:
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
        self._known: dict[_Step, int] = {}
        self._of_symbol: dict[int, int] = {}

    def give(self, symbol: Symbol) -> None:
        """Add an input."""
        storage = self._storage(symbol)
        step = self._of_symbol[symbol.number] = self._step("input", storage, symbol.number)
        self.inputs[symbol.number] = step

    def add(self, symbol: Symbol) -> None:
        """Add the steps of a symbol whose arguments are known."""
        op, args = symbol.op, symbol.args
        if op in ("logical_and", "logical_or", "logical_not"):
            step = self._step(op, "b", *(self.read(arg, "b") for arg in args))
        elif op in ("less", "less_equal", "equal"):
            common = self._common(args)
            step = self._step(op, "b", *(self.read(arg, common) for arg in args))
        else:
            step = self._arithmetic(symbol)
        self._of_symbol[symbol.number] = step

    def read(self, value: Any, storage: str = "") -> Any:
        """Return the step, or the text of a constant, that yields a value (in some storage)."""
        if not isinstance(value, Symbol):
            return repr(float(value)) if storage == "f" else repr(value)
        step = self._of_symbol[value.number]
        known = self.steps[step].storage
        return step if known == (storage or known) else self._step(f"to_{storage}", storage, step)

    def _step(self, op: str, storage: str, *args: Any) -> int:
        step = _Step(op, storage, args)
        if step not in self._known:
            self._known[step] = len(self.steps)
            self.steps.append(step)
        return self._known[step]

    def _storage(self, value: Any) -> str:
        if isinstance(value, Symbol) and value.kind == BOOLEAN:
            return "b"
        if not is_integer(value):
            return "f"
        size = max(map(abs, bounds(value)))
        if size >= INT_EXACT:
            raise TooLargeError
        return "f" if size < FLOAT_EXACT else "i"

    def _common(self, values: Iterable[Any]) -> str:
        """Return the storage in which an operation on some values is exact."""
        storages = [(self._storage(value), is_integer(value)) for value in values]
        if all(storage != "i" for storage, _ in storages):
            return "f"
        if not all(integer for _, integer in storages):
            raise TooLargeError  # Python compares and combines large integers with floats in its own way
        return "i"

    def _arithmetic(self, symbol: Symbol) -> int:
        op, args, storage = symbol.op, symbol.args, self._storage(symbol)
        common = self._common((symbol, *(args[1:] if op == "where" else args)))
        if op == "where":
            step = self._where(args[0], args[1], args[2], common)
        elif op in ("floor_divide", "ceil_divide"):
            step = self._rounded_quotient(op, args[0], args[1], common)
        elif op == "modulo":
            dividend, divisor, quotient = (self.read(arg, common) for arg in args)
            taken = self._step("multiply", common, quotient, divisor)
            step = self._step("subtract", common, dividend, taken)
        else:
            step = self._step(op, common, *(self.read(arg, common) for arg in args))
        return step if common == storage else self._step(f"to_{storage}", storage, step)

    def _rounded_quotient(self, op: str, dividend: Any, divisor: Any, common: str) -> int:
        a, b = self.read(dividend, common), self.read(divisor, common)
        if common == "i":
            if op == "floor_divide":
                return self._step(op, common, a, b)
            negative = self._step("floor_divide", common, self._step("negate", common, a), b)
            return self._step("negate", common, negative)
        # the float quotient of integers below 2^53 is never rounded onto, or past, an integer
        if not isinstance(divisor, Symbol) and math.log2(divisor).is_integer():
            quotient = self._step("multiply", common, a, repr(1 / divisor))
        else:
            quotient = self._step("divide", common, a, b)
        return self._step("floor" if op == "floor_divide" else "ceil", common, quotient)

    def _where(self, condition: Any, a: Any, b: Any, common: str) -> int:
        """Choose by multiplication: a processor that has to guess which of two numbers comes next is slow."""
        yes = self.read(condition, common)
        if not isinstance(b, Symbol) and b == 0:
            return self._step("multiply", common, self.read(a, common), yes)
        no = self._step("logical_not", "b", self.read(condition, "b"))
        no = self._step(f"to_{common}", common, no)
        second = self._step("multiply", common, self.read(b, common), no)
        if not isinstance(a, Symbol) and a == 0:
            return second
        first = self._step("multiply", common, self.read(a, common), yes)
        return self._step("add", common, first, second)


def array_function(name: str, inputs: Structure, outputs: Structure) -> ArrayFunction:
    """Return the function from arrays, shaped like `inputs`, to arrays or constants, shaped like `outputs`.

    Raises
    ------
    TooLargeError
        If some number may not fit 64 bits.
    """
    steps = _Steps()
    for symbol in symbols_of(inputs):
        steps.give(symbol)
    for symbol in between(inputs, outputs, lambda symbol: symbol.args):
        steps.add(symbol)
    kept = {steps.read(value) for value in symbols_of(outputs)}
    writer = _Writer(steps.steps, kept)
    lines = [line for number in range(len(steps.steps)) for line in writer.write(number)]
    names = {symbol: writer.places[step] for symbol, step in steps.inputs.items()}

    def read(value: Any) -> str:
        return writer.places[steps.read(value)] if isinstance(value, Symbol) else repr(value)

    header = [f"{pattern(inputs, names)} = inputs"]
    for storage, count in writer.count.items():
        if count:
            header.append(
                "".join(f"{storage}{i}, " for i in range(count)) + f"= space.registers[{storage!r}]"
            )
    if writer.constants:
        header.append("".join(f"{place}, " for place in writer.constants.values()) + "= space.constants")
    return ArrayFunction(
        define(name, "inputs, space", [*header, *lines, f"return {result(outputs, read)}"], writer.scope),
        writer.count,
        tuple(map(float, writer.constants)),
    )


class _Writer:
    """Gives every step an array and writes its statement; an array is used again once nobody reads it any more."""

    def __init__(self, steps: list[_Step], kept: set[int]) -> None:
        self.steps = steps
        self.places: dict[int, str] = {}
        self.count = dict.fromkeys(_TYPES, 0)
        self.constants: dict[str, str] = {}
        self.scope: dict[str, Any] = {**_UFUNCS, "copyto": np.copyto}
        self._free: dict[str, list[str]] = {storage: [] for storage in _TYPES}
        self._dying: dict[int, list[int]] = {}
        last = {arg: number for number, step in enumerate(steps) for arg in self._args(step)}
        for arg, number in last.items():
            if arg not in kept and steps[arg].op != "input":
                self._dying.setdefault(number, []).append(arg)

    @staticmethod
    def _args(step: _Step) -> list[int]:
        return [] if step.op == "input" else [arg for arg in step.args if isinstance(arg, int)]

    def write(self, number: int) -> list[str]:
        """Return the statements of a step."""
        step = self.steps[number]
        if step.op == "input":
            self.places[number] = f"v{step.args[0]}"
            return []
        args = ", ".join(self._operand(arg, step) for arg in step.args)
        for arg in self._dying.get(number, ()):
            self._free[self.steps[arg].storage].append(self.places[arg])
        free = self._free[step.storage]
        if not free:
            free.append(f"{step.storage}{self.count[step.storage]}")
            self.count[step.storage] += 1
        place = self.places[number] = free.pop()
        if step.op.startswith("to_"):
            return [f"copyto({place}, {args}, casting='unsafe')"]
        return [f"{step.op}({args}, out={place})"]

    def _operand(self, arg: Any, step: _Step) -> str:
        if isinstance(arg, int):
            return self.places[arg]
        if step.storage != "i" and step.op in ("maximum", "minimum"):
            # numpy compares two arrays faster than an array and a number
            return self.constants.setdefault(arg, f"c{len(self.constants)}")
        name = "k" + "".join(character if character.isalnum() else "_" for character in arg)
        while (
            repr(self.scope.setdefault(name, np.array(float(arg) if "." in arg else int(arg))).item()) != arg
        ):
            name += "_"
        return name
