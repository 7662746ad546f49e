"""Checks the dictionary form of constraints; every error names the field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from zzcp.checks import all_of, entries, instance, integer, native, number, repr_of, two
from zzcp.errors import InputError, Place, nearest

ANY = "*"
MAX_SIZE = 2**62
"""Largest size, and most cycles, that are accepted."""
MAX_BUDGET = 10**200
"""Largest energy that is accepted: floats hold its product with any cycles."""
MAX_ENTRIES = 256
"""Longest list that is accepted."""

Item = tuple[str, dict[str, Any]]
"""Kind of a constraint and its fields."""

_DIMENSION = re.compile(r"[A-Za-z]\w*")


def read_constraints(data: Any) -> list[Item]:
    """Return the constraints of the dictionary form, in its order.

    Raises
    ------
    InputError
        For the first thing that is wrong.
    """
    if not isinstance(data, Mapping):
        raise _wrong("", "a mapping with kinds of constraints as keys", data)
    items: list[Item] = []
    for key, value in data.items():
        if key == _SPATIAL:
            items += _spatial(key, value)
        elif key in _READERS:
            items += [(key, fields) for fields in _READERS[key](key, value)]
        else:
            raise _unknown("", key, KINDS)
    return items


def _loop_order(field: str, value: Any) -> Iterator[dict[str, Any]]:
    loops = []
    for at, entry in _entries(
        field, value, "loops, innermost first, such as [[FX, 3], [C, '*'], ['*', '*']]"
    ):
        if not isinstance(entry, list | tuple) or len(entry) != 2:
            raise _wrong(at, "a dimension and a size, such as [C, 4] or [C, '*']", entry)
        dim, size = entry
        dim = ANY if isinstance(dim, str) and dim == ANY else _dimension(f"{at}[0]", dim)
        size = None if isinstance(size, str) and size == ANY else _integer(f"{at}[1]", size, 1)
        if dim == ANY and size is not None:
            raise _wrong(f"{at}[1]", "'*', since loops over any dimensions have no size", size)
        loops.append((dim, size))
    yield {"loops": tuple(loops)}


def _dimension_groups(field: str, value: Any) -> Iterator[dict[str, Any]]:
    what = "dimensions such as [FX, FY], or groups of them such as [[FX, FY], C]"
    yield {"groups": _groups(field, value, what, _dimension)}


def _even(field: str, value: Any) -> Iterator[dict[str, Any]]:
    if value is False:
        return
    if value is True:
        yield {"groups": None}
        return
    what = "true, memories such as [sram, dram], or groups of them such as [[rf_1, rf_2], sram]"
    yield {"groups": _groups(field, value, what, _name)}


def _tile_sizes(field: str, value: Any) -> Iterator[dict[str, Any]]:
    for at, entry in _entries(field, value, "a list such as [{memory: sram, dimension: K, max: 32}]"):
        _keys(at, entry, ("memory", "dimension", "operand", "min", "max", "equal", "spatial"))
        _required(at, entry, ("memory", "dimension"))
        spatial = entry.get("spatial", False)
        if not isinstance(spatial, bool):
            raise _wrong(f"{at}.spatial", "true or false", spatial)
        yield {
            "dim": _dimension(f"{at}.dimension", entry["dimension"]),
            **_tile(at, entry),
            "spatial": spatial,
        }


def _tile_elements(field: str, value: Any) -> Iterator[dict[str, Any]]:
    for at, entry in _entries(field, value, "a list such as [{memory: sram, operand: W, max: 1024}]"):
        _keys(at, entry, ("memory", "operand", "min", "max", "equal"))
        _required(at, entry, ("memory",))
        yield _tile(at, entry)


def _tile(at: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return memory, operand and bounds of an entry."""
    operand = entry.get("operand")
    bounds = {
        name: _integer(f"{at}.{name}", entry[name], 1) for name in ("min", "max", "equal") if name in entry
    }
    if not bounds or ("equal" in bounds and len(bounds) > 1):
        raise InputError(
            "wrong bounds", place=Place(field=at), expected="min, max or both, or equal alone",
            found=", ".join(bounds) or "none",
        )  # fmt: skip
    least, most = (bounds.get("equal", bounds.get(name)) for name in ("min", "max"))
    if least is not None and most is not None and least > most:
        raise InputError(
            "bounds out of order", place=Place(field=at), expected="min <= max", found=f"{least} > {most}"
        )
    return {
        "memory": _name(f"{at}.memory", entry["memory"]),
        "operand": None if operand is None else _name(f"{at}.operand", operand),
        "least": least,
        "most": most,
    }


def _bypass(field: str, value: Any) -> Iterator[dict[str, Any]]:
    for operand, memories in _pairs(field, value, "operands with lists of memories, such as {I: [sram]}"):
        at = f"{field}.{operand}"
        names = [memories] if isinstance(memories, str) else memories
        for place, name in _entries(at, names, "a list of memories"):
            yield {"operand": operand, "memory": _name(place, name)}


def _double_buffering(field: str, value: Any) -> Iterator[dict[str, Any]]:
    def word(at: str, found: Any) -> bool:
        if found not in ("forced", "forbidden"):
            raise _wrong(at, "forced or forbidden", found)
        return bool(found == "forced")

    for memory, operand, twice in _per_operand(field, value, "forced", word):
        yield {"memory": memory, "operand": operand, "twice": twice}


def _min_utilization(field: str, value: Any) -> Iterator[dict[str, Any]]:
    def share(at: str, found: Any) -> Fraction:
        number = _fraction(at, found, "a share from 0 to 1", MAX_SIZE)
        if number > 1:
            raise _wrong(at, "a share from 0 to 1", found)
        return number

    for memory, operand, least in _per_operand(field, value, "0.5", share):
        yield {"memory": memory, "operand": operand, "share": least}


def _per_operand(
    field: str, value: Any, example: str, read: Callable[[str, Any], Any]
) -> Iterator[tuple[str, str | None, Any]]:
    """Yield (memory, operand or None, value) of ``{memory: value}`` and ``{memory: {operand: value}}``."""
    what = f"memories, such as {{sram: {example}}} or {{sram: {{W: {example}}}}}"
    for memory, entry in _pairs(field, value, what):
        if isinstance(entry, Mapping):
            for operand, found in _pairs(f"{field}.{memory}", entry, what):
                yield memory, operand, read(f"{field}.{memory}.{operand}", found)
        else:
            yield memory, None, read(f"{field}.{memory}", entry)


def _max_latency(field: str, value: Any) -> Iterator[dict[str, Any]]:
    yield {"cycles": _integer(field, value, 1)}


def _max_energy(field: str, value: Any) -> Iterator[dict[str, Any]]:
    yield {"energy": _fraction(field, value, "an energy, in the unit of the accelerator's file", MAX_BUDGET)}


def _min_array_utilization(field: str, value: Any) -> Iterator[dict[str, Any]]:
    share = _fraction(field, value, "a share from 0 to 1", MAX_SIZE)
    if share > 1:
        raise _wrong(field, "a share from 0 to 1", value)
    yield {"share": share}


def _spatial(field: str, value: Any) -> Iterator[Item]:
    """Yield what is asked of the unrolling on every array dimension."""
    what = "array dimensions, such as {D1: {allow: [C, FX, FY], most: 2}, D2: {fix: {K: 16}}}"
    for name, entry in _pairs(field, value, what):
        at = f"{field}.{name}"
        _keys(at, entry, _OF_ARRAY)
        if not entry:
            raise _wrong(at, f"one of {', '.join(_OF_ARRAY)}", entry)
        for key in _OF_ARRAY:
            if key not in entry:
                continue
            place, found = f"{at}.{key}", entry[key]
            if key == "most":
                yield key, {"array_dimension": name, "most": _integer(place, found, 0)}
            elif key == "allow":
                dims = [] if found == [] else _entries(place, found, "layer dimensions, such as [C, FX, FY]")
                named = tuple(dict.fromkeys(_dimension(where, dim) for where, dim in dims))
                yield key, {"array_dimension": name, "dims": named}
            else:
                given = _pairs(place, found, "layer dimensions with factors, such as {C: 8}")
                for dim, factor in given:
                    where = f"{place}.{dim}"
                    yield (
                        key,
                        {
                            "array_dimension": name,
                            "dim": _dimension(where, dim),
                            "factor": _integer(where, factor, 1),
                        },
                    )


_SPATIAL = "spatial"
_OF_ARRAY = ("allow", "most", "fix")
"""What can be asked of the unrolling on one array dimension."""

_READERS: dict[str, Callable[[str, Any], Iterator[dict[str, Any]]]] = {
    "loop_order": _loop_order,
    "innermost": _dimension_groups,
    "outermost": _dimension_groups,
    "tile_sizes": _tile_sizes,
    "tile_elements": _tile_elements,
    "bypass": _bypass,
    "even_mapping": _even,
    "double_buffering": _double_buffering,
    "min_utilization": _min_utilization,
    "max_latency": _max_latency,
    "max_energy": _max_energy,
    "min_array_utilization": _min_array_utilization,
}

KINDS = (*_READERS, _SPATIAL)
"""The keys of the dictionary form."""


def _groups(
    field: str, value: Any, what: str, read: Callable[[str, Any], str]
) -> tuple[tuple[str, ...], ...]:
    groups: list[tuple[str, ...]] = []
    for at, entry in _entries(field, value, what):
        if isinstance(entry, list | tuple):
            groups.append(tuple(read(place, name) for place, name in _entries(at, entry, what)))
        else:
            groups.append((read(at, entry),))
    names = [name for group in groups for name in group]
    for name in names:
        if names.count(name) > 1:
            raise InputError("given twice", place=Place(field=field), expected="every name once", found=name)
    return tuple(groups)


def _entries(field: str, value: Any, what: str) -> list[tuple[str, Any]]:
    """Return the entries of a list with the field of each."""
    if not isinstance(value, list | tuple) or not value:
        raise _wrong(field, what, value)
    if len(value) > MAX_ENTRIES:
        raise _wrong(field, f"at most {MAX_ENTRIES} entries", value)
    return [(f"{field}[{number}]", entry) for number, entry in enumerate(value)]


def _pairs(field: str, value: Any, what: str) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not value:
        raise _wrong(field, what, value)
    return [(_name(f"{field}.{key}", key), entry) for key, entry in value.items()]


def _keys(field: str, entry: Any, known: tuple[str, ...]) -> None:
    if not isinstance(entry, Mapping):
        raise _wrong(field, f"a mapping with the keys {', '.join(known)}", entry)
    for key in entry:
        if key not in known:
            raise _unknown(field, key, known)


def _required(field: str, entry: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if key not in entry:
            raise InputError(
                f"the key {key!r} is missing", place=Place(field=field), expected=key, found="nothing"
            )


def _dimension(field: str, value: Any) -> str:
    if not isinstance(value, str) or not _DIMENSION.fullmatch(value):
        raise _wrong(field, "a layer dimension such as K or OX", value)
    return value.upper()


def _name(field: str, value: Any) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _wrong(field, "a name", value)
    return value


def _integer(field: str, value: Any, least: int) -> int:
    value = native(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_SIZE:
        raise _wrong(field, f"an integer >= {least}", value)
    return value


def _fraction(field: str, value: Any, what: str, most: int) -> Fraction:
    """Return a number as the decimal that it is written as."""
    value = native(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction) or not 0 <= value <= most:
        raise _wrong(field, f"{what}, a number >= 0", value)
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def _wrong(field: str, expected: str, value: Any) -> InputError:
    found = "nothing" if value is None else repr_of(value)
    return InputError("wrong value", place=Place(field=field or None), expected=expected, found=found)


def _unknown(field: str, key: Any, known: tuple[str, ...]) -> InputError:
    return InputError(
        "unknown key",
        place=Place(field=f"{field}.{key}" if field else str(key)),
        expected=f"one of {', '.join(known)}",
        found=repr_of(key),
        hint=nearest(str(key), known),
    )


def check_field(where: str, name: str, value: object) -> None:
    """Check a field of a constraint that was not read: its type, and what no constraint can mean.

    Parameters
    ----------
    where : str
        The field for a message.
    name : str
        Its name in the class.
    value : object
        Its value.

    Raises
    ------
    InputError
        If it is of the wrong type.
    """
    if name == "loops":
        for entry in entries(value, where, "pairs of a dimension and a size or None"):
            dim, size = two(entry, where, "pairs of a dimension and a size or None")
            instance(dim, str, where, "a dimension or '*'")
            if size is not None:
                integer(size, where, least=1)
    elif name == "groups" and value is not None:
        for group in entries(value, where, "tuples of names"):
            all_of(group, str, where, "tuples of names")
    elif name == "dims":
        all_of(value, str, where, "a tuple of layer dimensions")
    elif name in ("memory", "dim", "operand", "array_dimension") and value is not None:
        instance(value, str, where, "a name")
    elif name in ("least", "most", "cycles", "factor") and value is not None:
        integer(value, where, least=1 if name == "factor" else 0)
    elif name in ("spatial", "twice"):
        instance(value, bool, where, "True or False")
    elif name in ("share", "energy"):
        number(value, where, "a number >= 0", lambda amount: amount >= 0)
