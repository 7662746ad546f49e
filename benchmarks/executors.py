"""The formulas of the batch evaluator executed by Numba and by JAX, beside our own code generation.

All start from the same recorded operations. Two figures decide: mappings per second once everything is compiled, and
the seconds until the first 64 mappings of a new layer are scored, which is what a search pays. Numba and JAX must be
installed; every output has to be the same number as ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from statistics import geometric_mean
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.cases import own_machines, random_mappings, unrolling
from benchmarks.pages import PAGE, replace_part, table
from zzcp import EXACT, ZIGZAG, Layer
from zzcp.cost import Evaluator
from zzcp.cost.batch import MappingBatch, evaluate_batch
from zzcp.cost.execution.array_states import LoopTables, state_arrays
from zzcp.cost.execution.codegen import between, define, flatten, number_function, symbols_of
from zzcp.cost.execution.codegen_arrays import array_function
from zzcp.cost.execution.compiled import record
from zzcp.cost.execution.symbolic import BOOLEAN, FLOAT, INTEGER, Symbol

LAYERS = {
    "convolution": Layer.conv(k=64, c=64, oy=56, ox=56, fy=3, fx=3),
    "depthwise": Layer.depthwise(g=144, oy=56, ox=56, fy=3, fx=3),
    "matrix product": Layer.gemm(b=512, k=512, c=512),
}
MACHINES = ("eyeriss_like", "tpu_like", "gemmini_like")
FIRST, BATCH, ROUNDS = 64, 16384, 5
CHUNK = 2048
"""Mappings at a time, so that what our generated code writes stays in the cache, as in `evaluate_batch`."""

OURS = "generated code"
WIDTH = 20
"""Most entries of a tuple."""
DTYPES = {INTEGER: np.int64, FLOAT: np.float64, BOOLEAN: np.bool_}

Call = Callable[[Sequence[Any]], Sequence[Any]]
"""From the columns of the inputs to the outputs."""


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Time all executors on all settings, print a table and write it into docs/performance.md."""
    names = [OURS, *(name for name in ("numba", "jax") if find_spec(name))]
    rows = []
    for machine, (_, accelerator) in own_machines().items():
        if machine not in MACHINES[: 1 if quick else None]:
            continue
        for title, layer in LAYERS.items():
            spatial = unrolling(accelerator, layer, dividing=True)
            batch = random_mappings(accelerator, layer, spatial, BATCH)
            if batch is None or spatial.violations(accelerator, layer):
                continue
            for conventions in (EXACT, ZIGZAG):
                evaluator = Evaluator(accelerator, layer, spatial, conventions)
                found = {name: _measure(name, evaluator, batch) for name in names}
                rows.append({"machine": machine, "layer": title, "conventions": conventions.name, **found})
                console.print(
                    f"{machine} {title} {conventions.name}: "
                    + "; ".join(f"{n} {f['first']:.3f} s, {f['rate']:,.0f}/s" for n, f in found.items()),
                    highlight=False,
                )
    text = _table(rows, names)
    console.print(text, markup=False, highlight=False)
    if not quick and len(names) == 3:
        replace_part("executors", text, PAGE.with_name("performance.md"))
    return {"settings": rows}


def _table(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    lines = [
        [
            name,
            f"{geometric_mean([row[name]['rate'] / row[OURS]['rate'] for row in rows]):.2f}",
            f"{min(row[name]['rate'] / row[OURS]['rate'] for row in rows):.2f}",
            f"{max(row[name]['rate'] / row[OURS]['rate'] for row in rows):.2f}",
            f"{1000 * geometric_mean([row[name]['first'] for row in rows]):,.0f}",
        ]
        for name in names
    ]
    return table(["executor", "rate", "least", "greatest", "ms to the first 64"], lines)


def _columns(evaluator: Evaluator, batch: MappingBatch) -> tuple[Any, Any]:
    """Return the states of a batch, as the batch evaluator has them."""
    setting = evaluator.setting
    tables = LoopTables(setting.temporal_sizes, len(batch.sizes), len(batch))
    tables.load(batch.dims, batch.sizes)
    states = [
        state_arrays(
            operand,
            tables,
            batch.ends[operand.name],
            same_data_free=setting.conventions.same_data_free,
            relevant_runs=setting.conventions.greedy_buffering,
        )
        for operand in setting.operands
    ]
    return states, [None for _ in setting.operands]


def _measure(name: str, evaluator: Evaluator, batch: MappingBatch) -> dict[str, float]:
    """Return the seconds to the first mappings, and mappings per second afterwards; check the results."""
    parts = [_columns(evaluator, batch.part(start, CHUNK)) for start in range(0, BATCH, CHUNK)]
    few = _columns(evaluator, batch.part(0, FIRST))
    started = time.process_time()
    if name == OURS:
        setting = evaluator.setting  # a new layer object: nothing is known of it
        evaluate_batch(
            setting.accelerator,
            replace(setting.layer),
            setting.spatial,
            batch.part(0, FIRST),
            setting.conventions,
        )
    else:
        _executor(name, evaluator)(few)
    first = time.process_time() - started
    score = _executor(name, evaluator)
    expected = _executor(OURS, evaluator)(parts[0])
    for mine, theirs in zip(score(parts[0]), expected, strict=True):
        if not np.array_equal(np.broadcast_to(mine, CHUNK), np.broadcast_to(theirs, CHUNK)):
            raise AssertionError(f"{name} computes something else")
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for part in parts:
            score(part)
        times.append(time.process_time() - started)
    return {"first": first, "rate": BATCH / sorted(times)[ROUNDS // 2]}


def _executor(name: str, evaluator: Evaluator) -> Callable[[Any], list[Any]]:
    """Return a function from states to traffic, bits, whether all fits, and cycles where nothing is kept twice."""
    recording = record(evaluator.model)
    figures = [recording.figures[1], recording.figures[3], recording.energy_terms]
    outputs = [value for value in flatten(figures) if isinstance(value, Symbol)]
    kept = list(recording.kept)
    flags, cycles = symbols_of(recording.flags), symbols_of(recording.latency)
    make = {OURS: _generated, "numba": _numba, "jax": _jax}[name]
    inputs = symbols_of(recording.inputs)
    first, second = make(inputs, [*outputs, *kept]), make([*kept, *flags], cycles)

    def score(states: Any) -> list[Any]:
        found = first(_matched(recording.inputs, states))
        truths = [np.zeros(len(found[0]), dtype=bool) for _ in flags]
        return [*found[: len(outputs)], *second([*found[len(outputs) :], *truths])]

    return score


def _matched(structure: Any, values: Any) -> list[Any]:
    """Return the values that stand where a structure has symbols."""
    if isinstance(structure, Symbol):
        return [values]
    if values is None or not isinstance(structure, tuple | list):
        return []
    return [found for part, value in zip(structure, values, strict=True) for found in _matched(part, value)]


def _generated(inputs: Sequence[Symbol], outputs: Sequence[Symbol]) -> Call:
    function = array_function("stage", inputs, outputs)
    spaces: dict[int, Any] = {}

    def call(columns: Sequence[Any]) -> Sequence[Any]:
        length = len(columns[0])
        space = spaces.setdefault(length, function.workspace(length))
        found: Sequence[Any] = function.call(columns, space)[0]
        return found

    return call


def _numba(inputs: Sequence[Symbol], outputs: Sequence[Symbol]) -> Call:
    """Compile the scalar function of a stage, in a loop over the mappings, to machine code."""
    import numba  # noqa: PLC0415 - measured only where it is installed

    scope = {"stage": numba.njit(number_function("stage", _groups(inputs), _groups(outputs)))}
    columns_of = [f"c{place}" for place in range(len(inputs))]
    targets = [f"o{place}" for place in range(len(outputs))]
    given = "".join(f"({''.join(f'{name}[i], ' for name in group)}), " for group in _groups(columns_of))
    lines = ["for i in range(length):", f" found = stage(({given}))"]
    lines += [f" {name}[i] = found[{place // WIDTH}][{place % WIDTH}]" for place, name in enumerate(targets)]
    loop = numba.njit(define("loop", ", ".join(["length", *columns_of, *targets]), lines, scope))

    def call(columns: Sequence[Any]) -> Sequence[Any]:
        length = len(columns[0])
        found = [np.empty(length, dtype=DTYPES[symbol.kind]) for symbol in outputs]
        loop(
            length,
            *(np.asarray(c).astype(DTYPES[s.kind]) for c, s in zip(columns, inputs, strict=True)),
            *found,
        )
        return found

    return call


def _groups(entries: Sequence[Any]) -> tuple[tuple[Any, ...], ...]:
    """Return entries in tuples that are short enough for Numba."""
    return tuple(tuple(entries[start : start + WIDTH]) for start in range(0, len(entries), WIDTH))


def _jax(inputs: Sequence[Symbol], outputs: Sequence[Symbol]) -> Call:
    """Let XLA compile the operations of a stage."""
    import jax  # noqa: PLC0415 - measured only where it is installed
    import jax.numpy as jnp  # noqa: PLC0415

    jax.config.update("jax_enable_x64", True)
    operations: dict[str, Callable[..., Any]] = {
        "add": jnp.add, "subtract": jnp.subtract, "multiply": jnp.multiply, "divide": jnp.divide,
        "floor_divide": jnp.floor_divide, "less": jnp.less, "less_equal": jnp.less_equal, "equal": jnp.equal,
        "logical_and": jnp.logical_and, "logical_or": jnp.logical_or, "logical_not": jnp.logical_not,
        "maximum": jnp.maximum, "minimum": jnp.minimum, "where": jnp.where, "negate": jnp.negative,
        "ceil_divide": lambda a, b: -(-a // b), "truncate": lambda a: jnp.trunc(a).astype(jnp.int64),
        "modulo": lambda a, b, *_: a % b,
    }  # fmt: skip
    steps = between(inputs, outputs, lambda symbol: symbol.args)

    @jax.jit
    def stage(columns: Sequence[Any]) -> Sequence[Any]:
        values = {symbol.number: column for symbol, column in zip(inputs, columns, strict=True)}
        for symbol in steps:
            arguments = [values[arg.number] if isinstance(arg, Symbol) else arg for arg in symbol.args]
            values[symbol.number] = operations[symbol.op](*arguments)
        return [values[symbol.number] for symbol in outputs]

    def call(columns: Sequence[Any]) -> Sequence[Any]:
        found = stage([np.asarray(c).astype(DTYPES[s.kind]) for c, s in zip(columns, inputs, strict=True)])
        return [np.asarray(value) for value in found]

    return call
