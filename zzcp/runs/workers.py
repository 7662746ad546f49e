"""Processes of this machine that work off what they are sent, one task after the other, and end with this one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from zzcp.interrupt import Interrupt


@dataclass(eq=False)
class Worker:
    """A process, and what it has been given.

    Attributes
    ----------
    process : multiprocessing.Process
        The process.
    connection : Connection
        Takes ``(number, work or None for the same as before, task)``, gives ``(kind, payload)`` with the kinds
        ``progress``, ``done`` and ``failed``.
    number : int or None
        Number of its task.
    told : bool
        Whether it has been asked to end its task.
    work : object
        What it has been given to do with its tasks.
    """

    process: Any
    connection: Connection
    number: int | None = None
    told: bool = False
    work: object = None


def new_worker(others: Sequence[Worker]) -> Worker:
    """Start a process, which closes what it inherits of others."""
    forks = "fork" in multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("fork" if forks else None)
    ours, theirs = context.Pipe()
    inherited = [worker.connection for worker in others] + [ours] if forks else []
    process = context.Process(target=_serve, args=(theirs, inherited, os.getpid()), daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours)


def end_workers(workers: Sequence[Worker]) -> None:
    """End processes, whatever they do."""
    for worker in workers:
        worker.connection.close()
    for worker in workers:
        if worker.number is None:
            worker.process.join(1)
        worker.process.kill()
    for worker in workers:
        worker.process.join(1)


def ask_to_end(worker: Worker) -> None:
    """Ask a process to end its task with what it has."""
    if not worker.told:
        worker.told = True
        with suppress(ProcessLookupError):
            os.kill(worker.process.pid, signal.SIGTERM)


def _serve(connection: Connection, inherited: Sequence[Connection], parent: int) -> None:
    """Work off tasks until the other side closes the connection, or ends."""
    # Ctrl-C reaches every process of the terminal; it is the parent that passes the wish on
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Interrupt.forget()
    for other in inherited:
        other.close()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    work: Any = None
    while True:
        try:
            _, given, task = connection.recv()
        except (EOFError, OSError):
            return
        work = work if given is None else given
        try:
            with Interrupt():  # from the very beginning of a task it ends with what it has
                result = work(task, lambda message: _send(connection, "progress", message))
        except Exception as error:  # noqa: BLE001 - raised again on the other side
            _send(connection, "failed", error)
        else:
            _send(connection, "done", result)


def _send(connection: Connection, kind: str, payload: Any) -> None:
    """Send a message to the other side; where that has ended, there is nobody left to work for, or to tell."""
    try:
        connection.send((kind, payload))
    except (BrokenPipeError, ConnectionResetError):
        os._exit(1)


def _end_with(parent: int) -> None:
    """End this process when its parent has ended, even if that was killed during a search."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
