"""Frozen dataclasses as plain data and back: the only form in which anything crosses a wire.

What is read names classes, so only those of a fixed list of modules are made, by their constructors, which check what
they are given. Numbers come back exactly: rationals as such, floats with all digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from types import ModuleType
from typing import Any, cast

from zzcp.errors import InputError

_PLAIN = (bool, int, str, type(None))
_INFINITE = ("inf", "-inf", "nan")


class Records:
    """Turns objects of some modules into plain data for JSON, and back.

    Parameters
    ----------
    modules : iterable of module
        Their dataclasses, enumerations and named tuples are known, by their names.

    Raises
    ------
    ValueError
        If two classes have the same name.
    """

    def __init__(self, modules: Iterable[ModuleType]) -> None:
        self._classes: dict[str, type] = {}
        for module in modules:
            for name, entry in vars(module).items():
                if isinstance(entry, type) and entry.__module__ == module.__name__ and _is_record(entry):
                    if name in self._classes:
                        raise ValueError(f"two records of the name {name}")
                    self._classes[name] = entry

    def to_plain(self, value: Any) -> Any:
        """Return a value as plain data, which `from_plain` reads.

        Raises
        ------
        TypeError
            If it is, or contains, something of an unknown class.
        """
        if isinstance(value, Enum):
            return {"is": self._name(value), "value": value.value}
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, float | Fraction):
            text = repr(value) if isinstance(value, float) else str(value)
            exact = isinstance(value, float) and text not in _INFINITE
            return value if exact else {"is": type(value).__name__, "value": text}
        if is_dataclass(value) and not isinstance(value, type):
            named = {
                entry.name: self.to_plain(getattr(value, entry.name)) for entry in fields(value) if entry.init
            }
            return {"is": self._name(value), "with": named}
        return self._collection(value)

    def _collection(self, value: Any) -> Any:
        """Return a collection as plain data."""
        if isinstance(value, Mapping):
            pairs = [[self.to_plain(key), self.to_plain(entry)] for key, entry in value.items()]
            return {"is": "dict", "value": pairs}
        if isinstance(value, list | tuple):
            plain = [self.to_plain(entry) for entry in value]
            if isinstance(value, tuple):
                return {"is": self._name(value), "of": plain} if hasattr(value, "_fields") else plain
            return {"is": "list", "value": plain}
        if isinstance(value, frozenset | set):
            return {"is": type(value).__name__, "value": sorted(map(self.to_plain, value))}
        raise TypeError(f"no record: {type(value).__name__}")

    def from_plain(self, data: Any) -> Any:
        """Return what `to_plain` was given.

        Raises
        ------
        InputError
            If the data are no record.
        """
        if isinstance(data, list):
            return tuple(self.from_plain(entry) for entry in data)
        if not isinstance(data, dict):
            return data
        try:
            return self._read(data)
        except InputError:
            raise
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError("no record of zzcp", found=repr(error)) from None

    def _read(self, data: dict[str, Any]) -> Any:
        name = data["is"]
        if name in _READERS:
            return _READERS[name](self, data["value"])
        kind = self._classes[name]
        if "with" in data:
            return kind(**{key: self.from_plain(entry) for key, entry in data["with"].items()})
        if "of" in data:
            return kind(*map(self.from_plain, data["of"]))
        return kind(data["value"])

    def _name(self, value: object) -> str:
        name = type(value).__name__
        if self._classes.get(name) is not type(value):
            raise TypeError(f"no record: {name}")
        return name


_READERS: dict[str, Any] = {
    "float": lambda _, value: float(value),
    "Fraction": lambda _, value: Fraction(value),
    "dict": lambda records, value: {
        records.from_plain(key): records.from_plain(entry) for key, entry in value
    },
    "list": lambda records, value: list(map(records.from_plain, value)),
    "set": lambda records, value: set(map(records.from_plain, value)),
    "frozenset": lambda records, value: frozenset(map(records.from_plain, value)),
}


def _is_record(kind: type) -> bool:
    return (
        is_dataclass(kind)
        or issubclass(kind, Enum)
        or (issubclass(kind, tuple) and hasattr(cast("Any", kind), "_fields"))
    )
