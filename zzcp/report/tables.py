"""Tables that fit any width: nothing that is read as a figure is ever cut.

A table that is wider than the page gives way in this order: its columns move together; text is wrapped at spaces and
names are shortened in the middle; columns that the caller can spare are left out, and named under the table; names are
shortened further; and at last the columns are continued in further tables below, the first one repeated in each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

Cell = str | Text

_WIDE, _NARROW = 3, 2
"""Spaces between two columns."""
_SHORT, _SHORTEST = 14, 7
"""Widths to which names are shortened before columns are left out, and after."""
_LEAST_TEXT = 12
"""Width below which text is not wrapped, unless its longest word is shorter."""
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    title : str
        Its heading.
    kind : {"figure", "name", "text"}
        Figures are flush right and never cut, names are shortened in the middle, other text is wrapped.
    """

    title: str
    kind: Literal["figure", "name", "text"]

    @classmethod
    def of(cls, heading: str) -> Column:
        """Return the column that a heading asks for: ``>`` before a title stands for figures, ``~`` for names."""
        if heading.startswith(">"):
            return cls(heading[1:], "figure")
        return cls(heading[1:], "name") if heading.startswith("~") else cls(heading, "text")


@dataclass(slots=True, eq=False)
class FittedTable:
    """Rows of cells, laid out when the width is known.

    Parameters
    ----------
    columns : sequence of Column
        From left to right; the first one says what a row is about.
    spare : sequence of str
        Titles of columns that are left out where there is no room, the first one first.
    """

    columns: Sequence[Column]
    spare: Sequence[str] = ()
    rows: list[tuple[tuple[Text, ...], str]] = field(default_factory=list)

    def add_row(self, *cells: Cell, style: str | None = None) -> None:
        """Add a row; cells that are missing at its end are empty."""
        texts = [cell if isinstance(cell, Text) else Text(cell) for cell in cells]
        texts += [Text("")] * (len(self.columns) - len(texts))
        self.rows.append((tuple(texts), style or ""))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the widths that the table can have."""
        widths = [self._natural(place) for place in range(len(self.columns))]
        return Measurement(min(1, options.max_width), min(_total(widths, _WIDE), options.max_width))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the table out in the width that there is."""
        room = options.max_width
        places = list(range(len(self.columns)))
        natural = [self._natural(place) for place in places]
        if _total(natural, _WIDE) <= room:
            yield self._table(places, natural, _WIDE)
            return
        widths = self._squeezed(natural, places, room, _SHORT)
        left_out: list[str] = []
        for title in self.spare:
            if self._fits(widths, places, room):
                break
            left_out.append(title)
            places = [place for place in places if self.columns[place].title != title]
            widths = self._squeezed(natural, places, room, _SHORT)
        if not self._fits(widths, places, room):
            widths = self._squeezed(natural, places, room, _SHORTEST)
        for number, part in enumerate(self._parts(widths, places, room)):
            if number:
                yield Text("")
            yield self._table(part, self._squeezed(natural, part, room, _SHORTEST, widths), _NARROW)
        if left_out:
            yield Text(f"not shown at this width: {', '.join(left_out)}", style="dim")

    def _natural(self, place: int) -> int:
        cells = (line for row, _ in self.rows for line in row[place].plain.splitlines())
        return max([cell_len(self.columns[place].title), *map(cell_len, cells)])

    def _least(self, place: int, natural: int, shortest: int) -> int:
        """Return the width below which a column says something else."""
        column = self.columns[place]
        if column.kind == "figure":
            return natural
        if column.kind == "name":
            return min(natural, max(shortest, cell_len(column.title)))
        words = [word for row, _ in self.rows for word in row[place].plain.split()]
        return min(natural, max(_LEAST_TEXT, *map(cell_len, [*column.title.split(), *words, ""])))

    def _squeezed(
        self,
        natural: Sequence[int],
        places: Sequence[int],
        room: int,
        shortest: int,
        start: Sequence[int] = (),
    ) -> list[int]:
        """Return widths of all columns; those of some are made smaller, the widest first, until they fit."""
        widths = list(start or natural)
        least = {place: self._least(place, natural[place], shortest) for place in places}
        while not self._fits(widths, places, room):
            wide = [place for place in places if widths[place] > least[place]]
            if not wide:
                break
            widths[max(wide, key=lambda place: widths[place])] -= 1
        return widths

    def _fits(self, widths: Sequence[int], places: Sequence[int], room: int) -> bool:
        return _total([widths[place] for place in places], _NARROW) <= room

    def _parts(self, widths: Sequence[int], places: Sequence[int], room: int) -> Iterator[list[int]]:
        """Divide columns into tables that fit; the first column, or the name, stands in each of them."""
        if self._fits(widths, places, room):
            yield list(places)
            return
        names = [place for place in places if self.columns[place].kind == "name"]
        head = (names or list(places))[0]
        part = [head]
        for place in places:
            if place == head:
                continue
            if len(part) > 1 and not self._fits(widths, [*part, place], room):
                yield part
                part = [head]
            part.append(place)
        yield part

    def _table(self, places: Sequence[int], widths: Sequence[int], gap: int) -> Table:
        result = Table(
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            header_style="bold",
            padding=(0, 1, 0, 1 if gap == _WIDE else 0),
        )
        for place in places:
            column = self.columns[place]
            figure = column.kind == "figure"
            result.add_column(
                column.title,
                justify="right" if figure else "left",
                no_wrap=column.kind != "text",
                width=widths[place] if gap == _NARROW else None,
                min_width=widths[place] if figure else None,
                overflow="fold",
            )
        for row, style in self.rows:
            cells = [
                shortened(row[place], widths[place]) if self.columns[place].kind == "name" else row[place]
                for place in places
            ]
            result.add_row(*cells, style=style)
        return result


def shortened(text: Text, width: int) -> Text:
    """Return a name in a width: what is in its middle gives way to an ellipsis."""
    if cell_len(text.plain) <= width:
        return text
    front = width // 2
    back = width - front - 1
    result = text[:front]
    result.append(_ELLIPSIS)
    return result.append_text(text[len(text.plain) - back :]) if back > 0 else result


def table(*headings: str, spare: Sequence[str] = ()) -> FittedTable:
    """Return an empty table.

    Parameters
    ----------
    *headings : str
        Titles; ``>`` before one stands for figures, ``~`` for names.
    spare : sequence of str
        Titles of columns that are left out first where the table is too wide.
    """
    return FittedTable(tuple(map(Column.of, headings)), spare)


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)
