"""The formulas on arrays that are not compiled: numbers that floats cannot hold, and when it pays to compile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.machines import machine
from zzcp.cost import EXACT, Evaluator, evaluator
from zzcp.cost.execution.codegen_arrays import TooLargeError
from zzcp.cost.execution.compiled import CompiledArrays
from zzcp.cost.execution.plain_arrays import Column, PlainArrays, columns_watched_by
from zzcp.cost.formulas.numeric import PYTHON
from zzcp.mapping import SpatialMapping
from zzcp.workload import Layer

SPATIAL = SpatialMapping.from_dict({"D1": {"K": 4}, "D2": {"C": 2}})
GEMM = Layer.gemm(b=5, k=8, c=6)


def column(numbers: list[float], watched: list[Any] | None = None, *, whole: bool = True) -> Column:
    high = max(numbers) if whole else float("nan")
    return Column(np.array(numbers, dtype=float), high, [] if watched is None else watched)


def numbers(value: Any) -> Any:
    return value.array.tolist() if isinstance(value, Column) else np.asarray(value).tolist()


OPERATIONS = {
    "sum": lambda a, b, n: 3 + a + b + 4,
    "difference": lambda a, b, n: 100 - a - b - 2,
    "product": lambda a, b, n: 5 * a * b * 1 * 7,
    "quotient": lambda a, b, n: a // b + 100 // a + a // 3,
    "rounded up": lambda a, b, n: -(-a // b) + -(-a * 3 // 5),
    "negative": lambda a, b, n: -a + -b * 2 - -a,
    "nothing": lambda a, b, n: (0 + a + 0 - 0) * 1 // 1 + -(-a // 1) + a * 1.0 + a / 8 // 1,
    "remainder": lambda a, b, n: a % b + 100 % a + a % 7,
    "fraction": lambda a, b, n: a / b + 1 / a + a / 8,
    "comparison": lambda a, b, n: [a < b, a <= b, a > 3, a >= b, a == b, a != b],
    "maximum": lambda a, b, n: n.maximum(n.maximum(4, a), b),
    "minimum": lambda a, b, n: n.minimum(n.minimum(a, b), 6),
    "choice": lambda a, b, n: (
        n.where(a > b, a, b) + n.where(a > b, a, 0) + n.where(a > b, 0, 5) + n.where(True, a, b)
    ),
    "whole": lambda a, b, n: n.truncate(a / b) + n.truncate(a) + n.truncate(2.5),
    "pairs": lambda a, b, n: [
        part for pair in n.sort_pairs([(a, 1), (b, 2), (5, a), (a, 3)]) for part in pair
    ],
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_those_on_numbers(name: str) -> None:
    first, second = [12.0, 3.0, 1.0, 9.0], [2.0, 5.0, 8.0, 9.0]
    operation: Any = OPERATIONS[name]
    found = operation(column(first), column(second), columns_watched_by([]))
    for place, pair in enumerate(zip(first, second, strict=True)):
        expected = operation(*map(int, pair), PYTHON)
        if name == "pairs":
            # pairs with one key count as one, the larger value as theirs
            continue
        if isinstance(expected, list):
            assert [bool(part[place]) for part in found] == expected
        else:
            assert numbers(found)[place] == expected


def test_pairs_of_one_key_are_one() -> None:
    a, b = column([12, 3]), column([2, 5])
    pairs = columns_watched_by([]).sort_pairs([(a, 1), (b, 2), (5, a), (a, 3)])
    assert [(numbers(key), numbers(value)) for key, value in pairs] == [
        ([2, 3], [2, 3]),
        ([5, 5], [12, 2]),
        ([12, 5], [3, 3]),
    ]


@pytest.mark.parametrize("constants", [(1, 9), (1, 5), (5,), (), (2, 7, 8)])
def test_constants_among_sorted_pairs(constants: tuple[int, ...]) -> None:
    # outside of what the columns span they stay constants, within they cannot
    columns = [column([2, 7, 5]), column([3, 4, 6])]
    pairs = [*((key, 10 + key) for key in constants), *((each, each) for each in columns)]
    found = columns_watched_by([]).sort_pairs(pairs)
    for place in range(3):
        plain = [tuple(x if isinstance(x, int) else int(x.array[place]) for x in pair) for pair in (*pairs,)]
        sorted_ones = [
            tuple(x if isinstance(x, int) else int(x.array[place]) for x in pair) for pair in found
        ]
        assert [key for key, _ in sorted_ones] == sorted(key for key, _ in plain)
        assert sorted(sorted_ones) == sorted(plain)
    within = any(2 < key < 7 for key in constants)
    assert sum(type(key) is int for key, _ in found) == (0 if within else len(constants))


def test_what_may_be_rounded_is_watched() -> None:
    watched: list[Any] = []
    small = column([2.0**20, 2.0**27], watched)
    small * small
    assert [rows.tolist() for rows in watched] == [[2.0**40, 2.0**54]]
    watched.clear()
    column([2.0**20], watched, whole=False) * 2.0**50
    assert not watched


def test_constants_that_floats_cannot_hold_are_refused() -> None:
    assert numbers(column([1.0]) + 2**60) == [2.0**60]  # holds it, but is watched
    with pytest.raises(TooLargeError):
        column([1.0]) + (2**60 + 1)


def test_no_formula_branches_on_a_column() -> None:
    with pytest.raises(TypeError, match="branches"):
        bool(column([1.0]))
    with pytest.raises(TypeError, match="str"):
        column([1.0]) + "1"


def test_compiled_when_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "COMPILE_ARRAYS_AFTER", 10_000)
    scorer = Evaluator(machine(), GEMM, SPATIAL, EXACT)
    assert [type(scorer.arrays_for(100)) for _ in range(8)] == 6 * [PlainArrays] + 2 * [CompiledArrays]
    assert isinstance(Evaluator(machine(), GEMM, SPATIAL, EXACT).arrays_for(10_000), CompiledArrays)


def test_compiled_formulas_stay_in_use() -> None:
    scorer = Evaluator(machine(), GEMM, SPATIAL, EXACT)
    assert isinstance(scorer.arrays_for(1), PlainArrays)
    assert scorer.arrays is scorer.arrays_for(1)


def test_none_where_floats_cannot_hold_the_layer() -> None:
    large = Layer.gemm(b=2**20, k=2**20, c=2**20)
    assert Evaluator(machine(), large, SPATIAL, EXACT).arrays_for(1) is None
