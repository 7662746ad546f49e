"""What a worker of a cluster does: a task that comes as bytes, whose result goes back as bytes.

The functions here are all that Dask knows by name; no object of zzcp is pickled.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any, Protocol

from zzcp.errors import ZzcpError
from zzcp.interrupt import Interrupt

FORM = 1
"""Of the records; another one cannot be read."""
_PAUSE = 0.5
"""Seconds between two reports of a task, and between two looks at whether anybody still waits for it."""
_lock = threading.Lock()
_wishes: dict[str, set[threading.Event]] = {}
_stopped: set[str] = set()
"""Sessions whose user wants the end; there are few of them in the life of a worker."""


class Portable(Protocol):
    """Work that can be done elsewhere: what goes there and comes back is plain data.

    Attributes
    ----------
    name : str
        Where a worker finds it: ``module:name``.
    """

    name: str

    def __call__(self, task: Any, tell: Callable[[Any], None]) -> Any:
        """Do it here."""

    def pack(self, task: Any) -> Any:
        """Return a task as plain data."""

    def unpack(self, data: Any) -> Any:
        """Return the task that was packed."""

    def pack_result(self, result: Any) -> Any:
        """Return a result as plain data."""

    def unpack_result(self, task: Any, data: Any) -> Any:
        """Return the result that was packed, checked."""

    def pack_message(self, message: Any) -> Any:
        """Return a report as plain data."""

    def unpack_message(self, data: Any) -> Any:
        """Return the report that was packed."""

    def known(self, task: Any) -> Any:
        """Return the result where it need not be computed, else None."""

    def keep(self, task: Any, result: Any) -> None:
        """Take note of a result that has come."""


def identity() -> dict[str, Any]:
    """Return what must be equal on both sides: the form of the records, and the code that counts and proves."""
    from zzcp.solver.cache.question import code_version  # noqa: PLC0415 - the rooms of the solver are above this one

    return {"form": FORM, "zzcp": version("zzcp"), "code": code_version()[:16]}


def record_of(work: Portable, session: str, number: tuple[int, int], task: Any) -> bytes:
    """Return a task as a worker takes it; the number is that of the run, and of the task in it."""
    data = {
        "identity": identity(),
        "work": work.name,
        "session": session,
        "number": number,
        "task": work.pack(task),
    }
    return json.dumps(data, separators=(",", ":")).encode()


def work_off(record: bytes) -> bytes:
    """Do a task on a worker; whatever happens is an answer.

    Parameters
    ----------
    record : bytes
        From `record_of`.

    Returns
    -------
    bytes
        JSON with ``done``, ``other`` (the worker's zzcp is another one), ``stopped``, ``wrong`` or ``broken``.
    """
    data = json.loads(record)
    if data.get("identity") != identity():
        return _answer("other", identity())
    try:
        work = _portable(data["work"])
        task = work.unpack(data["task"])
        with _obeying(data["session"]) as wish:
            if wish.is_set():
                return _answer("stopped", None)
            result = work(task, _teller(work, data["session"], data["number"]))
        return _answer("done", work.pack_result(result))
    except ZzcpError as error:
        return _answer("wrong", str(error))
    except Exception:  # noqa: BLE001 - raised again on the other side
        return _answer("broken", traceback.format_exc())


def stop(session: str) -> None:
    """Ask what this worker does for a session to end with what it has, and begin nothing more for it."""
    with _lock:
        _stopped.add(session)
        for wish in _wishes.get(session, ()):
            wish.set()


def _answer(kind: str, value: Any) -> bytes:
    return json.dumps({kind: value}, separators=(",", ":")).encode()


def _portable(name: str) -> Portable:
    module, _, attribute = name.partition(":")
    if module.split(".")[0] != "zzcp":
        raise ValueError(f"no work of zzcp: {name}")
    work: Portable = getattr(import_module(module), attribute)
    return work


def _teller(work: Portable, session: str, number: list[int]) -> Callable[[Any], None]:
    """Return a function that reports to the driver, every now and then."""
    from distributed import get_worker  # noqa: PLC0415 - an optional dependency

    worker = get_worker()
    worker.log_event(session, {"number": number, "started": True})
    said = -_PAUSE

    def tell(message: Any) -> None:
        nonlocal said
        if time.monotonic() - said >= _PAUSE:
            said = time.monotonic()
            worker.log_event(session, {"number": number, "message": json.dumps(work.pack_message(message))})

    return tell


@contextmanager
def _obeying(session: str) -> Iterator[threading.Event]:
    """In this block searches end when the session is stopped, or when nobody waits for the task any more."""
    wish, over = threading.Event(), threading.Event()
    with _lock:
        if session in _stopped:
            wish.set()
        _wishes.setdefault(session, set()).add(wish)
    threading.Thread(target=_watch, args=(*_current(), wish, over), daemon=True).start()
    try:
        with Interrupt.obeying(wish):
            yield wish
    finally:
        over.set()
        with _lock:
            _wishes[session].discard(wish)
            if not _wishes[session]:
                del _wishes[session]


def _current() -> tuple[Any, Any]:
    """Return the worker, and the key of the task that it works off in this thread."""
    from distributed import get_worker  # noqa: PLC0415 - an optional dependency

    worker = get_worker()
    return worker, worker.get_current_task()


def _watch(worker: Any, key: Any, wish: threading.Event, over: threading.Event) -> None:
    """Set a wish when the scheduler has taken a task back: its driver has gone, or another worker does it."""
    while not over.wait(_PAUSE):
        with suppress(AttributeError, KeyError, RuntimeError):  # the worker's own thread changes its tasks
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled":
                wish.set()
                return
