"""One run of CP-SAT: parameters, limits, progress while it runs, and a way to stop it."""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from zzcp.interrupt import Interrupt
from zzcp.solver.cp_sat import cp_model
from zzcp.solver.memory_limit import exceeded

Value = Callable[["cp_model.IntVar"], int]
"""Gives the value of a variable in a solution."""

_POLL = 0.1
"""Seconds between two looks at whether the user wants the end."""
_PATIENCE = 0.4
"""Seconds after which a run is left to itself that does not end when it is told to."""

_LAST_PATIENCE = 10.0
"""Seconds that the interpreter waits for such a run before it ends: a run that comes back later would abort it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run ends at the latest.

    Parameters
    ----------
    seconds : float
        On the clock.
    deterministic : float
        In the solver's own measure of work, which is the same on every machine.
    gap : float
        Relative distance of the solver's solution to its bound.
    """

    seconds: float
    deterministic: float
    gap: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run says at its end.

    Parameters
    ----------
    status : CpSolverStatus
        UNKNOWN, too, where it had to be left to itself.
    bound : int
        The objective is nowhere less.
    work : float
        In the solver's own measure.
    value : callable
        Gives the value of a variable in the solution; of use only where the status says that there is one.
    """

    status: cp_model.CpSolverStatus
    bound: int
    work: float
    value: Value


def _passing_on(tell: Callable[[Value], None]) -> cp_model.CpSolverSolutionCallback:
    """Return what passes every solution on; a class of the solver's, which is imported when it is used."""

    class Solutions(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            tell(self.value)

    return Solutions()


class _Listener:
    """Hears what a run finds while somebody waits for it, remembers the bound, and stops it where that is enough."""

    def __init__(
        self,
        on_solution: Callable[[Value], bool] | None,
        on_bound: Callable[[int], bool] | None,
        stop: Callable[[], None],
        most: int,
    ) -> None:
        self.bound = 0
        self._on_solution, self._on_bound, self._stop = on_solution, on_bound, stop
        self._most = most
        self._lock = threading.RLock()
        self._gone = False

    def solution(self, value: Value) -> None:
        """Pass a solution on."""
        with self._lock:
            if self._on_solution is not None and not self._gone and self._on_solution(value):
                self._stop()

    def better_bound(self, bound: float) -> None:
        """Pass a bound on."""
        with self._lock:
            if self._gone:
                return
            sure = surely(bound, self._most)
            self.bound = max(self.bound, sure)
            if self._on_bound is not None and self._on_bound(sure):
                self._stop()

    def leave(self) -> None:
        """Pass nothing on any more."""
        with self._lock:
            self._gone = True


def new_solver() -> cp_model.CpSolver:
    """Return a solver with one thread, without the part of it that is wrong.

    OR-Tools 9.15 calls feasible models infeasible where a variable equals large multiples of another, one or the other
    (``t == a * x`` if b, ``t == c * x`` else), which is what presolve makes of a product with an energy of two values:
    it takes these for precedences, of which one must hold. That detection is off. So is a part of presolve that has
    been seen to take minutes, during which the solver looks at no limit.
    """
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.auto_detect_greater_than_at_least_one_of = False
    solver.parameters.find_big_linear_overlap = False
    return solver


def run_solver(
    model: cp_model.CpModel,
    limits: Limits,
    interrupt: Interrupt,
    *,
    workers: int = 1,
    seed: int = 0,
    attempt: int = 0,
    on_solution: Callable[[Value], bool] | None = None,
    on_bound: Callable[[int], bool] | None = None,
) -> Outcome:
    """Solve a model with an objective that is not negative.

    Parameters
    ----------
    model : CpModel
        The model with its objective.
    limits : Limits
        When to end.
    interrupt : Interrupt
        Ends the run, too.
    workers, seed : int
        Threads, and seed of random choices.
    attempt : int
        With 1 other parameters and another seed are used: for a second opinion.
    on_solution, on_bound : callable, optional
        Called with every solution and every better bound, from another thread; they return whether that is enough.
    """
    solver = new_solver()
    parameters = solver.parameters
    parameters.num_workers = workers
    # CP-SAT's own has 31 bits
    parameters.random_seed = (seed + 7919 * attempt) % 2**31
    parameters.max_time_in_seconds = max(limits.seconds, 0.1)
    if limits.deterministic < math.inf:
        parameters.max_deterministic_time = max(limits.deterministic, 1e-6)
        # several workers take turns, so that what each of them knows of the others is always the same
        parameters.interleave_search = workers > 1
    if attempt:
        parameters.linearization_level = 2
    else:
        parameters.cp_model_probing_level = 0
    # in OR-Tools 9.15 it rules solutions out where a product of about 2^40 has a factor with two possible values
    parameters.auto_detect_greater_than_at_least_one_of = False
    parameters.relative_gap_limit = limits.gap
    parameters.catch_sigint_signal = False
    parameters.max_memory_in_mb = 6000
    most = _largest(model)
    listener = _Listener(on_solution, on_bound, solver.stop_search, most)
    solver.best_bound_callback = listener.better_bound
    try:
        status = run_patiently(solver, model, _passing_on(listener.solution), limits.seconds, interrupt)
    finally:
        listener.leave()
    if status is None:
        return Outcome(cp_model.UNKNOWN, listener.bound, 0.0, solver.value)
    response = solver.response_proto
    return Outcome(status, _bound(model, response, most), response.deterministic_time, solver.value)


def surely(bound: float, most: int) -> int:
    """Return an integer that is not above the one for which a bound in floating point stands; 0 for an infinite one.

    The solver scales and shifts integers as doubles to what it tells: where some of them have more than 53 bits, what
    comes out is off by units, also if it is itself far less.

    Parameters
    ----------
    bound : float
        What the solver tells.
    most : int
        The objective is nowhere more.
    """
    return math.floor(Fraction(bound) - _doubt(most)) if math.isfinite(bound) else 0


def _doubt(most: int) -> int:
    return 0 if most < 2**50 else most >> 49


def _largest(model: cp_model.CpModel) -> int:
    """Return what no value of the objective exceeds."""
    objective, variables = model.proto.objective, model.proto.variables
    most = math.ceil(abs(objective.offset))
    for factor, number in zip(objective.coeffs, objective.vars, strict=True):
        # a list of Python's: the solver's own knows no index from the end
        most += abs(factor) * max(map(abs, list(variables[number].domain)))
    return most


def _bound(model: cp_model.CpModel, response: cp_model.CpSolverResponse, most: int) -> int:
    """Return the bound of a response: as it keeps it, in integers, where that is what it tells."""
    exact = int(response.inner_objective_lower_bound) + math.floor(model.proto.objective.offset)
    told = surely(response.best_objective_bound, most)
    return exact if told <= exact <= told + 2 * _doubt(most) + 1 else told


def run_patiently(
    solver: cp_model.CpSolver,
    model: cp_model.CpModel,
    callback: cp_model.CpSolverSolutionCallback | None,
    seconds: float,
    interrupt: Interrupt,
) -> cp_model.CpSolverStatus | None:
    """Run in a thread of its own, since no signal is handled while the main thread is in the solver.

    CP-SAT looks neither at the clock nor at a request to stop while it propagates, which in rare cases takes minutes:
    then nobody waits for it any longer, and there is no status.
    """
    found: list[cp_model.CpSolverStatus] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(solver.solve(model, callback))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    with interrupt.held():
        end = time.monotonic() + seconds
        thread.start()
        try:
            while thread.is_alive() and time.monotonic() < end + _PATIENCE:
                thread.join(_POLL)
                if interrupt.requested or exceeded():
                    solver.stop_search()
                    end = min(end, time.monotonic())
        except BaseException:
            solver.stop_search()
            thread.join(_PATIENCE)
            raise
        if failed:
            raise failed[0]
        if not found:
            solver.stop_search()
            atexit.register(thread.join, _LAST_PATIENCE)
        return found[0] if found else None
