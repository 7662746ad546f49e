"""Reading of documents: safe, bounded, with lines; plain YAML only.

The YAML parser is used for its events alone. What is built from them here is bounded in size, depth and alias
expansion, holds no objects but plain data, and has no key twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from zzcp.documents.nodes import Document, FieldPath, Node, dotted, shorten
from zzcp.documents.scalars import Scalar, ScalarError, resolve
from zzcp.documents.text import TEMPLATE, malformed, read_text, with_yaml_escapes
from zzcp.errors import InputError, Place

MAX_VALUES = 200_000
"""Largest number of values accepted in a document where the caller sets no other, expanded aliases counted."""
MAX_DEPTH = 32
"""Deepest nesting accepted."""

Tolerance = Callable[[FieldPath, Node, Node], bool]
"""Whether a key given twice is accepted; called with its path and both values. The second one counts."""

_TAG = "tag:yaml.org,2002:"
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_document(
    path: str | Path,
    *,
    most: Mapping[FieldPath, int] | None = None,
    tolerate: Tolerance | None = None,
    max_values: int = MAX_VALUES,
    tags: bool = False,
) -> Document:
    """Read a YAML or JSON file.

    Parameters
    ----------
    path : str or Path
        The file, in UTF-8.
    most : mapping of tuple to int, optional
        For the paths of mappings or lists, how many entries they may have.
    tolerate : callable, optional
        Which keys given twice are accepted; none where not given.
    max_values : int
        Largest number of values accepted.
    tags : bool
        Whether values may have tags of the file's own, such as ``!Memory``. They are kept as text and make no objects.

    Raises
    ------
    InputError
        If the file cannot be read, or is no plain, finite YAML document without repeated keys.
    """
    text = read_text(path)
    return parse_document(text, str(path), most=most, tolerate=tolerate, max_values=max_values, tags=tags)


def parse_document(
    text: str,
    file: str = "<text>",
    *,
    most: Mapping[FieldPath, int] | None = None,
    tolerate: Tolerance | None = None,
    max_values: int = MAX_VALUES,
    tags: bool = False,
) -> Document:
    """Read YAML or JSON from a string; parameters as for `load_document`."""
    composer = _Composer(file, most or {}, tolerate, max_values, tags)
    try:
        return Document(file, composer.compose(with_yaml_escapes(text)))
    except yaml.YAMLError as error:
        raise malformed(error, text, file) from None
    except (ValueError, OverflowError) as error:
        raise InputError("malformed YAML", place=Place(file), found=shorten(str(error))) from None


def _events(text: str) -> Iterator[Any]:
    """Yield the parser's events, also those that stand before a fault and that it has not handed over by then.

    In search of a key's end the parser reads on, up to 1,024 characters of the line. What is wrong there it raises at
    once, e.g. nesting that is too deep for libyaml since 0.2.6, although the limits here refuse an earlier event.
    What stands before the fault is then parsed by itself. Its end is cut off, so only what leads to the last list or
    mapping that is opened there is certain.
    """
    known = 0
    try:
        for event in yaml.parse(text, Loader=_PARSER):
            known += 1
            yield event
    except yaml.MarkedYAMLError as error:
        before = text[: error.problem_mark.index] if error.problem_mark else ""
        held_back: list[Any] = []
        with suppress(yaml.YAMLError):
            held_back.extend(islice(yaml.parse(before, Loader=_PARSER), known, None))
        while held_back and not isinstance(held_back[-1], yaml.CollectionStartEvent):
            held_back.pop()
        yield from held_back
        raise


class _Composer:
    """Builds nodes from the parser's events, depth first; `path` is where the next node stands."""

    def __init__(
        self,
        file: str,
        most: Mapping[FieldPath, int],
        tolerate: Tolerance | None,
        max_values: int,
        tags: bool,
    ) -> None:
        self.file = file
        self.tags = tags
        self.most = most
        self.tolerate = tolerate
        self.max_values = max_values
        self.values = 0
        self.anchors: dict[str, tuple[Node, int] | None] = {}
        self.events: Iterator[Any] = iter(())

    def compose(self, text: str) -> Node:
        self.events = _events(text)
        next(self.events)
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            raise self.error(event, (), "the file is empty")
        root = self.node(next(self.events), ())
        next(self.events)
        if not isinstance(event := next(self.events), yaml.StreamEndEvent):
            raise self.error(event, (), "several YAML documents in one file", expected="one document")
        if root.value is None:
            raise InputError("the file is empty", place=Place(self.file, root.line))
        return root

    def error(self, event: Any, path: FieldPath, message: str, **details: str) -> InputError:
        place = Place(self.file, event.start_mark.line + 1, dotted(path) or None)
        readable = {name: shorten(text, 120) for name, text in details.items()}
        return InputError(message, place=place, **readable)

    def count(self, event: Any, path: FieldPath, values: int = 1) -> None:
        self.values += values
        if self.values > self.max_values:
            raise self.error(
                event,
                path[:1],
                "the document is too large" + (" when its aliases are expanded" if values > 1 else ""),
                expected=f"at most {self.max_values} values",
            )

    def node(self, event: Any, path: FieldPath, line: int | None = None) -> Node:
        """Return the node that starts with an event; `line` is the line of its key."""
        line = line or event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, path, line)
        self.count(event, path)
        if len(path) > MAX_DEPTH:
            raise self.error(
                event, path[:3], "nested too deeply", expected=f"at most {MAX_DEPTH} levels of nesting"
            )
        before = self.values
        anchor = event.anchor
        if anchor is not None:
            self.anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = Node(line, self.scalar(event, path), event.value)
        elif isinstance(event, yaml.SequenceStartEvent):
            tag = self.check_tag(event, path, "seq")
            node = Node(line, self.sequence(path), tag=tag)
        else:
            tag = self.check_tag(event, path, "map")
            node = Node(line, self.mapping(path), tag=tag)
        if anchor is not None:
            self.anchors[anchor] = node, self.values - before + 1
        return node

    def alias(self, event: Any, path: FieldPath, line: int) -> Node:
        if event.anchor not in self.anchors:
            raise self.error(event, path, "alias of an anchor that is not defined", found=f"*{event.anchor}")
        target = self.anchors[event.anchor]
        if target is None:
            raise self.error(
                event,
                path,
                "an alias makes the document contain itself",
                expected="a hierarchy without cycles",
                found=f"*{event.anchor} inside of &{event.anchor}",
            )
        node, values = target
        self.count(event, path, values)
        return Node(line, node.value, node.text, node.tag)

    def check_tag(self, event: Any, path: FieldPath, expected: str) -> str:
        """Return the tag of a list or mapping where the file may have its own."""
        if self.tags and expected != "str" and event.tag and event.tag.startswith("!"):
            return shorten(event.tag)
        if event.tag not in (None, "!", _TAG + expected):
            raise self.error(
                event,
                path,
                "tags are not accepted",
                expected="plain YAML values",
                found=shorten(event.tag.replace(_TAG, "!!")),
            )
        return ""

    def scalar(self, event: Any, path: FieldPath) -> Scalar:
        self.check_tag(event, path, "str")
        text: str = event.value
        if event.style or event.tag:
            return text
        try:
            return resolve(text)
        except ScalarError as error:
            raise self.error(
                event, path, "wrong number", expected=error.expected, found=error.found
            ) from None

    def check_width(self, event: Any, path: FieldPath, width: int, most: int | None) -> None:
        if most is not None and width > most:
            raise self.error(
                event, path, "too many entries", expected=f"at most {most} entries", found="more"
            )

    def sequence(self, path: FieldPath) -> list[Node]:
        items: list[Node] = []
        most = self.most.get(path)
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, (*path, len(items))))
            self.check_width(event, path, len(items), most)
        return items

    def mapping(self, path: FieldPath) -> dict[str, Node]:
        children: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        most = self.most.get(path)
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event, path)
            line = event.start_mark.line + 1
            child_path = (*path, key)
            child = self.node(next(self.events), child_path, line)
            if key == "<<" and not event.style:
                self.merge(event, path, child, merged)
                continue
            if key in children and not (self.tolerate and self.tolerate(child_path, children[key], child)):
                raise self.error(
                    event,
                    child_path,
                    "key given twice",
                    expected="every key once",
                    found=f"{shorten(repr(key))} on lines {children[key].line} and {line}",
                )
            children[key] = child
            self.check_width(event, path, len(children), most)
        return merged | children if merged else children

    def key(self, event: Any, path: FieldPath) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            details = {"expected": "a name", "found": "a list, mapping or alias"}
            if isinstance(event, yaml.MappingStartEvent) and event.flow_style:
                details["hint"] = TEMPLATE  # two braces one after the other
            raise self.error(event, path, "wrong key", **details)
        value = self.scalar(event, path)
        text: str = event.value
        if isinstance(value, bool):
            raise self.error(
                event,
                path,
                "wrong key",
                expected="a name",
                found=f"{text}, which YAML reads as {str(value).lower()}",
                hint="write it in quotes",
            )
        if value is None or not text:
            raise self.error(event, path, "wrong key", expected="a name", found=text or "nothing")
        return text

    def merge(self, event: Any, path: FieldPath, child: Node, merged: dict[str, Node]) -> None:
        """Add the keys of a merge (`<<`); earlier ones win, and the mapping's own keys win over all."""
        sources = child.value if isinstance(child.value, list) else [child]
        for source in sources:
            if not isinstance(source.value, dict):
                raise self.error(
                    event, (*path, "<<"), "wrong merge", expected="a mapping", found=source.describe()
                )
            for key, node in source.value.items():
                merged.setdefault(key, Node(child.line, node.value, node.text, node.tag))
