"""Symbols: recorded, compiled for numbers and for arrays, and evaluated directly, every formula gives the same."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zzcp.cost.execution.codegen import between, number_function
from zzcp.cost.execution.codegen_arrays import EXACT_BELOW, TooLargeError, array_function
from zzcp.cost.execution.symbolic import SYMBOLIC, Graph, Symbol, bounds, never_larger
from zzcp.cost.formulas.numeric import PYTHON, Numeric

Formula = Callable[[Numeric, list[Any]], Any]

MANY = 7
"""Mappings of a test batch."""


def random_formula(rng: Random) -> Formula:
    """Return a random formula: a list of operations, each on earlier results or constants."""
    operations = [
        (rng.choice(OPERATIONS), [rng.randrange(1000) for _ in range(3)], rng.randint(0, 9))
        for _ in range(rng.randint(1, 25))
    ]

    def formula(numeric: Numeric, inputs: list[Any]) -> list[Any]:
        values = list(inputs)
        for operation, places, constant in operations:
            a, b, c = (values[place % len(values)] for place in places)
            values.append(operation(numeric, a, constant if places[0] % 4 == 0 else b, c))
        return values[len(inputs) :]

    return formula


def _sorted(numeric: Numeric, pairs: list[tuple[Any, Any]]) -> Any:
    """Return a number that depends on the order of pairs, but not on smaller values under the same key."""
    ordered = numeric.sort_pairs(pairs)
    least, most = ordered[0][0], ordered[-1][0]
    total = 2 * most - least
    for key, value in ordered:
        total = numeric.maximum(total, 3 * key + value)
    return total


OPERATIONS: list[Callable[[Numeric, Any, Any, Any], Any]] = [
    lambda _, a, b, c: a + b,
    lambda _, a, b, c: a - b,
    lambda _, a, b, c: a * b,
    lambda _, a, b, c: -a,
    lambda n, a, b, c: n.maximum(a, b),
    lambda n, a, b, c: n.maximum(0, a),
    lambda n, a, b, c: n.minimum(a, b),
    lambda n, a, b, c: n.where(b < c, a, 0),
    lambda n, a, b, c: n.where(b >= c, 0, a),
    lambda n, a, b, c: n.where((a == b) | (b > c), a, c),
    lambda n, a, b, c: n.where((a != b) & (b <= c), a, b),
    lambda n, a, b, c: a // n.maximum(1, b),
    lambda n, a, b, c: -(-a // n.maximum(1, b)),
    lambda n, a, b, c: n.maximum(0, a) % n.maximum(1, b),
    lambda n, a, b, c: a // 8,
    lambda n, a, b, c: n.truncate(a / n.maximum(1, b)),
    lambda n, a, b, c: a * (b > c),
    lambda n, a, b, c: a * (a > 0),
    lambda n, a, b, c: _sorted(n, [(a, b), (b, c), (c, a)]),
    lambda n, a, b, c: (a + 0) * 1 - 0,
]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**40), st.integers(1, 4), st.sampled_from((3, 50, 10**5, 10**9)))
def test_formulas_give_the_same_in_every_form(seed: int, number: int, high: int) -> None:
    rng = Random(seed)
    formula, graph = random_formula(rng), Graph()
    inputs = [graph.input(rng.randint(-3, 0), rng.randint(1, high)) for _ in range(number)]
    outputs = formula(SYMBOLIC, inputs)
    numbers = number_function("numbers", inputs, outputs)
    drawn = [[rng.randint(symbol.low, symbol.high) for symbol in inputs] for _ in range(MANY)]
    expected = [formula(PYTHON, list(values)) for values in drawn]
    for values, wanted in zip(drawn, expected, strict=True):
        assert list(numbers(values)) == wanted
        for output, value in zip(outputs, wanted, strict=True):
            low, high_bound = bounds(output)
            assert low <= value <= high_bound
    try:
        arrays = array_function("arrays", inputs, outputs)
    except TooLargeError:
        assert any(abs(bounds(value)[1]) >= EXACT_BELOW or not isinstance(value, Symbol) for value in outputs)
        return
    columns = [np.array(column, dtype=float) for column in zip(*drawn, strict=True)]
    with np.errstate(all="ignore"):
        found, largest = arrays.call(columns, arrays.workspace(MANY))
    exact = np.broadcast_to(largest, MANY) < EXACT_BELOW
    for row in np.flatnonzero(exact):
        assert [np.broadcast_to(value, MANY)[row] for value in found] == expected[row]
    for row in np.flatnonzero(~exact):
        # only what is large is reported
        assert any(abs(value) >= EXACT_BELOW for value in _every_value(graph, inputs, drawn[row]))


def _every_value(graph: Graph, inputs: list[Symbol], values: list[int]) -> list[Any]:
    """Return the values of all symbols of a graph."""
    everything = between(inputs, graph.symbols, lambda symbol: () if symbol.op == "input" else symbol.args)
    return list(number_function("everything", inputs, everything)(values))


def test_branches_are_refused() -> None:
    value = Graph().input(0, 9)
    with pytest.raises(TypeError, match="branches"):
        _ = 1 if value > 3 else 2


def test_divisors_must_be_positive() -> None:
    graph = Graph()
    with pytest.raises(ValueError, match="not known to be positive"):
        _ = graph.input(0, 9) // graph.input(0, 9)
    with pytest.raises(ValueError, match="may be negative"):
        _ = graph.input(-1, 9) % graph.input(1, 9)
    with pytest.raises(ValueError, match="fractions"):
        _ = (graph.input(0, 9) / 2) // 2


def test_what_is_known_is_not_computed() -> None:
    graph = Graph()
    small, large = graph.input(1, 5), graph.input(5, 20)
    assert graph.input(4, 4) == 4
    assert SYMBOLIC.maximum(small, large) is large
    assert SYMBOLIC.minimum(small, large) is small
    assert SYMBOLIC.where(small > 0, small, large) is small
    assert (small > large) is False
    assert (small <= large) is True
    assert (small == 6) is False
    assert small // 6 == 0
    assert small * 0 == 0
    assert small * 1 is small
    assert small + 0 is small
    assert small - small == 0
    assert SYMBOLIC.truncate(small) is small
    assert (small + large) is (small + large)
    assert SYMBOLIC.maximum(SYMBOLIC.where(small > 3, small, 0), small) is small
    assert SYMBOLIC.within(small + large, 0, 7).high == 7


def test_chains_need_no_comparison() -> None:
    graph = Graph()
    first, second = (graph.input(1, 100, chain=("periods", place)) for place in (0, 1))
    other = graph.input(1, 100, chain=("others", 0))
    assert never_larger(first, second)
    assert never_larger(first * 2, second * 2)
    assert not never_larger(second, first)
    assert not never_larger(first, other)
    assert list(SYMBOLIC.sort_pairs([(first, 1), (second, 2)])) == [(first, 1), (second, 2)]
    # of two values under one key the larger counts
    assert list(SYMBOLIC.sort_pairs([(first, 1), (first, 2)])) == [(first, 2)]


def test_arrays_are_used_again() -> None:
    graph = Graph()
    value = graph.input(0, 9)
    total = value
    for step in range(1, 60):
        total = SYMBOLIC.minimum(total + step, total * 2 - value)
    function = array_function("chain", [value], [total])
    assert function.numbers <= 4
    column = np.arange(10.0)
    (found,), _ = function.call([column], function.workspace(10))
    (part,), _ = function.call([column[3:7]], function.workspace(10).part(4))
    assert part.tolist() == found.tolist()[3:7]
    assert column.tolist() == list(range(10))


@pytest.mark.parametrize("offset", range(-2, 3))
def test_quotients_are_exact_up_to_the_limit(offset: int) -> None:
    """Integers next to a multiple, just below 2^53: the float quotient must not be rounded to the multiple."""
    graph = Graph()
    limit = EXACT_BELOW - 1
    dividend, divisor = graph.input(0, limit), graph.input(1, limit)
    outputs = [dividend // divisor, -(-dividend // divisor), dividend % divisor]
    function = array_function("quotients", [dividend, divisor], outputs)
    rng = Random(offset)
    pairs = []
    while len(pairs) < 500:
        b = rng.randint(1, 2 ** rng.randint(1, 53) - 1)
        a = b * rng.randint(1, max(1, limit // b)) + offset
        if 0 <= a <= limit:
            pairs.append((a, b))
    columns = [np.array(column, dtype=float) for column in zip(*pairs, strict=True)]
    found, largest = function.call(columns, function.workspace(500))
    assert np.all(np.asarray(largest) < EXACT_BELOW)
    for row, (a, b) in enumerate(pairs):
        assert [int(value[row]) for value in found] == [a // b, -(-a // b), a % b]


def test_large_results_are_reported() -> None:
    graph = Graph()
    a, b = graph.input(0, 2**40), graph.input(0, 2**40)
    function = array_function("product", [a, b], [a * b])
    columns = [np.array([2.0**20, 2.0**27, 2.0**26]), np.array([2.0**20, 2.0**26, 2.0**26 + 1])]
    _, largest = function.call(columns, function.workspace(3))
    assert (largest >= EXACT_BELOW).tolist() == [False, True, False]


def test_too_large_inputs_and_constants_are_refused() -> None:
    graph = Graph()
    large, small = graph.input(0, 2**60), graph.input(0, 9)
    with pytest.raises(TooLargeError):
        array_function("input", [large], [large + 1])
    with pytest.raises(TooLargeError):
        array_function("constant", [small], [small + (2**60 + 1)])
