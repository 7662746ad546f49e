"""A genetic algorithm over loop orders, tiles and allocations, with the operators of GAMMA.

Source: Kao and Krishna, "GAMMA: Automating the HW Mapping of DNN Models on Accelerators via Genetic Algorithm",
ICCAD 2020. Taken from the paper: genomes of loop orders and tiles, and of its operators crossover, mutation of tiles
and reordering. The parameters are those of its published program: population 100, 100 generations, 5 % elite, 15 %
parents; tile crossover in 57 %, up to three tile mutations of 52 % each, order mutation in 47 % of the children. The
operators that change the unrolling (growth, aging, parallel dimension) have no counterpart here, where the unrolling is
given; the boundaries of uneven mappings, which GAMMA does not know, are inherited and mutated like tiles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zzcp.cost.batch import MappingBatch
from zzcp.cost.execution.array_states import Array
from zzcp.mappers.boundaries import largest_boundaries, outermost_boundaries, random_boundaries
from zzcp.mappers.options import at_least, within
from zzcp.mappers.orders import loop_prime_factors
from zzcp.mappers.protocol import Budget, OnBest, Problem, Search
from zzcp.mappers.run import Run
from zzcp.mapping.mapping import Loop


@dataclass(frozen=True, slots=True)
class Genetic:
    """A genetic algorithm in the manner of GAMMA.

    A genome holds a height between 0 and 1 for every prime factor and for every boundary (operand and memory level):
    loops in the order of their heights, those below a boundary's height in the level. So the heights of one
    dimension's factors say how its tiles grow from level to level, which is what tile crossover exchanges.

    Parameters
    ----------
    population : int
        Genomes per generation.
    generations : int
        Generations, where the budget sets no limit.
    elite, parents : float
        Share of the best that lives on, and share that has children.
    tile_crossover, tile_mutation, order_mutation, boundary_mutation : float
        Probabilities, per child (tile mutation: three times per child).
    lpf_limit : int or None
        Most loops, merged as for LOMA; None merges none.
    name : str
        What tables call it.
    """

    population: int = 100
    generations: int = 100
    elite: float = 0.05
    parents: float = 0.15
    tile_crossover: float = 0.57
    tile_mutation: float = 0.52
    order_mutation: float = 0.47
    boundary_mutation: float = 0.52
    lpf_limit: int | None = None
    name: str = "genetic"

    def __post_init__(self) -> None:
        at_least(2, population=self.population)
        at_least(1, generations=self.generations)
        within(0, 1, elite=self.elite, parents=self.parents, tile_crossover=self.tile_crossover)
        within(0, 1, tile_mutation=self.tile_mutation, order_mutation=self.order_mutation)
        within(0, 1, boundary_mutation=self.boundary_mutation)
        if self.lpf_limit is not None:
            at_least(1, lpf_limit=self.lpf_limit)

    def map(self, problem: Problem, budget: Budget, *, on_best: OnBest | None = None) -> Search:
        """Search a mapping; see `zzcp.mappers.Mapper`."""
        limited = budget.evaluations is not None or budget.seconds is not None
        with Run(self.name, problem, budget, on_best) as run:
            loops = loop_prime_factors(run.setting.temporal_sizes, self.lpf_limit)
            genomes = _Genomes.random(run, loops, self.population)
            values = genomes.score(run)
            generation = 1
            while not run.over and (limited or generation < self.generations):
                generation += 1
                if not np.isfinite(values).any():
                    # nothing to inherit
                    genomes = _Genomes.random(run, loops, self.population)
                    values = genomes.score(run)
                    continue
                ranking = np.argsort(values, kind="stable")
                elite = ranking[: int(self.population * self.elite)]
                fit = ranking[np.isfinite(values[ranking])]
                parents = fit[: max(1, int(self.population * self.parents))]
                children = genomes.children(parents, self.population, run.rng, self)
                found = children.score(run)
                genomes = genomes.pick(elite).joined(children)
                values = np.concatenate([values[elite], found])
            return run.search()


@dataclass(slots=True, eq=False)
class _Genomes:
    """Many genomes: heights of the factors, shape (factors, genomes), and of every operand's boundaries."""

    loops: tuple[Loop, ...]
    factors: Array
    boundaries: dict[str, Array]

    @classmethod
    def random(cls, run: Run, loops: tuple[Loop, ...], number: int) -> _Genomes:
        """Draw genomes; the first leaves all loops to the outermost memories: it takes hardly any room."""
        depth = len(loops)
        heights = run.rng.random((depth, number))
        genomes = cls(loops, heights, {})
        dims, sizes = genomes.orders(run)
        ends = random_boundaries(largest_boundaries(run.setting, dims, sizes), depth, run.rng)
        outermost = outermost_boundaries(run.setting, depth, 1)
        ordered = np.concatenate([np.zeros((1, number)), np.sort(heights, axis=0), np.ones((1, number))])
        middles = (ordered[1:] + ordered[:-1]) / 2
        for operand, rows in ends.items():
            rows[:, :1] = outermost[operand]
            genomes.boundaries[operand] = middles[rows[:-1], np.arange(number)]
        return genomes

    def orders(self, run: Run) -> tuple[Array, Array]:
        """Return the loop orders, as (dims, sizes)."""
        names = list(run.problem.layer.sizes)
        dims = np.array([names.index(dim) for dim, _ in self.loops], dtype=np.int64)
        sizes = np.array([size for _, size in self.loops], dtype=np.int64)
        order = np.argsort(self.factors, axis=0, kind="stable")
        return dims[order], sizes[order]

    def score(self, run: Run) -> Array:
        """Return the objective of every genome.

        A boundary above what its memory could hold alone counts as one that just fits.
        """
        dims, sizes = self.orders(run)
        depth = len(self.loops)
        largest = largest_boundaries(run.setting, dims, sizes)
        ends = {}
        for operand, heights in self.boundaries.items():
            rows = largest[operand].copy()
            for row, height in zip(rows[:-1], heights, strict=True):
                np.minimum(row, (self.factors < height).sum(axis=0), out=row)
            rows[-1] = depth
            ends[operand] = np.minimum.accumulate(rows[::-1], axis=0)[::-1]
        return run.score(MappingBatch(dims, sizes, ends))

    def pick(self, columns: Array) -> _Genomes:
        """Return copies of some genomes."""
        return _Genomes(
            self.loops,
            self.factors[:, columns],
            {operand: rows[:, columns] for operand, rows in self.boundaries.items()},
        )

    def joined(self, other: _Genomes) -> _Genomes:
        """Return these genomes and others."""
        return _Genomes(
            self.loops,
            np.concatenate([self.factors, other.factors], axis=1),
            {
                operand: np.concatenate([rows, other.boundaries[operand]], axis=1)
                for operand, rows in self.boundaries.items()
            },
        )

    def children(self, parents: Array, number: int, rng: np.random.Generator, rates: Genetic) -> _Genomes:
        """Return children of random pairs of parents."""
        child, other = self.pick(rng.choice(parents, number)), self.pick(rng.choice(parents, number))
        child._cross(other, rng, rates)
        child._mutate(rng, rates)
        return child

    def _cross(self, other: _Genomes, rng: np.random.Generator, rates: Genetic) -> None:
        """Take one dimension's tiles, or one operand's boundaries, from the other parent."""
        number = self.factors.shape[1]
        dims = list(dict.fromkeys(dim for dim, _ in self.loops))
        crossed = rng.random(number) < rates.tile_crossover
        taken = rng.integers(0, len(dims) + len(self.boundaries), number)
        for place, dim in enumerate(dims):
            columns = np.flatnonzero(crossed & (taken == place))
            rows = [row for row, loop in enumerate(self.loops) if loop.dim == dim]
            for row in rows:
                self.factors[row, columns] = other.factors[row, columns]
        for place, (operand, heights) in enumerate(self.boundaries.items(), len(dims)):
            columns = np.flatnonzero(crossed & (taken == place))
            heights[:, columns] = other.boundaries[operand][:, columns]

    def _mutate(self, rng: np.random.Generator, rates: Genetic) -> None:
        """Move factors, let two loops change places, and move boundaries."""
        depth, number = self.factors.shape
        for _ in range(3 if depth else 0):
            columns = np.flatnonzero(rng.random(number) < rates.tile_mutation)
            self.factors[rng.integers(0, depth, len(columns)), columns] = rng.random(len(columns))
        if depth:
            columns = np.flatnonzero(rng.random(number) < rates.order_mutation)
            first, second = rng.integers(0, depth, (2, len(columns)))
            lower, upper = self.factors[first, columns], self.factors[second, columns]
            self.factors[first, columns], self.factors[second, columns] = upper, lower
        places = [
            (operand, row) for operand, heights in self.boundaries.items() for row in range(len(heights))
        ]
        if places:
            moved = rng.random(number) < rates.boundary_mutation
            taken, drawn = rng.integers(0, len(places), number), rng.random((number,))
            for place, (operand, row) in enumerate(places):
                columns = np.flatnonzero(moved & (taken == place))
                self.boundaries[operand][row, columns] = drawn[columns]
