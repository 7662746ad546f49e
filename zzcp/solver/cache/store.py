"""The file of solved layers, which several processes may use at once."""

from __future__ import annotations

import json
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, Union

from zzcp.checks import file_path
from zzcp.documents.folders import cache_folder
from zzcp.errors import InputError, Place
from zzcp.solver.cache.entry import StaleEntryError, from_entry, is_kept, to_entry
from zzcp.solver.cache.question import Question, code_version
from zzcp.solver.result import Result

T = TypeVar("T")
FILE = "solved.sqlite"
APPLICATION = 0x7A7A6373
"""Marks our files among SQLite's (its `application_id`)."""
_PATIENCE = 30.0
"""Seconds to wait for another process that writes."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS solved (
  key TEXT PRIMARY KEY,  -- hash of all that the optimum and its proof depend on
  code TEXT NOT NULL,    -- hash of the code that found it
  gap REAL NOT NULL,     -- of what was found
  saved TEXT NOT NULL,   -- when
  digest TEXT NOT NULL,  -- hash of the entry
  entry TEXT NOT NULL    -- JSON: mapping, objective, bound
)
"""


Cache = Union["ResultCache", str, Path, bool, None]
"""What an argument may name: a cache, a folder, True for that of the user, or none."""


class CacheInfo(NamedTuple):
    """What a cache holds.

    Attributes
    ----------
    path : Path
        Its file.
    entries : int
        Solved layers and fronts.
    current : int
        Those among them that this version of the code has found; others are never used.
    size : int
        Bytes of the file.
    """

    path: Path
    entries: int
    current: int
    size: int


@dataclass(frozen=True)
class ResultCache:
    """Solved layers in a folder.

    A cache that cannot be read or written is no reason to stop: there is a warning, and the layer is solved.

    Parameters
    ----------
    folder : Path
        The folder; it is made when something is kept.
    """

    folder: Path

    @classmethod
    def of(cls, given: object) -> ResultCache | None:
        """Return the cache that an argument names: none, the user's for True, or that in a folder.

        Raises
        ------
        InputError
            If it is something else.
        """
        if given is None or given is False:
            return None
        if isinstance(given, cls):
            return given
        return cls(cache_folder() if given is True else file_path(given))

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE

    def answer(self, question: Question, tolerance: float, search: Callable[[], Result]) -> Result:
        """Return what is known of a question, or else search, and keep what is found.

        Parameters
        ----------
        question : Question
            What is asked.
        tolerance : float
            The gap that is asked for.
        search : callable
            Returns the result of a search.
        """
        result = self.get(question, tolerance)
        if result is None:
            result = search()
            self.put(question, result, tolerance)
        return result

    def get(self, question: Question, tolerance: float) -> Result | None:
        """Return the answer to a question, scored by the evaluator again, or None where it is not known well enough.

        An entry that fails is dropped, with a warning.

        Parameters
        ----------
        question : Question
            What is asked.
        tolerance : float
            The gap that is asked for.
        """
        return self.read(question, lambda entry: from_entry(entry, question, tolerance))

    def read(self, question: Question, believe: Callable[[dict[str, Any]], T | None]) -> T | None:
        """Return what an entry says, or None where there is none; one that fails is dropped, with a warning.

        Parameters
        ----------
        question : Question
            What is asked.
        believe : callable
            Returns what an entry says after checking it, or None where that is not enough; a `StaleEntryError` where it
            fails.
        """
        try:
            if not self.path.exists():
                return None
            key = question.key
            with self._database() as database:
                row = database.execute("SELECT digest, entry FROM solved WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            try:
                return believe(_checked(*row))
            except StaleEntryError as error:
                with self._database() as database:
                    database.execute("DELETE FROM solved WHERE key = ? AND digest = ?", (key, row[0]))
                self._warn(f"the entry of layer {question.layer.name} was dropped ({error})")
        except (OSError, sqlite3.Error) as error:
            self._warn(f"it cannot be read ({error})")
        return None

    def put(self, question: Question, result: Result, tolerance: float) -> None:
        """Keep a result, unless there is a better one.

        Parameters
        ----------
        question : Question
            What was asked.
        result : Result
            What was found; without a mapping it is not kept.
        tolerance : float
            The gap that was asked for.
        """
        if not is_kept(result):
            return
        assert result.gap is not None
        self.write(question, result.gap, to_entry(result, question.objective, tolerance))

    def write(self, question: Question, gap: float, data: dict[str, Any]) -> None:
        """Keep an entry, unless there is one with a smaller gap.

        Parameters
        ----------
        question : Question
            What was asked.
        gap : float
            Of what was found.
        data : dict
            The entry.
        """
        entry = json.dumps(data)
        row = (question.key, code_version(), gap, _digest(entry), entry)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._database() as database:
                database.execute(
                    "INSERT INTO solved (key, code, gap, saved, digest, entry) VALUES (?, ?, ?, datetime('now'), ?, ?) "
                    "ON CONFLICT (key) DO UPDATE SET code = excluded.code, gap = excluded.gap, "
                    "saved = excluded.saved, digest = excluded.digest, entry = excluded.entry "
                    "WHERE excluded.gap <= solved.gap",
                    row,
                )
        except (OSError, sqlite3.Error) as error:
            self._warn(f"it cannot be written ({error})")

    def info(self) -> CacheInfo:
        """Return what there is.

        Raises
        ------
        InputError
            If the file cannot be read, or is no cache.
        """
        if not self.path.exists():
            return CacheInfo(self.path, 0, 0, 0)
        try:
            with self._database() as database:
                (entries,) = database.execute("SELECT count(*) FROM solved").fetchone()
                (current,) = database.execute(
                    "SELECT count(*) FROM solved WHERE code = ?", (code_version(),)
                ).fetchone()
            return CacheInfo(self.path, entries, current, self.path.stat().st_size)
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                "the cache cannot be read",
                place=Place(str(self.path)),
                found=str(error),
                hint="zzcp cache clear removes it",
            ) from None

    def clear(self) -> int:
        """Remove everything, also a damaged file; return the number of entries that are known to have been there.

        Raises
        ------
        InputError
            If the file cannot be removed.
        """
        try:
            entries = self.info().entries
        except InputError:
            entries = 0
        try:
            for suffix in ("", "-journal"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                "the cache cannot be removed", place=Place(str(self.path)), found=error.strerror or str(error)
            ) from None
        return entries

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Give the database for one transaction."""
        database = sqlite3.connect(self.path, timeout=_PATIENCE)
        try:
            with database:
                (found,) = database.execute("PRAGMA application_id").fetchone()
                if found != APPLICATION:
                    self._prepare(database)
                yield database
        finally:
            database.close()

    @staticmethod
    def _prepare(database: sqlite3.Connection) -> None:
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master WHERE name != 'solved'").fetchone()
        if tables:
            raise sqlite3.DatabaseError("a database of something else")
        database.execute(_SCHEMA)
        database.execute(f"PRAGMA application_id = {APPLICATION}")

    def _warn(self, what: str) -> None:
        warnings.warn(f"cache {self.path}: {what}", stacklevel=3)


def _digest(entry: str) -> str:
    return sha256(entry.encode()).hexdigest()


def _checked(digest: str, text: str) -> dict[str, Any]:
    """Return an entry, if it is as it was written.

    Raises
    ------
    StaleEntryError
        If it is damaged.
    """
    if digest != _digest(text):
        raise StaleEntryError("it is damaged")
    try:
        entry = json.loads(text)
    except ValueError as error:
        raise StaleEntryError(str(error)) from None
    if not isinstance(entry, dict):
        raise StaleEntryError("it is no entry")
    return entry
