"""How a search is made: the one record that travels from a command, or a public function, to the search itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from zzcp.checks import MAX_WORKERS, check_seed, choice, duration, gap_tolerance, integer, number
from zzcp.cost.conventions import EXACT, CostConventions
from zzcp.mapping.mapping import FACTORS, Factors
from zzcp.solver.cache.store import ResultCache
from zzcp.solver.engines import Engine, check_engine

DEFAULT_TIME_LIMIT = 60.0
"""Seconds."""


@dataclass(frozen=True)
class SearchOptions:
    """How layers are searched, whatever they are; each as for `optimize`.

    Parameters
    ----------
    time_limit : float or None
        Seconds for every layer; None for the default, unless there is a deterministic limit.
    gap : float
        Relative distance to the bound at which a mapping counts as optimal.
    seed : int
        Of all random choices.
    conventions : CostConventions
        How to count.
    engine : str
        Which search is used.
    cache : ResultCache or None
        Where solved layers are kept.
    deterministic_limit : float or None
        Limit of the work.
    factors : str
        Whether loops divide.
    max_padding : float or None
        Where they need not, what they may come to beyond the iterations; None for all that can win.
    memory_limit : int or None
        Bytes of every search.
    elsewhere : bool
        Whether a diagnosis says if another unrolling has a mapping.
    workers : int or None
        Threads of every search; None where nobody says, which is one.
    other_parameters : bool
        Whether the solver works with other parameters, for a second opinion.
    """

    time_limit: float | None = DEFAULT_TIME_LIMIT
    gap: float = 1e-4
    seed: int = 0
    conventions: CostConventions = EXACT
    engine: Engine = "auto"
    cache: ResultCache | None = None
    deterministic_limit: float | None = None
    factors: Factors = "perfect"
    max_padding: float | None = None
    memory_limit: int | None = None
    elsewhere: bool = True
    workers: int | None = None
    other_parameters: bool = False

    @property
    def seconds(self) -> float:
        """The limit of time, whether it is stated or not."""
        if self.time_limit is not None:
            return self.time_limit
        return DEFAULT_TIME_LIMIT if self.deterministic_limit is None else math.inf

    @property
    def work(self) -> float:
        """The limit of the work, infinite where there is none."""
        return math.inf if self.deterministic_limit is None else self.deterministic_limit

    @property
    def most_padding(self) -> float:
        """What loops may come to beyond the iterations, infinite where nothing is said."""
        return math.inf if self.max_padding is None else self.max_padding

    @property
    def loops(self) -> dict[str, Any]:
        """What is said of loops that need not divide, as plain data."""
        if self.factors == "perfect":
            return {}
        return _known({"factors": self.factors, "max_padding": self.max_padding})

    @property
    def stated(self) -> dict[str, Any]:
        """What a result says of the search, as plain data."""
        names = ("time_limit", "deterministic_limit", "gap", "workers", "seed", "engine")
        return _known({name: getattr(self, name) for name in names}) | self.loops

    @property
    def deciding(self) -> dict[str, Any]:
        """What belongs to a question to the cache, since it changes what is found; limits and the gap do not."""
        return {
            "seed": self.seed,
            "engine": self.engine,
            "factors": self.factors,
            "max_padding": str(self.loops.get("max_padding", math.inf)),
        }

    def checked(self) -> SearchOptions:
        """Return the options with numbers that can be counted with.

        Raises
        ------
        InputError
            If one is out of range.
        """
        check_engine(self.engine)
        choice(self.factors, "factors", FACTORS)
        limit, padding = self.deterministic_limit, self.max_padding
        memory, workers = self.memory_limit, self.workers
        if limit is not None:
            limit = number(limit, "deterministic limit", "a positive number", lambda work: work > 0)
        if padding is not None:
            padding = number(padding, "max_padding", "a number of at least 0", lambda share: share >= 0)
        if memory is not None:
            memory = integer(memory, "memory limit", least=1)
        if workers is not None:
            workers = integer(workers, "workers", least=1, most=MAX_WORKERS)
        return replace(
            self,
            time_limit=None if self.time_limit is None else duration(self.time_limit, "time limit"),
            gap=gap_tolerance(self.gap),
            seed=check_seed(self.seed),
            deterministic_limit=limit,
            max_padding=padding,
            memory_limit=memory,
            workers=workers,
        )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    """Return what is not None."""
    return {name: value for name, value in values.items() if value is not None}
