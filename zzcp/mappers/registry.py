"""The mappers by name."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from zzcp.checks import choice
from zzcp.errors import InputError, nearest
from zzcp.mappers.genetic import Genetic
from zzcp.mappers.greedy import Greedy
from zzcp.mappers.loma import Loma
from zzcp.mappers.protocol import Mapper
from zzcp.mappers.random_search import RandomSearch
from zzcp.mappers.salsa import Salsa
from zzcp.mappers.zigzag import ZigZagLoma, ZigZagSalsa

MAPPERS: dict[str, Callable[..., Mapper]] = {
    "loma": Loma,
    "salsa": Salsa,
    "random": RandomSearch,
    "genetic": Genetic,
    "greedy": Greedy,
    "zigzag-loma": ZigZagLoma,
    "zigzag-salsa": ZigZagSalsa,
}
"""What makes a mapper of a name, from options. Add your own: ``MAPPERS["mine"] = Mine``."""


def make_mapper(name: str, /, **options: Any) -> Mapper:
    """Return a mapper by its name.

    Parameters
    ----------
    name : str
        One of `MAPPERS`.
    **options
        Its parameters, such as ``lpf_limit``.

    Raises
    ------
    InputError
        If the name or an option is unknown, or the value of an option is out of range.
    """
    factory = MAPPERS[choice(name, "mapper", tuple(MAPPERS))]
    known = options_of(name)
    for option in options:
        if known and option not in known:
            raise InputError(
                f"unknown option of mapper {name}",
                expected=", ".join(known),
                found=option,
                hint=nearest(option, known),
            )
    return factory(**options)


def options_of(name: str) -> tuple[str, ...]:
    """Return the names of a mapper's options; none where its factory takes any."""
    parameters = signature(MAPPERS[name]).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return ()
    return tuple(parameter.name for parameter in parameters)
