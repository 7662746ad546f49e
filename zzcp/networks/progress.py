"""What is told of the search of a network while it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkProgress:
    """How far the search of a network is.

    Parameters
    ----------
    searches : int
        Searches of layers that are done.
    slopes : int
        Slopes that were looked at.
    objective, lower_bound, gap : float or None
        Of the network.
    stage : str
        What is being done.
    running : tuple of str
        Layers that are being searched.
    left : float or None
        Estimate of the seconds left of the stage; None until one of its searches is done.
    """

    searches: int
    slopes: int
    objective: float | None
    lower_bound: float
    gap: float | None
    stage: str
    running: tuple[str, ...] = ()
    left: float | None = None
