"""The bookkeeping that all mappers share: budget, interrupts, best mapping so far, history."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from types import TracebackType

import numpy as np

from zzcp.cost.batch import BatchEvaluation, MappingBatch, score_batch
from zzcp.cost.evaluate import cached_evaluator
from zzcp.cost.execution.array_states import Array
from zzcp.cost.objective import combined, objective_values
from zzcp.cost.setting.setting import Setting
from zzcp.interrupt import Interrupt
from zzcp.mappers.allocate_orders import allocate_orders
from zzcp.mappers.protocol import Budget, OnBest, Problem, Sample, Search
from zzcp.mapping import Mapping

CHUNK = 2048
"""Candidates scored between two looks at the clock."""
_EQUAL = 1 + 2.0**-40
"""Objectives within this factor are compared exactly."""


class Run:
    """One search of one mapper, used as a context manager.

    Hand candidates to `score` (or loop orders to `score_orders`) until `over`; then return `search`.

    Parameters
    ----------
    name : str
        Of the mapper.
    problem : Problem
        What is to be mapped, and what counts.
    budget : Budget
        When to stop.
    on_best : callable, optional
        Called with every improvement.

    Attributes
    ----------
    setting : Setting
        Machine, layer and unrolling as the cost model sees them.
    evaluations : int
        Candidates tried so far.

    Raises
    ------
    MappingError
        If the unrolling does not fit the array or the layer.
    """

    def __init__(self, name: str, problem: Problem, budget: Budget, on_best: OnBest | None = None) -> None:
        self.name, self.problem, self.budget, self.on_best = name, problem, budget, on_best
        self._started = time.monotonic()
        self._evaluator = cached_evaluator(
            problem.accelerator, problem.layer, problem.spatial, problem.conventions, problem.links
        )
        self.setting: Setting = self._evaluator.setting
        self.evaluations = 0
        self._interrupt = Interrupt()
        self._best: tuple[Fraction, Mapping] | None = None
        self._history: list[Sample] = []

    def __enter__(self) -> Run:
        self._interrupt.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._interrupt.__exit__(kind, error, trace)

    @cached_property
    def rng(self) -> np.random.Generator:
        """The source of all random choices, from the budget's seed."""
        return np.random.default_rng(self.budget.seed)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def interrupted(self) -> bool:
        """Whether the user asked for the end."""
        return self._interrupt.requested

    @property
    def over(self) -> bool:
        """Whether the budget is used up, or the user asked for the end."""
        limit = self.budget.seconds
        # however short the time, one batch is tried
        late = limit is not None and self.evaluations > 0 and self.seconds >= limit
        return self.interrupted or late or self.left(1) == 0

    def left(self, wanted: int) -> int:
        """Return how many of so many candidates the budget still allows."""
        limit = self.budget.evaluations
        return wanted if limit is None else min(wanted, limit - self.evaluations)

    def score(self, batch: MappingBatch | Sequence[Mapping], fits: Array | None = None) -> Array:
        """Try candidates and keep the best.

        Parameters
        ----------
        batch : MappingBatch or sequence of Mapping
            The candidates, in the problem's unrolling; their buffering is chosen by the conventions.
        fits : ndarray of bool, optional
            Which of them are worth scoring; the others count as tried, and as invalid.

        Returns
        -------
        ndarray of float
            The objective of every candidate: infinite for those that are invalid, and for those at the end that the
            budget did not allow to try.
        """
        if not isinstance(batch, MappingBatch):
            batch = MappingBatch.from_mappings(self.problem.layer, batch)
        values = np.full(len(batch), np.inf)
        for start in range(0, len(batch), CHUNK):
            if self.over:
                break
            length = self.left(min(CHUNK, len(batch) - start))
            columns = np.arange(start, start + length)
            if fits is not None:
                columns = columns[fits[columns]]
            if len(columns):
                chosen = batch if len(columns) == len(batch) else select(batch, columns)
                values[columns] = self._score(chosen, columns - start)
            self.evaluations += length
        return values

    def score_orders(self, dims: Array, sizes: Array) -> Array:
        """Try loop orders under greedy allocation (`zzcp.mappers.allocate`), and keep the best.

        Parameters
        ----------
        dims, sizes : ndarray of int, shape (loops, orders)
            As in `zzcp.cost.batch.MappingBatch`.

        Returns
        -------
        ndarray of float
            As for `score`.
        """
        values = np.full(dims.shape[1], np.inf)
        for start in range(0, dims.shape[1], CHUNK):
            if self.over:
                break
            columns = slice(start, start + self.left(min(CHUNK, dims.shape[1] - start)))
            values[columns] = self.score(*allocate_orders(self.setting, dims[:, columns], sizes[:, columns]))
        return values

    def search(self) -> Search:
        """Return the outcome so far."""
        mapping = evaluation = objective = None
        if self._best is not None:
            mapping = self._best[1]
            evaluation = self._evaluator.evaluate(mapping)
            objective = float(self.problem.value(evaluation))
        return Search(
            mapper=self.name,
            mapping=mapping,
            evaluation=evaluation,
            objective=objective,
            evaluations=self.evaluations,
            wall_s=self.seconds,
            history=tuple(self._history),
            interrupted=self.interrupted,
        )

    def _score(self, batch: MappingBatch, places: Array) -> Array:
        """Score a chunk whose candidates stand at some places among those tried since the last chunk."""
        problem = self.problem
        found = score_batch(self._evaluator, batch)
        values = objective_values(found.energy, found.latency.astype(float), problem.objective)
        values = np.where(found.valid, values, np.inf)
        winner = self._winner(found, values)
        if winner is not None:
            column, value = winner
            mapping = batch.mapping(column, problem.layer, problem.spatial)
            links = None if problem.links is None else dict(problem.links)
            self._best = value, replace(mapping, links=links)
            sample = Sample(self.seconds, self.evaluations + int(places[column]) + 1, float(value))
            self._history.append(sample)
            if self.on_best is not None:
                self.on_best(sample)
        return values

    def _winner(self, found: BatchEvaluation, values: Array) -> tuple[int, Fraction] | None:
        """Return the best candidate if it is better than the best so far; comparisons are exact."""
        least = float(values.min())
        if not np.isfinite(least) or (self._best is not None and least > float(self._best[0]) * _EQUAL):
            return None
        close = np.flatnonzero(values <= least * _EQUAL)
        energies = found.energy if found.energy_units is None else found.energy_units
        scale = 1 if found.energy_units is None else found.scale
        seen: dict[tuple[float | int, float | int], int] = {}
        for column, energy, latency in zip(
            close.tolist(), energies[close].tolist(), found.latency[close].tolist(), strict=True
        ):
            seen.setdefault((energy, latency), column)
        value, column = min(
            (combined(Fraction(energy) / scale, Fraction(latency), self.problem.objective), column)
            for (energy, latency), column in seen.items()
        )
        return (column, value) if self._best is None or value < self._best[0] else None


def select(batch: MappingBatch, columns: Array) -> MappingBatch:
    """Return some mappings of a batch."""
    return MappingBatch(
        batch.dims[:, columns],
        batch.sizes[:, columns],
        {operand: ends[:, columns] for operand, ends in batch.ends.items()},
    )
