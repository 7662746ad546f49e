"""Results where people work: rows as a pandas DataFrame, and as a table in a notebook."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from zzcp.errors import InputError

if TYPE_CHECKING:
    import pandas

MOST_ROWS = 60
"""Most rows of a table in a notebook."""

Row = Mapping[str, Any]
"""What a row says, by the names of its columns."""


def frame(rows: Sequence[Row], columns: Sequence[str] = ()) -> pandas.DataFrame:
    """Return rows as a DataFrame; what a row does not say is missing there.

    Parameters
    ----------
    rows : sequence of mapping
        The rows.
    columns : sequence of str
        Names of the columns, where there may be no rows.

    Raises
    ------
    InputError
        If pandas is not installed.
    """
    try:
        import pandas  # noqa: PLC0415  (optional, and slow to import)
    except ImportError:
        raise InputError("pandas is not installed", hint="pip install 'zzcp[frames]'") from None
    names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
    return pandas.DataFrame(plain, columns=names)


def _plain(value: Any) -> Any:
    """Return a value as pandas keeps it: fractions become floats."""
    return float(value) if isinstance(value, Fraction) else value


def html_table(caption: str, rows: Sequence[Row], notes: Sequence[str] = ()) -> str:
    """Return rows as a table in HTML, with a caption above and remarks below.

    Parameters
    ----------
    caption : str
        What the table is about.
    rows : sequence of mapping
        The rows; columns in which no row says anything are left out.
    notes : sequence of str
        Remarks.
    """
    names = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if any(row.get(name) not in (None, "") for row in rows)
    ]
    lines = ['<table class="zzcp">', f"<caption>{html.escape(caption)}</caption>"]
    if names:
        cells = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        lines.append(f"<thead><tr>{cells}</tr></thead>")
    lines.append("<tbody>")
    lines += ["<tr>" + "".join(_cell(row.get(name)) for name in names) + "</tr>" for row in rows[:MOST_ROWS]]
    lines += ["</tbody>", "</table>"]
    if len(rows) > MOST_ROWS:
        notes = (f"{len(rows) - MOST_ROWS:,} more rows: to_frame() has all", *notes)
    lines += [f"<p>{html.escape(note)}</p>" for note in notes]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    """Return a cell; numbers are flush right, with thousands separators and six digits at most."""
    if value is None or value == "":
        return "<td></td>"
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return f"<td>{html.escape(str(value))}</td>"
    number = float(value)
    text = f"{int(number):,}" if number.is_integer() and abs(number) < 1e15 else f"{number:,.6g}"
    return f'<td style="text-align: right">{text}</td>'
