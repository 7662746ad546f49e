"""The cost formulas run on symbols: what they compute is recorded as a graph of operations.

The formulas of `zzcp.cost.formulas.core` take numbers of any kind. Run once on symbols, for one setting, they leave
behind the operations that are left when all that the setting fixes is known: no lookups, no branches, nothing computed
twice. `zzcp.cost.execution.codegen` turns such a graph into a function on numbers or on arrays.

Every symbol knows bounds of its value, so that comparisons that always go one way disappear, and so that the array
form knows which numbers a 64-bit float holds exactly.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from zzcp.cost.formulas.numeric import Numeric
from zzcp.cost.setting.lookups import Lookup

INTEGER, FLOAT, BOOLEAN = "integer", "float", "boolean"


class Graph:
    """Operations in the order in which they were recorded, each only once."""

    def __init__(self) -> None:
        self.symbols: list[Symbol] = []
        self._known: dict[Any, Symbol] = {}

    def input(self, low: int, high: int, *, kind: str = INTEGER, chain: tuple[Any, int] | None = None) -> Any:
        """Return a symbol for a number that is known when the function is called.

        Parameters
        ----------
        low, high : int
            Its bounds. Where they are equal, the number itself is returned.
        kind : str
            INTEGER, FLOAT or BOOLEAN.
        chain : (object, int), optional
            A name and a place: the inputs with one name never decrease with their place.
        """
        if low == high:
            return low
        return Symbol(self, "input", (len(self.symbols), chain), kind, low, high)

    def record(self, op: str, args: tuple[Any, ...], kind: str, low: Any, high: Any) -> Symbol:
        """Return the symbol for an operation, the known one if the same was recorded before."""
        key = (op, *(arg.number if isinstance(arg, Symbol) else (type(arg), arg) for arg in args))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Symbol(self, op, args, kind, low, high)
        return known


class Symbol:
    """A number (integer, float or truth value) that one operation of a graph yields.

    Attributes
    ----------
    graph : Graph
        Where it is recorded.
    number : int
        Its place there.
    op : str
        The operation.
    args : tuple
        Symbols and constants.
    kind : str
        INTEGER, FLOAT or BOOLEAN.
    low, high : int or float
        Bounds of its value.
    """

    __slots__ = ("args", "graph", "high", "kind", "low", "number", "op")

    def __init__(self, graph: Graph, op: str, args: tuple[Any, ...], kind: str, low: Any, high: Any) -> None:
        self.graph, self.op, self.args = graph, op, args
        self.kind, self.low, self.high = kind, low, high
        self.number = len(graph.symbols)
        graph.symbols.append(self)

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        raise TypeError("a formula branches on a value that differs from mapping to mapping")


# ---- operations -----------------------------------------------------------------------------------------------


def bounds(value: Any) -> tuple[Any, Any]:
    """Return the least and the greatest value of a symbol or constant."""
    return (value.low, value.high) if isinstance(value, Symbol) else (value, value)


def is_integer(value: Any) -> bool:
    """Return whether a symbol or constant is an integer (or a truth value)."""
    return value.kind != FLOAT if isinstance(value, Symbol) else isinstance(value, int)


def _record(op: str, args: tuple[Any, ...], kind: str, low: Any, high: Any) -> Symbol:
    graph: Graph = next(arg.graph for arg in args if isinstance(arg, Symbol))
    return graph.record(op, args, kind, low, high)


def _kind(*args: Any) -> str:
    return INTEGER if all(is_integer(arg) for arg in args) else FLOAT


def _is(value: Any, constant: int) -> bool:
    """Whether a value is this constant."""
    return not isinstance(value, Symbol) and bool(value == constant)


def _add(a: Any, b: Any) -> Any:
    if _is(a, 0) and _kind(a, b) == _kind(b):
        return b
    if _is(b, 0) and _kind(a, b) == _kind(a):
        return a
    (low_a, high_a), (low_b, high_b) = bounds(a), bounds(b)
    return _record("add", (a, b), _kind(a, b), low_a + low_b, high_a + high_b)


def _subtract(a: Any, b: Any) -> Any:
    if _is(b, 0) and _kind(a, b) == _kind(a):
        return a
    if a is b and is_integer(a):
        return 0
    (low_a, high_a), (low_b, high_b) = bounds(a), bounds(b)
    return _record("subtract", (a, b), _kind(a, b), low_a - high_b, high_a - low_b)


def _multiply(a: Any, b: Any) -> Any:
    for one, other in ((a, b), (b, a)):
        if _is(one, 1) and is_integer(one) and not _is_boolean(other):
            return other
        if _is(one, 0) and is_integer(one) and is_integer(other):
            return 0
        # x * (x > 0) is how the formulas of windows write max(0, x)
        if isinstance(one, Symbol) and one.op == "less" and _is(one.args[0], 0) and one.args[1] is other:
            return maximum(0, other)
    (low_a, high_a), (low_b, high_b) = bounds(a), bounds(b)
    corners = [low_a * low_b, low_a * high_b, high_a * low_b, high_a * high_b]
    return _record("multiply", (a, b), _kind(a, b), min(corners), max(corners))


def _is_boolean(value: Any) -> bool:
    return value.kind == BOOLEAN if isinstance(value, Symbol) else isinstance(value, bool)


def _quotient(op: str, a: Any, b: Any, kind: str, divide: Callable[[Any, Any], Any]) -> Any:
    (low_a, high_a), (low_b, high_b) = bounds(a), bounds(b)
    if kind == INTEGER and not (is_integer(a) and is_integer(b)):
        raise ValueError("a formula rounds a quotient of fractions")
    if low_b <= 0:
        raise ValueError("a formula divides by a number that is not known to be positive")
    corners = [divide(low_a, low_b), divide(low_a, high_b), divide(high_a, low_b), divide(high_a, high_b)]
    low, high = min(corners), max(corners)
    if kind == INTEGER and low == high:
        return low
    return _record(op, (a, b), kind, low, high)


def _floor_divide(a: Any, b: Any) -> Any:
    if _is(b, 1):
        return a
    if isinstance(a, Symbol) and a.op == "negate":  # -(-a // b) is how the formulas round up
        return _negate(_quotient("ceil_divide", a.args[0], b, INTEGER, lambda x, y: -(-x // y)))
    return _quotient("floor_divide", a, b, INTEGER, operator.floordiv)


def _divide(a: Any, b: Any) -> Any:
    return _quotient("divide", a, b, FLOAT, operator.truediv)


def _modulo(a: Any, b: Any) -> Any:
    quotient = _floor_divide(a, b)
    (low_a, high_a), (_, high_b) = bounds(a), bounds(b)
    if low_a < 0:
        raise ValueError("a formula takes the remainder of a number that may be negative")
    if _is(quotient, 0):
        return a
    return _record("modulo", (a, b, quotient), INTEGER, 0, min(high_a, high_b - 1))


def _negate(a: Any) -> Any:
    if not isinstance(a, Symbol):
        return -a
    return a.args[0] if a.op == "negate" else _record("negate", (a,), a.kind, -a.high, -a.low)


def _compare(op: str, a: Any, b: Any) -> Any:
    """Record a < b or a <= b."""
    holds = operator.lt if op == "less" else operator.le
    (low_a, high_a), (low_b, high_b) = bounds(a), bounds(b)
    if holds(high_a, low_b):
        return True
    if a is b or not holds(low_a, high_b):
        return op == "less_equal" if a is b else False
    return _record(op, (a, b), BOOLEAN, False, True)


def _equal(a: Any, b: Any) -> Any:
    if a is b:
        return True
    (low_a, high_a), (low_b, high_b) = bounds(a), bounds(b)
    if low_a > high_b or low_b > high_a:
        return False
    if isinstance(b, Symbol) and (not isinstance(a, Symbol) or b.number < a.number):
        a, b = b, a
    return _record("equal", (a, b), BOOLEAN, False, True)


def _both(a: Any, b: Any) -> Any:
    for one, other in ((a, b), (b, a)):
        if not isinstance(one, Symbol):
            return other if one else False
    return a if a is b else _record("logical_and", (a, b), BOOLEAN, False, True)


def _either(a: Any, b: Any) -> Any:
    for one, other in ((a, b), (b, a)):
        if not isinstance(one, Symbol):
            return True if one else other
    return a if a is b else _record("logical_or", (a, b), BOOLEAN, False, True)


def logical_not(a: Any) -> Any:
    """Return whether a condition does not hold."""
    if not isinstance(a, Symbol):
        return not a
    return a.args[0] if a.op == "logical_not" else _record("logical_not", (a,), BOOLEAN, False, True)


# ---- the operations of `Numeric` ------------------------------------------------------------------------------


def maximum(a: Any, b: Any) -> Any:
    """Return the larger of two values."""
    if not isinstance(a, Symbol) and not isinstance(b, Symbol):
        return max(a, b)
    (low_a, high_a), (low_b, high_b) = bounds(a), bounds(b)
    if a is b or (low_a >= high_b and is_integer(a) >= is_integer(b)):
        return a
    if low_b >= high_a and is_integer(b) >= is_integer(a):
        return b
    for one, other in ((a, b), (b, a)):
        # max(x where ..., 0 elsewhere; x)
        if (
            isinstance(one, Symbol)
            and one.op == "where"
            and one.args[1] is other
            and _is(one.args[2], 0)
            and bounds(other)[0] >= 0
        ):
            return other
    return _record("maximum", (a, b), _kind(a, b), max(low_a, low_b), max(high_a, high_b))


def minimum(a: Any, b: Any) -> Any:
    """Return the smaller of two values."""
    if not isinstance(a, Symbol) and not isinstance(b, Symbol):
        return min(a, b)
    (low_a, high_a), (low_b, high_b) = bounds(a), bounds(b)
    if a is b or (high_a <= low_b and is_integer(a) >= is_integer(b)):
        return a
    if high_b <= low_a and is_integer(b) >= is_integer(a):
        return b
    return _record("minimum", (a, b), _kind(a, b), min(low_a, low_b), min(high_a, high_b))


def where(condition: Any, a: Any, b: Any) -> Any:
    """Return one of two values."""
    if not isinstance(condition, Symbol):
        return a if condition else b
    if a is b or (not isinstance(a, Symbol) and not isinstance(b, Symbol) and a == b):
        return a
    if condition.op == "logical_not":
        condition, a, b = condition.args[0], b, a
    (low_a, high_a), (low_b, high_b) = bounds(a), bounds(b)
    return _record("where", (condition, a, b), _kind(a, b), min(low_a, low_b), max(high_a, high_b))


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": _add,
    "sub": _subtract,
    "mul": _multiply,
    "floordiv": _floor_divide,
    "truediv": _divide,
    "mod": _modulo,
    "and": _both,
    "or": _either,
}
_COMPARISONS: dict[str, Callable[..., Any]] = {
    "lt": lambda a, b: _compare("less", a, b),
    "le": lambda a, b: _compare("less_equal", a, b),
    "gt": lambda a, b: _compare("less", b, a),
    "ge": lambda a, b: _compare("less_equal", b, a),
    "eq": _equal,
    "ne": lambda a, b: logical_not(_equal(a, b)),
    "neg": _negate,
}
"""What Python's operators on symbols record, by the names of their methods; the operations also the other way round."""


def _swapped(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: operation(b, a)


for _name, _operation in (_OPERATIONS | _COMPARISONS).items():
    setattr(Symbol, f"__{_name}__", _operation)
for _name, _operation in _OPERATIONS.items():
    setattr(Symbol, f"__r{_name}__", _swapped(_operation))


def truncate(a: Any) -> Any:
    """Return a number without its fraction."""
    if is_integer(a):
        return a
    return _record("truncate", (a,), INTEGER, int(a.low), int(a.high)) if isinstance(a, Symbol) else int(a)


def never_larger(a: Any, b: Any) -> bool:
    """Return whether a <= b is known, from the bounds or since both belong to one chain of inputs."""
    if a is b or bounds(a)[1] <= bounds(b)[0]:
        return True
    if not isinstance(a, Symbol) or not isinstance(b, Symbol) or a.op != b.op:
        return False
    if a.op == "input":
        (_, chain_a), (_, chain_b) = a.args, b.args
        return bool(chain_a and chain_b and chain_a[0] == chain_b[0] and chain_a[1] <= chain_b[1])
    if a.op == "multiply" and not isinstance(a.args[1], Symbol) and not isinstance(b.args[1], Symbol):
        return bool(0 < a.args[1] <= b.args[1]) and never_larger(a.args[0], b.args[0])
    return False


def sort_pairs(pairs: Sequence[tuple[Any, Any]]) -> Sequence[tuple[Any, Any]]:
    """Sort pairs by their first entry: an insertion sort that leaves out the comparisons whose outcome is known."""
    result: list[tuple[Any, Any]] = []
    for pair in pairs:
        known = [place for place, (key, _) in enumerate(result) if key is pair[0]]
        if known:
            # movements over one link: the larger window covers the other
            result[known[0]] = pair[0], maximum(result[known[0]][1], pair[1])
            continue
        result.append(pair)
        for place in range(len(result) - 1, 0, -1):
            (low_key, low_value), (high_key, high_value) = result[place - 1 : place + 1]
            if never_larger(low_key, high_key):
                break
            wrong = low_key > high_key
            below = where(wrong, high_value, low_value)
            result[place - 1] = minimum(low_key, high_key), below
            either = where(wrong, low_value, high_value)  # for its bounds
            above = within(low_value + high_value - below, *bounds(either))
            result[place] = maximum(low_key, high_key), above
    return result


def within(value: Any, low: Any, high: Any) -> Any:
    """Return a value with narrower bounds."""
    if isinstance(value, Symbol):
        value.low = max(value.low, bounds(low)[0])
        if high is not None:
            value.high = min(value.high, bounds(high)[1])
    return value


def lookup(table: Lookup, args: Sequence[Any]) -> Any:
    """Return the value of a table."""
    if not any(isinstance(arg, Symbol) for arg in args):
        return table(*args)
    if table.low == table.high:
        return table.low
    return _record("lookup", (table, *args), INTEGER, table.low, table.high)


SYMBOLIC = Numeric(
    maximum=maximum,
    minimum=minimum,
    where=where,
    truncate=truncate,
    sort_pairs=sort_pairs,
    within=within,
    lookup=lookup,
)
"""The recording of operations on symbols."""
