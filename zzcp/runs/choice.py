"""Which executor serves."""

from __future__ import annotations

from zzcp.checks import instance
from zzcp.runs.executor import Executor, InProcess
from zzcp.runs.processes import LocalProcesses


def executor_for(jobs: int, scheduler: str | None = None) -> Executor:
    """Return what runs tasks side by side.

    Parameters
    ----------
    jobs : int
        Tasks side by side on this machine; 1 is in this process.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster, whose workers run them instead.

    Raises
    ------
    InputError
        If the cluster is not to be had.
    """
    if scheduler is not None:
        instance(scheduler, str, "scheduler", "an address such as tcp://127.0.0.1:8786")
        from zzcp.runs.cluster import DaskCluster  # noqa: PLC0415 - needs an optional dependency

        return DaskCluster(scheduler)
    return LocalProcesses(jobs) if jobs > 1 else InProcess()
