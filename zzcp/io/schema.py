"""What the schemas share: strict scalar types that say what they expect, and errors with their place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from zzcp.documents.nodes import Document, FieldPath, known_keys, shorten
from zzcp.documents.scalars import Exponential
from zzcp.errors import InputError, nearest
from zzcp.hardware.memory import MEMORY_OPERANDS
from zzcp.workload.checks import MAX_LOOP

T = TypeVar("T")

MAX_LENGTH = 4096
"""Longest list accepted inside of an entry."""
MAX_ID = 2**53
"""Largest identifier of a layer."""
MAX_TEXT = 1000
"""Longest text accepted, in characters."""

_QUANTITY = re.compile(r"[\d.]+\s*([a-zA-Z]+)(/\w+)?")


def unmet(expected: str, hint: str | None = None) -> PydanticCustomError:
    """Return the error of a value that is not what was expected."""
    context = {"expected": expected} | ({"hint": hint} if hint else {})
    return PydanticCustomError("unmet", "wrong value", context)


_MISSING = object()
"""Stands for a required key that is not there, so that its type says what was expected."""


class Schema(BaseModel):
    """A mapping with known keys only; a key that is not known is reported before one that is missing."""

    model_config = ConfigDict(frozen=True)
    other_keys: ClassVar[bool] = False
    """Whether keys that are not known are passed over."""

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, data: object) -> object:
        known = tuple(cls.model_fields)
        if not isinstance(data, dict):
            raise unmet(f"a mapping with the keys {', '.join(known)}")
        for key in data:
            if key not in known and not cls.other_keys:
                raise PydanticCustomError("unknown_key", "unknown key", {"key": key, "known": known})
        required = (name for name, field in cls.model_fields.items() if field.is_required())
        return data | {name: _MISSING for name in required if name not in data}


def _unit_hint(value: object, unit: str) -> str | None:
    match = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or isinstance(value, Exponential):
        return None
    hint = f"the unit is always {unit}, and is not written" if unit else "numbers are written without a unit"
    return f"{hint}; 1 KiB is 8192 bits" if "bits" in unit and match[1][-1] in "bB" else hint


def integer(
    what: str, *, minimum: int | None = None, maximum: int | None = None, unit: str = ""
) -> Callable[[object], int]:
    """Return a check for integers; text, truth values and fractions are none."""
    bounds = [f">= {minimum}"] if minimum is not None else []
    bounds += [f"<= {maximum}"] if maximum is not None else []

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            hint = _unit_hint(value, unit)
            if isinstance(value, float | Exponential) and float(value).is_integer():
                hint = f"write {int(float(value))}"
            raise unmet(what, hint)
        if minimum is not None and value < minimum:
            raise unmet(" ".join((what, bounds[0])))
        if maximum is not None and value > maximum:
            raise unmet(f"{what} <= {maximum}")
        return value

    return check


def number(
    what: str, *, unit: str = "", least: float = 0.0, most: float = math.inf
) -> Callable[[object], float]:
    """Return a check for 0 and numbers from the least to the most; documents hold finite ones only."""

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | Exponential):
            raise unmet(what, _unit_hint(value, unit))
        found = float(value)
        if found < 0:
            raise unmet(f"{what} >= 0")
        if found and not least <= found <= most:
            raise unmet(f"{what}: 0, or {least:g} to {most:g}")
        return found

    return check


def text(what: str, pattern: str | None = None) -> Callable[[object], str]:
    """Return a check for printable text of one line."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not value or len(value) > MAX_TEXT or not value.isprintable():
            raise unmet(what)
        if pattern is not None and not re.fullmatch(pattern, value):
            raise unmet(what)
        return str(value)

    return check


def choice(*allowed: str) -> Callable[[object], str]:
    """Return a check for one of several words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            hint = nearest(value, allowed) if isinstance(value, str) else None
            raise unmet(known_keys(allowed), hint)
        return str(value)

    return check


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise unmet("true or false")
    return value


def _upper(check: Callable[[object], str]) -> Callable[[object], str]:
    return lambda value: check(value).upper()


Flag = Annotated[bool, PlainValidator(_flag)]
Name = Annotated[str, PlainValidator(text("a name"))]
ArrayDimension = Annotated[str, PlainValidator(text("an array dimension such as D1", r"D\d+"))]
LayerDimension = Annotated[
    str, PlainValidator(_upper(text("a layer dimension such as K or OX", r"[A-Za-z]\w*")))
]
MemoryOperand = Annotated[str, PlainValidator(choice(*MEMORY_OPERANDS))]
LoopFactor = Annotated[
    int, PlainValidator(integer("an integer number of iterations", minimum=1, maximum=MAX_LOOP))
]
MemoryBits = Annotated[int, PlainValidator(integer("an integer number of bits", minimum=0, maximum=2**63))]
Identifier = Annotated[
    int, PlainValidator(integer("an integer identifier of a layer", minimum=0, maximum=MAX_ID))
]

_UNROLLING = re.compile(r"([A-Za-z]\w*)\s*,\s*(\d{1,18})")


def _unrolling(value: object) -> tuple[str, int]:
    match = _UNROLLING.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[2]) <= MAX_LOOP:
        raise unmet("a layer dimension and a factor >= 1, such as 'K, 32'")
    return match[1].upper(), int(match[2])


Unrolling = Annotated[tuple[str, int], PlainValidator(_unrolling)]
Unrollings = dict[ArrayDimension, Annotated[list[Unrolling], Field(max_length=MAX_LENGTH)]]
"""Per array dimension, entries such as ``K, 32``."""


def unrolling_factors(
    unrollings: Mapping[str, list[tuple[str, int]]], document: Document, path: FieldPath
) -> dict[str, dict[str, int]]:
    """Return unrollings as factors per dimension, in the order of the file.

    Raises
    ------
    InputError
        If a layer dimension comes twice on one array dimension, where ZigZag would keep the last one.
    """
    result: dict[str, dict[str, int]] = {}
    for array_dimension, pairs in unrollings.items():
        factors = result[array_dimension] = {}
        for i, (dim, factor) in enumerate(pairs):
            if dim in factors:
                raise document.error(
                    (*path, array_dimension, i),
                    f"{dim} is unrolled twice on {array_dimension}",
                    expected="every layer dimension once per array dimension",
                )
            factors[dim] = factor
    return result


def validate(schema: TypeAdapter[T], document: Document, path: FieldPath = ()) -> T:
    """Return the part of a document at a path as a schema describes it.

    Parameters
    ----------
    schema : TypeAdapter
        What is expected.
    document : Document
        Where it is read from.
    path : tuple
        Where in the document it stands.

    Raises
    ------
    InputError
        For what is wrong first in the file.
    """
    node = document.node(path)
    try:
        return schema.validate_python(node.plain() if node else None)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    errors = [_translate(detail, path, document) for detail in details]
    raise min(errors, key=lambda error: error.place.line or 0)


def _translate(detail: ErrorDetails, path: FieldPath, document: Document) -> InputError:
    context: dict[str, Any] = detail.get("ctx", {})
    is_key = detail["loc"][-1:] == ("[key]",)
    path = (*path, *detail["loc"][: -1 if is_key else None])
    match detail["type"]:
        case "unknown_key":
            key, known = context["key"], context["known"]
            return document.error(
                (*path, key),
                "unknown key",
                expected=known_keys(known),
                found=shorten(repr(key)),
                hint=nearest(key, known),
            )
        case "unmet":
            expected = context["expected"]
        case "missing":
            path, expected = path[:-1], "a pair"
        case "list_type" | "tuple_type":
            expected = "a list"
        case "dict_type":
            expected = "a mapping (keys with values)"
        case "too_long" | "too_short":
            least, most = context.get("min_length"), context.get("max_length")
            expected = f"at most {most} entries" if least is None else f"{least} entries"
        case _:
            expected = detail["msg"]
    if is_key:
        return document.error(
            path, "wrong key", expected=expected, found=shorten(repr(path[-1])), hint=context.get("hint")
        )
    absent = bool(path) and document.node(path) is None
    message = f"the key {path[-1]!r} is missing" if absent else "wrong value"
    return document.error(path, message, expected=expected, hint=context.get("hint"))
