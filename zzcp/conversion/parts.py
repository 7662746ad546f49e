"""Parts of a document: what stands in a file of another tool, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from zzcp.documents.nodes import Document, FieldPath, Node
from zzcp.documents.scalars import Exponential, Scalar
from zzcp.errors import InputError

_Kind = TypeVar("_Kind", dict[str, Any], list[Any])


@dataclass(frozen=True, slots=True)
class Part:
    """A value of a document, which may be missing.

    Parameters
    ----------
    document : Document
        The document.
    path : tuple
        Where in it the value stands.
    """

    document: Document
    path: FieldPath = ()

    @property
    def node(self) -> Node | None:
        """The value with its line, or None where there is none."""
        return self.document.node(self.path)

    @property
    def exists(self) -> bool:
        """Whether there is a value that is not null."""
        node = self.node
        return node is not None and node.value is not None

    @property
    def tag(self) -> str:
        """The value's tag, without its exclamation mark."""
        node = self.node
        return node.tag.removeprefix("!") if node else ""

    @property
    def key(self) -> str:
        """The key or position under which the value stands."""
        return str(self.path[-1]) if self.path else ""

    def at(self, *steps: str | int) -> Part:
        """Return the part below some keys and positions."""
        return Part(self.document, (*self.path, *steps))

    def first(self, *keys: str) -> Part:
        """Return the part under the first of some keys that is there, or under the first one where none is."""
        return next((part for key in keys if (part := self.at(key)).exists), self.at(keys[0]))

    def names(self) -> tuple[str, ...]:
        """Return the keys of a mapping, none where the value is missing.

        Raises
        ------
        InputError
            If the value is something else.
        """
        return tuple(self._collection(dict, "a mapping (keys with values)"))

    def entries(self) -> tuple[Part, ...]:
        """Return the values of a mapping."""
        return tuple(self.at(key) for key in self.names())

    def items(self) -> tuple[Part, ...]:
        """Return the entries of a list, none where the value is missing.

        Raises
        ------
        InputError
            If the value is something else.
        """
        return tuple(self.at(i) for i in range(len(self._collection(list, "a list"))))

    def _collection(self, kind: type[_Kind], expected: str) -> _Kind:
        """Return the value, of a kind that holds others; an empty one where it is missing."""
        node = self.node
        if node is None or node.value is None:
            return kind()
        if not isinstance(node.value, kind):
            raise self.error("wrong value", expected=expected)
        return node.value

    @property
    def is_list(self) -> bool:
        """Whether the value is a list."""
        return self.node is not None and isinstance(self.node.value, list)

    @property
    def is_mapping(self) -> bool:
        """Whether the value is a mapping."""
        return self.node is not None and isinstance(self.node.value, dict)

    def scalar(self, expected: str) -> Scalar:
        """Return a value that is neither list nor mapping.

        Raises
        ------
        InputError
            If it is, or there is none.
        """
        node = self.node
        if node is None or node.value is None or isinstance(node.value, dict | list):
            raise self.error("wrong value" if node else f"{self.key} is missing", expected=expected)
        return node.value

    def flag(self) -> bool:
        """Return a truth value, false where it is missing.

        Raises
        ------
        InputError
            If it is something else.
        """
        if not self.exists:
            return False
        value = self.scalar("true or false")
        if not isinstance(value, bool):
            raise self.error("wrong value", expected="true or false")
        return value

    def text(self, expected: str = "a text") -> str:
        """Return a value as it is written.

        Raises
        ------
        InputError
            If it is a list or a mapping, or missing.
        """
        value = self.scalar(expected)
        node = self.node
        assert node is not None
        return str(value) if isinstance(value, str) and not isinstance(value, Exponential) else node.text

    def texts(self, expected: str = "a list of names") -> tuple[str, ...]:
        """Return the texts of a list, or of a text with spaces or commas between them."""
        if self.is_list:
            return tuple(item.text(expected) for item in self.items())
        if not self.exists:
            return ()
        return tuple(self.text(expected).replace(",", " ").split())

    def error(
        self, message: str, *, expected: str | None = None, found: str | None = None, hint: str | None = None
    ) -> InputError:
        """Return an error about the value."""
        return self.document.error(self.path, message, expected=expected, found=found, hint=hint)

    def below(self) -> Iterator[Part]:
        """Yield the part and all parts in it, in their order."""
        yield self
        for part in self.entries() if self.is_mapping else self.items() if self.is_list else ():
            yield from part.below()
