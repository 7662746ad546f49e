"""One run of CP-SAT: parameters, limits, progress while it runs, and a way to stop it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ortools.sat.python import cp_model

from zzcp.interrupt import Interrupt

Value = Callable[[cp_model.IntVar], int]
"""Gives the value of a variable in a solution."""

_POLL = 0.1
"""Seconds between two looks at whether the user wants the end."""


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


class _Solutions(cp_model.CpSolverSolutionCallback):
    """Passes every solution on."""

    def __init__(self, tell: Callable[[Value], None]) -> None:
        super().__init__()
        self.tell = tell

    def on_solution_callback(self) -> None:
        """Called by the solver."""
        self.tell(self.value)


def run_solver(
    model: cp_model.CpModel,
    limits: Limits,
    interrupt: Interrupt,
    *,
    workers: int = 1,
    seed: int = 0,
    attempt: int = 0,
    on_solution: Callable[[Value], None] | None = None,
    on_bound: Callable[[float], None] | None = None,
) -> tuple[cp_model.CpSolver, cp_model.CpSolverStatus]:
    """Solve a model; return the solver, which knows the solution, and its status.

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
        Called with every solution and every better bound, possibly from another thread.
    """
    solver = cp_model.CpSolver()
    parameters = solver.parameters
    parameters.num_workers = workers
    # CP-SAT's own has 31 bits
    parameters.random_seed = (seed + 7919 * attempt) % 2**31
    parameters.max_time_in_seconds = max(limits.seconds, 0.1)
    if limits.deterministic < math.inf:
        parameters.max_deterministic_time = max(limits.deterministic, 1e-6)
    if attempt:
        parameters.linearization_level = 2
    else:
        parameters.cp_model_probing_level = 0
    parameters.relative_gap_limit = limits.gap
    parameters.catch_sigint_signal = False
    parameters.max_memory_in_mb = 6000
    if on_bound is not None:
        solver.best_bound_callback = on_bound
    callback = None if on_solution is None else _Solutions(on_solution)
    return solver, _run(solver, model, callback, interrupt)


def _run(
    solver: cp_model.CpSolver,
    model: cp_model.CpModel,
    callback: cp_model.CpSolverSolutionCallback | None,
    interrupt: Interrupt,
) -> cp_model.CpSolverStatus:
    """Run in a thread of its own, since no signal is handled while the main thread is in the solver."""
    found: list[cp_model.CpSolverStatus] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(solver.solve(model, callback))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    with interrupt.held():
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_POLL)
                if interrupt.requested:
                    solver.stop_search()
        except BaseException:
            solver.stop_search()
            thread.join()
            raise
        if failed:
            raise failed[0]
        return found[0]
