"""Measurements that go on where they were stopped: a line of JSON for each, written as it comes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from rich.console import Console

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Record(Generic[K]):
    """What has been measured, kept in a file.

    Parameters
    ----------
    path : Path
        The file.
    key : callable
        Returns what a row is about.
    counts : callable
        Whether a row holds, such as one that was measured under the limit of now.
    """

    path: Path
    key: Callable[[Row], K]
    counts: Callable[[Row], bool] = lambda _: True

    def rows(self) -> dict[K, Row]:
        """Return what has been measured; of several measurements the last."""
        if not self.path.exists():
            return {}
        rows = [json.loads(text) for text in self.path.read_text().splitlines()]
        return {self.key(row): row for row in rows if self.counts(row)}

    def completed(
        self,
        wanted: Iterable[K],
        measure: Callable[[K], Row],
        console: Console,
        told: Callable[[Row], object] = lambda row: row,
        *,
        quick: bool,
    ) -> dict[K, Row]:
        """Return all rows, after measuring those that are missing until Ctrl-C; where it is quick nothing is kept.

        Parameters
        ----------
        wanted : iterable
            What rows are to be about.
        measure : callable
            Returns a row.
        console, told
            Where a row is shown, and as what.
        quick : bool
            Whether to begin with no rows, and to keep none.
        """
        rows = {} if quick else self.rows()
        try:
            for key in wanted:
                if key in rows:
                    continue
                rows[key] = measure(key)
                console.print(told(rows[key]), highlight=False)
                if not quick:
                    self.path.parent.mkdir(exist_ok=True)
                    with self.path.open("a") as file:
                        file.write(json.dumps(rows[key]) + "\n")
        except KeyboardInterrupt:
            console.print("stopped; the same command goes on from here")
        return rows


def in_child(what: str, module: str, *arguments: object) -> Any:
    """Return what a module of this package, run in a process of its own, prints as JSON in its last line.

    Raises
    ------
    RuntimeError
        If it fails, with what it was about.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=RESULTS.parents[1], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{what}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
