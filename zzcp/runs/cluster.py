"""Tasks on the workers of a Dask cluster, which may come, go and die meanwhile."""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from zzcp.errors import InputError
from zzcp.interrupt import Interrupt
from zzcp.runs import far
from zzcp.runs.executor import LostError, Unwatched, Watcher, Work
from zzcp.runs.far import Portable

T = TypeVar("T")
R = TypeVar("R")

TRIES = 3
"""How often a task is handed out of which Dask says that it has ended its workers (by default four of them)."""
PATIENCE = 60.0
"""Seconds to wait for a scheduler that does not answer, and until it is said that there is no worker."""
_POLL = 0.1
"""Seconds between two looks at whether the user wants the end."""
_LOOK = 2.0
"""Seconds between two looks at which workers there are."""
_FAREWELL = 15.0
"""Seconds that Dask has to take leave."""


@dataclass(eq=False)
class _Answer(Generic[T]):
    """Of a call in another thread: what it returned or raised, once it is there."""

    value: T | None = None
    error: Exception | None = None
    there: threading.Event = field(default_factory=threading.Event)


class DaskCluster:
    """Runs tasks on a Dask cluster.

    Parameters
    ----------
    address : str
        Of the scheduler: ``tcp://HOST:PORT``.

    Raises
    ------
    InputError
        If Dask is not installed, nobody answers, or a worker has another zzcp.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client  # noqa: PLC0415 - an optional dependency
        except ImportError:
            raise InputError(
                "a cluster needs Dask's distributed, which is not installed",
                hint="pip install 'zzcp[distributed]'",
            ) from None
        self.address = address
        self._client = _connected(Client, address)
        self._session = f"zzcp-{uuid.uuid4().hex}"
        self._events: queue.SimpleQueue[tuple[str, tuple[int, int], Any]] = queue.SimpleQueue()
        self._runs = 0
        self._looked = -_LOOK
        self.jobs = 1
        self._client.subscribe_topic(self._session, self._heard)
        self._look()
        self._check_workers()

    def run(
        self, work: Work[T, R], tasks: Sequence[T], interrupt: Interrupt, watcher: Watcher | None = None
    ) -> Iterator[tuple[int, R]]:
        """Yield the numbers of tasks with what the work returned, as it comes; see `zzcp.runs.Executor`.

        Parameters
        ----------
        work : Portable
            What can be done elsewhere.
        tasks, interrupt, watcher
            As for any executor.

        Raises
        ------
        InputError
            If a worker has another zzcp, or the scheduler has gone.
        """
        self._runs += 1
        whole = _Run(self, self._runs, cast("Portable", work), tasks, interrupt, watcher or Unwatched())
        return whole.go()

    # ---- what a run needs of the cluster

    def submit(self, number: tuple[int, int], attempt: int, work: Portable, task: Any) -> Any:
        """Hand out a task of a run; what becomes of it is an event."""
        record = far.record_of(work, self._session, number, task)
        key = f"{self._session}-{number[0]}-{number[1]}-{attempt}"
        future = self._client.submit(far.work_off, record, key=key, pure=False)
        future.add_done_callback(lambda ended: self._events.put(("ended", number, ended)))
        return future

    def event(self) -> tuple[str, tuple[int, int], Any] | None:
        """Return what has happened, if anything has within a moment."""
        try:
            return self._events.get(timeout=_POLL)
        except queue.Empty:
            return None

    def stop(self) -> None:
        """Ask all workers to end what they do for this driver with what they have."""
        _begin(lambda: self._client.run(far.stop, self._session, on_error="ignore"))

    def look(self) -> None:
        """See now and then how many workers there are, and whether there is a scheduler."""
        if time.monotonic() - self._looked >= _LOOK:
            self._look()

    def _look(self) -> None:
        self._looked = time.monotonic()
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError, RuntimeError, TimeoutError, ValueError):
                self.jobs = max(1, sum(_within(PATIENCE, self._client.nthreads).values()))
                if self._client.status == "running":
                    return
            if time.monotonic() > end:
                raise InputError(f"the scheduler {self.address} does not answer any more")
            time.sleep(_POLL)

    def _check_workers(self) -> None:
        """Check that the workers that are there have the zzcp that this is.

        Every task asks again: a worker that does not answer is told of, not waited for.
        """
        try:
            answers = _within(PATIENCE, lambda: self._client.run(far.identity, on_error="return"))
        except TimeoutError:
            warnings.warn(f"not every worker at {self.address} answers", stacklevel=3)
            return
        for worker, found in answers.items():
            if isinstance(found, OSError):  # it ended while it was asked
                continue
            if found != far.identity():
                raise _other(worker, found)

    def _heard(self, event: tuple[float, Any]) -> None:
        """Take what a worker reports (in a thread of Dask's)."""
        _, said = event
        kind = "started" if "started" in said else "progress"
        self._events.put((kind, tuple(said["number"]), said.get("message")))

    def __enter__(self) -> DaskCluster:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # a cluster that has gone needs no farewell
            _within(_FAREWELL, lambda: self._client.close(timeout=5))


def _begin(call: Callable[[], T]) -> _Answer[T]:
    """Call something of Dask's in a thread of its own, which ends with the program at the latest.

    Dask's calls wait for its event loop, which may have ended, and for workers and schedulers that may never answer;
    few of them take a limit, and none of these holds where the loop itself stands still.
    """
    answer = _Answer[T]()

    def take() -> None:
        try:
            answer.value = call()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            answer.error = error
        answer.there.set()

    threading.Thread(target=take, name="zzcp-dask", daemon=True).start()
    return answer


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Return what a call of Dask's returns.

    Raises
    ------
    TimeoutError
        If it does not return within the given seconds; whatever it raises else.
    """
    answer = _begin(call)
    if not answer.there.wait(seconds):
        raise TimeoutError(f"Dask does not answer within {seconds:.0f} s")
    if answer.error is not None:
        raise answer.error
    return cast("T", answer.value)


def _connected(client: Any, address: str) -> Any:
    """Return a client of Dask's that has reached the scheduler.

    Dask gives a thread of its own ten seconds to start, and fails an assertion where a busy machine takes longer:
    then one tries again, as long as for a scheduler that does not answer.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return _within(PATIENCE, lambda: client(address, timeout=10, set_as_default=False))
        except AssertionError:
            if time.monotonic() > end:
                raise InputError(f"Dask's own thread did not start within {PATIENCE:.0f} s") from None
        except (AttributeError, OSError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                "no scheduler answers",
                expected="the address of a Dask scheduler such as tcp://127.0.0.1:8786",
                found=str(address),
                hint=str(error).splitlines()[0] if str(error) else None,
            ) from None


class _Run:
    """The tasks of one call, while they are worked off."""

    def __init__(
        self,
        cluster: DaskCluster,
        run: int,
        work: Portable,
        tasks: Sequence[Any],
        interrupt: Interrupt,
        watcher: Watcher,
    ) -> None:
        self.cluster, self.run, self.work, self.tasks = cluster, run, work, tasks
        self.interrupt, self.watcher = interrupt, watcher
        self.waiting = deque(range(len(tasks)))
        self.out: dict[int, Any] = {}
        self.begun: set[int] = set()
        self.tries: Counter[int] = Counter()
        self.killed: Counter[int] = Counter()
        self.lost = 0
        self.told = False
        self.silent_since = time.monotonic()

    def go(self) -> Iterator[tuple[int, Any]]:
        """Yield results by the numbers of their tasks, as they come, each once."""
        try:
            while True:
                if self.interrupt.requested:
                    self._end()
                yield from self._hand_out()
                if not self.out:
                    break
                event = self.cluster.event()
                if event is None:
                    self.cluster.look()
                    self._tell_of_silence()
                    continue
                yield from self._take(*event)
        finally:
            if self.out and not self.told:
                self.cluster.stop()
            if self.out:
                _begin(lambda: [future.cancel() for future in self.out.values()])
        if self.lost and not self.interrupt.requested:
            raise LostError(
                f"workers were ended while they were searching, again and again ({self.lost} searches are missing)",
                hint="everything else was done; workers may need more memory",
            )

    def _hand_out(self) -> Iterator[tuple[int, Any]]:
        """Hand out as many tasks as keep all workers busy, so that a stop has little to wait for."""
        while self.waiting and len(self.out) < 2 * self.cluster.jobs:
            number = self.waiting.popleft()
            known = self.work.known(self.tasks[number])
            if known is not None:
                self.watcher.started(number)
                self.watcher.ended(number)
                yield number, known
                continue
            self.tries[number] += 1
            place = self.run, number
            self.out[number] = self.cluster.submit(place, self.tries[number], self.work, self.tasks[number])

    def _take(self, kind: str, place: tuple[int, int], what: Any) -> Iterator[tuple[int, Any]]:
        """Work off one event; those of tasks that are done already are dropped."""
        run, number = place
        if run != self.run:
            return
        if kind == "ended":
            if self.out.get(number) is what:
                del self.out[number]
                yield from self._ended(number, what)
        elif number in self.out:
            if number not in self.begun or kind == "started":
                self.begun.add(number)
                self.watcher.started(number)
            if kind == "progress":
                self.watcher.progress(number, self.work.unpack_message(json.loads(what)))

    def _ended(self, number: int, future: Any) -> Iterator[tuple[int, Any]]:
        if number not in self.begun:
            self.watcher.started(number)
        self.begun.discard(number)
        self.watcher.ended(number)
        self.silent_since = time.monotonic()
        if future.status != "finished":
            self._failed(number, future)
            return
        try:
            answer = json.loads(_within(PATIENCE, future.result))
        except TimeoutError:  # its worker has gone, or is as good as gone
            _begin(future.cancel)
            self._again(number)
            return
        if "done" in answer:
            task = self.tasks[number]
            result = self.work.unpack_result(task, answer["done"])
            self.work.keep(task, result)
            yield number, result
        elif "other" in answer:
            raise _other("a worker", answer["other"])
        elif "wrong" in answer:
            raise InputError(answer["wrong"])
        elif "broken" in answer:
            raise RuntimeError(f"a worker failed:\n{answer['broken']}")

    def _failed(self, number: int, future: Any) -> None:
        """See why there is no answer, and hand the task out again where that can help."""
        if future.status == "error":
            error = _within(PATIENCE, future.exception)
            if type(error).__name__ != "KilledWorker":
                raise _other("a worker", error)
            self.killed[number] += 1
            if self.killed[number] >= TRIES:
                self.lost += 1
                return
        self._again(number)  # cancelled: by the user, or since the scheduler has gone

    def _again(self, number: int) -> None:
        """Hand a task out once more, to those that are still there."""
        self.cluster._look()
        if not self.interrupt.requested:
            self.waiting.append(number)

    def _end(self) -> None:
        """Begin nothing more, and ask what runs to end."""
        self.waiting.clear()
        if self.told:
            return
        self.told = True
        for number in [number for number in self.out if number not in self.begun]:
            _begin(self.out.pop(number).cancel)
        self.cluster.stop()

    def _tell_of_silence(self) -> None:
        if not self.begun and time.monotonic() - self.silent_since > PATIENCE:
            self.silent_since = time.monotonic()
            warnings.warn(f"no worker at {self.cluster.address} has begun anything yet", stacklevel=2)


def _other(worker: str, found: object) -> InputError:
    own = far.identity()
    said = (
        f"zzcp {found['zzcp']}, code {found['code']}, records {found['form']}"
        if isinstance(found, dict)
        else str(found).splitlines()[0]
    )
    return InputError(
        f"worker {worker} runs another zzcp",
        expected=f"zzcp {own['zzcp']}, code {own['code']}, records {own['form']}",
        found=said,
        hint="install the same version everywhere",
    )
