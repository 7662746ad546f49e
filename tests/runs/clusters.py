"""A Dask cluster of this machine whose parts are processes of their own: it always ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

START = 300.0
"""Seconds that a busy machine has to start a scheduler."""


class LocalCluster:
    """A scheduler, and workers of one thread each, which their nannies start again when they die.

    Dask's own class of this name runs scheduler and nannies in threads of the program: these stay when it is closed,
    and to close it can take without end.

    Parameters
    ----------
    folder : Path
        For what the workers write.
    workers : int
        How many.
    """

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self._parts: list[subprocess.Popen[bytes]] = []
        self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        end = time.monotonic() + START
        while not self._file.exists() or not self._file.read_text():
            if time.monotonic() > end or self._parts[0].poll() is not None:
                self.__exit__(None, None, None)
                raise RuntimeError(f"no scheduler: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        self.scheduler_address = str(json.loads(self._file.read_text())["address"])
        for _ in range(workers):
            self.add()

    def add(self) -> None:
        """Start one more worker."""
        self._start(
            "dask_worker", "--nthreads", "1", "--local-directory", str(self._folder), "--death-timeout", "600"
        )

    def working(self) -> list[int]:
        """Return the numbers of the processes that work now, after nannies that have given up are replaced."""
        import psutil  # noqa: PLC0415  (comes with Dask, which may not be there)

        for nanny in [part for part in self._parts[1:] if part.poll() is not None]:
            self._parts.remove(nanny)
            self.add()
        found = []
        for nanny in self._parts[1:]:
            with suppress(psutil.Error):
                found += [child.pid for child in psutil.Process(nanny.pid).children()]
        return found

    def _start(self, program: str, *options: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--no-dashboard", *options]
        with (self._folder / "log").open("ab") as log:
            self._parts.append(
                subprocess.Popen(
                    [*command, "--scheduler-file", str(self._file)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def __enter__(self) -> LocalCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in self._parts[::-1]:
            with suppress(ProcessLookupError):
                os.killpg(part.pid, signal.SIGKILL)
            part.wait(60)
