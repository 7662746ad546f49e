"""The bytes of an ONNX file without the values of its weights, so that these are neither parsed nor kept in memory.

An ONNX file is one protocol buffer message: fields of a number, a kind and a content, some of them messages again
(https://protobuf.dev/programming-guides/encoding). Fields are copied as they stand, but for the values of tensors in
initializers and attributes that are large; what is no such message is refused, as the protobuf package would.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

SMALL_BYTES = 8192
"""Values up to this size stay: shapes may be computed from them."""
MAX_NESTING = 100
"""Most messages inside each other, as in the protobuf package."""

_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class _Message:
    """Which fields of a message hold values, and which hold messages with such fields."""

    values: frozenset[int] = frozenset()
    parts: dict[int, _Message] = field(default_factory=dict)


# numbers of fields: onnx/onnx.proto
_TENSOR = _Message(values=frozenset((4, 5, 6, 7, 9, 10, 11)))
_GRAPH = _Message()
_ATTRIBUTE = _Message(parts={5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH})
_NODE = _Message(parts={5: _ATTRIBUTE})
_SPARSE = _Message(parts={1: _TENSOR, 2: _TENSOR})
_GRAPH.parts.update({1: _NODE, 5: _TENSOR, 15: _SPARSE})
_MODEL = _Message(parts={7: _GRAPH})


def without_values(content: memoryview) -> bytes:
    """Return the bytes of a model without the values of its large tensors.

    Raises
    ------
    ValueError
        If the bytes are no message.
    """
    return b"".join(_copied(content, _MODEL, 0))


def _copied(content: memoryview, message: _Message, depth: int) -> Iterator[bytes | memoryview]:
    """Yield the parts of a message that stay."""
    if depth > MAX_NESTING:
        raise ValueError("messages are nested too deeply")
    copied = 0
    for number, start, begin, end in _fields(content):
        if end - begin <= SMALL_BYTES:
            continue
        part = message.parts.get(number)
        if part is None and number not in message.values:
            continue
        yield content[copied:start]
        copied = end
        if part is not None:
            inner = b"".join(_copied(content[begin:end], part, depth + 1))
            yield _varint(number << 3 | _LENGTH) + _varint(len(inner))
            yield inner
    yield content[copied:]


def _fields(content: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, start, and begin and end of the content of every field; of others than lengths an empty content."""
    position, size = 0, len(content)
    while position < size:
        start = position
        tag, position = _read_varint(content, position)
        kind = tag & 7
        begin = position
        if kind == _LENGTH:
            length, begin = _read_varint(content, position)
            position = begin + length
        elif kind == _VARINT:
            _, begin = _read_varint(content, position)
            position = begin
        elif kind in (_FIXED_64, _FIXED_32):
            begin = position = position + (8 if kind == _FIXED_64 else 4)
        else:
            raise ValueError("a field of an unknown kind")
        if position > size or not tag >> 3:
            raise ValueError("a field beyond the end")
        yield tag >> 3, start, begin, position


def _read_varint(content: memoryview, position: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends."""
    value = shift = 0
    while True:
        if position >= len(content) or shift > 63:
            raise ValueError("a number without an end")
        byte = content[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7


def _varint(value: int) -> bytes:
    """Return a number in variable length."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
