"""Results of a sweep in an SQLite file, written as they come."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from zzcp.checks import file_path
from zzcp.errors import InputError, Place
from zzcp.mapping import SpatialMapping
from zzcp.solver.job import Job
from zzcp.sweeps.outcome import Outcome

APPLICATION = 0x7A7A6370
"""Marks our files among SQLite's (its `application_id`)."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS points (
  key TEXT PRIMARY KEY,      -- what was solved: hash of machine, layer, unrolling, links, objective, conventions,
                             -- seed, engine
  solved TEXT NOT NULL,      -- when
  what TEXT NOT NULL,        -- JSON, for readers: values of the sweep, workload, layer, objective
  time_limit REAL NOT NULL,  -- with what
  gap REAL NOT NULL,
  outcome TEXT NOT NULL      -- JSON: status, bound, mapping, evaluation
)
"""


def point_key(version: str, job: Job) -> str:
    """Return a hash of all that the optimum and its proof depend on; names of machines and layers do not count."""
    spatial, options = job.spatial, job.options
    content = [
        version,
        [repr(memory) for memory in job.accelerator.memories],
        repr(job.accelerator.array),
        job.layer.signature(),
        spatial.unrolling if isinstance(spatial, SpatialMapping) else spatial.to_dict(),
        sorted((job.links or job.layer.default_links).items()),
        str(job.goal),
        repr(options.conventions),
        options.seed,
    ]
    if options.engine != "auto":
        content.append(options.engine)
    if options.loops:
        content.append(sorted(options.loops.items()))
    return sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


class Row(NamedTuple):
    """What is written of a point.

    Attributes
    ----------
    key : str
        What was solved.
    what : mapping
        The same for readers.
    time_limit, gap : float
        With what.
    outcome : Outcome
        What was found.
    """

    key: str
    what: Mapping[str, Any]
    time_limit: float
    gap: float
    outcome: Outcome


class Store:
    """A database of solved points.

    Parameters
    ----------
    path : str or Path or None
        The file, which is made if there is none; None for one that goes with the program.

    Raises
    ------
    InputError
        If the file cannot be opened, or is no such database.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.path = "" if path is None else str(file_path(path))  # SQLite's name of a temporary file
        try:
            # a table that is read from it may be handed to another thread; one at a time reads
            self._database = sqlite3.connect(self.path, timeout=60.0, check_same_thread=False)
            self._open()
        except (sqlite3.Error, ValueError) as error:
            raise InputError(
                "cannot be used as the database of a sweep", place=Place(self.path), found=str(error)
            ) from None

    def _open(self) -> None:
        database = self._database
        (found,) = database.execute("PRAGMA application_id").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and found != APPLICATION:
            database.close()
            raise InputError(
                "the file is a database of something else", place=Place(self.path), expected="that of a sweep"
            )
        with database:
            database.execute(f"PRAGMA application_id = {APPLICATION}")
            database.execute(_SCHEMA)

    def get(self, key: str, time_limit: float, gap: float) -> Outcome | None:
        """Return what is known of a point, or None where solving it (again) could tell more.

        Parameters
        ----------
        key : str
            Of the point.
        time_limit, gap : float
            What it would be solved with.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        try:
            row = self._database.execute(
                "SELECT time_limit, gap, outcome FROM points WHERE key = ?", (key,)
            ).fetchone()
        except sqlite3.Error as error:
            raise self.damaged(str(error)) from None
        if row is None:
            return None
        try:
            outcome = Outcome.from_dict(json.loads(row[2]))
        except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise self.damaged(f"the result of point {key[:12]} ({error})") from None
        if outcome.gap is not None and outcome.gap <= gap:
            return replace(outcome, status="optimal")
        if outcome.status != "infeasible" and (row[0] < time_limit or row[1] > gap):
            return None
        return outcome

    def damaged(self, found: str) -> InputError:
        """Return the error that the file is damaged."""
        return InputError(
            "the database of the sweep is damaged",
            place=Place(self.path),
            found=found,
            hint="remove the file, or name another with --db: all points are then solved again",
        )

    def put(self, key: str, what: Mapping[str, Any], time_limit: float, gap: float, outcome: Outcome) -> None:
        """Write a point; once this returns, it is in the file."""
        self.put_all([Row(key, what, time_limit, gap, outcome)])

    def put_all(self, rows: Sequence[Row]) -> None:
        """Write points, all or none; once this returns, they are in the file.

        Raises
        ------
        InputError
            If they cannot be written.
        """
        plain = [
            (row.key, json.dumps(row.what), row.time_limit, row.gap, json.dumps(row.outcome.to_dict()))
            for row in rows
        ]
        try:
            with self._database:
                self._database.executemany(
                    "INSERT OR REPLACE INTO points VALUES (?, datetime('now'), ?, ?, ?, ?)", plain
                )
        except sqlite3.Error as error:
            raise InputError(
                "the result cannot be written", place=Place(self.path), found=str(error)
            ) from None

    def __len__(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM points").fetchone()
        return int(count)

    def close(self) -> None:
        """Close the file."""
        self._database.close()
