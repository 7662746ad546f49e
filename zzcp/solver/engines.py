"""The engines: the searches that prove a bound, and what a user may ask for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from zzcp.checks import choice

Engine = Literal["auto", "cp-sat", "ranges"]
ENGINES = ("auto", "cp-sat", "ranges")
"""What may be asked for: CP-SAT alone, the search by ranges alone, or whichever is faster, one after the other."""
NO_ENGINE = "none"
"""What a result names where no search has proven more than what follows from operations, cycles and smallest tiles."""


def check_engine(engine: object) -> None:
    """Raise an error unless an engine of that name may be asked for.

    Raises
    ------
    InputError
        If there is none.
    """
    choice(engine, "engine", ENGINES)


def joined(engines: Collection[str]) -> str:
    """Return the name of several engines together: ``ranges+cp-sat``."""
    parts = {part for name in engines for part in name.split("+")}
    return "+".join(name for name in ("ranges", "cp-sat") if name in parts) or NO_ENGINE
