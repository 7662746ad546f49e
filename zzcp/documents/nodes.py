"""Documents: YAML (or JSON) read safely, with the line of every value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from zzcp.documents.scalars import Scalar
from zzcp.errors import InputError, Place

FieldPath = tuple[str | int, ...]
"""Keys and list positions from the top of a document to a value."""

Data = Scalar | list["Data"] | dict[str, "Data"]
"""What a document holds, as plain Python data."""

_PLAIN_KEY = re.compile(r"[\w-]{1,60}")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def dotted(path: FieldPath) -> str:
    """Return a path as users read it, e.g. ``memories.dram.ports[0].type``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = step if _PLAIN_KEY.fullmatch(step) else shorten(repr(step))
            text += f".{name}" if text else name
    return text


def steps_of(field: str) -> FieldPath:
    """Return the path that a field stands for, as in ``ports[0].type``."""
    return tuple(int(number) if number else name for number, name in _STEP.findall(field))


def shorten(text: str, width: int = 60) -> str:
    """Return a text cut to a width and without control characters, so that messages stay readable."""
    text = text if len(text) <= width else f"{text[: width - 3]}..."
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document with the line where it stands.

    Parameters
    ----------
    line : int
        Line of the value's key, or of the value itself where it has none, counted from 1.
    value : None, bool, int, float, str, list of Node, or dict of str to Node
        The value.
    text : str
        A scalar as it is written in the file.
    tag : str
        The value's tag, such as ``!Memory``, where the reader accepts tags.
    """

    line: int
    value: Scalar | list[Node] | dict[str, Node]
    text: str = ""
    tag: str = ""

    def plain(self) -> Data:
        """Return the value as plain data."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return self.value

    def describe(self) -> str:
        """Return in words what stands here."""
        if isinstance(self.value, list):
            return self._describe_list(self.value)
        if isinstance(self.value, dict):
            keys = ", ".join(self.value)
            return shorten(f"a mapping with the keys {keys}") if keys else "an empty mapping"
        if self.value is None:
            return "nothing"
        if isinstance(self.value, bool) and self.text.lower() not in ("true", "false"):
            return f"{self.text}, which YAML reads as {str(self.value).lower()}"
        return shorten(repr(str(self.value)) if isinstance(self.value, str) else self.text)

    @staticmethod
    def _describe_list(items: list[Node]) -> str:
        if not items:
            return "an empty list"
        shown = f"[{', '.join(item.text or item.describe() for item in items[:10])}]"
        nested = any(isinstance(item.value, dict) for item in items[:10])
        if len(items) <= 10 and len(shown) <= 40 and not nested:
            return shown
        return f"a list of {len(items)} {'entry' if len(items) == 1 else 'entries'}"


@dataclass(frozen=True, slots=True)
class Document:
    """A document and where its values stand.

    Parameters
    ----------
    file : str
        Path as the user gave it.
    root : Node
        The document's only value.
    """

    file: str
    root: Node

    @property
    def data(self) -> Data:
        """The document as plain data."""
        return self.root.plain()

    def _walk(self, path: FieldPath) -> Iterator[Node]:
        node = self.root
        yield node
        for step in path:
            match node.value, step:
                case dict() as children, str() if step in children:
                    node = children[step]
                case list() as items, int() if step < len(items):
                    node = items[step]
                case _:
                    return
            yield node

    def node(self, path: FieldPath) -> Node | None:
        """Return the node at a path, or None where there is none."""
        nodes = list(self._walk(path))
        return nodes[-1] if len(nodes) == len(path) + 1 else None

    def line(self, path: FieldPath) -> int:
        """Return the line of the value at a path, or of its nearest parent where it is missing."""
        *_, nearest = self._walk(path)
        return nearest.line

    def place(self, path: FieldPath) -> Place:
        """Return the place of a path."""
        return Place(self.file, self.line(path), dotted(path) or None)

    def error(
        self,
        path: FieldPath,
        message: str,
        *,
        expected: str | None = None,
        found: str | None = None,
        hint: str | None = None,
    ) -> InputError:
        """Return an error about the value at a path; what was found is described where it is not given."""
        if found is None and expected is not None:
            node = self.node(path)
            found = node.describe() if node else "nothing"
        found = shorten(found, 120) if found else None
        return InputError(message, place=self.place(path), expected=expected, found=found, hint=hint)

    def placed(
        self, error: InputError, path: FieldPath, fields: Mapping[str, FieldPath] | None = None
    ) -> InputError:
        """Return an error that a domain object raised, with the place in this document.

        Parameters
        ----------
        error : InputError
            The error; the field of its place is an attribute of the object.
        path : tuple
            Where the object stands.
        fields : dict
            For attributes of the object, where below `path` they stand.
        """
        attribute = error.place.field or ""
        error.expected = shorten(error.expected, 200) if error.expected else None
        error.found = shorten(error.found, 120) if error.found else None
        error.place = self.place(path + (fields or {}).get(attribute, ()))
        return error

    @contextmanager
    def placing(
        self, path: FieldPath = (), fields: Iterable[str] | Mapping[str, FieldPath] = ()
    ) -> Iterator[None]:
        """Place the errors of domain objects that are made inside, as `placed` does.

        Parameters
        ----------
        path : tuple
            Where the object stands.
        fields : iterable of str, or mapping
            Attributes of the object that stand below `path`, under their own names where no others are given.
        """
        try:
            yield
        except InputError as error:
            known = fields if isinstance(fields, Mapping) else {field: steps_of(field) for field in fields}
            raise self.placed(error, path, known) from None


def known_keys(keys: Sequence[str]) -> str:
    """Return ``one of a, b, c``, or ``a`` where there is only one."""
    return keys[0] if len(keys) == 1 else f"one of {', '.join(keys)}"
