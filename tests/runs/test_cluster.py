"""A Dask cluster of real worker processes on this machine: the results are those of this process, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import zzcp
from tests.machines import machine
from tests.runs.clusters import LocalCluster
from zzcp.errors import InputError
from zzcp.interrupt import Interrupt
from zzcp.mapping.default import default_spatial
from zzcp.mapping.freedom import Freedom
from zzcp.runs import far
from zzcp.runs.cluster import DaskCluster
from zzcp.solver.cache import ResultCache
from zzcp.solver.job import Job
from zzcp.solver.options import SearchOptions
from zzcp.solver.portable import SEARCH
from zzcp.workload import Layer, Network

distributed = pytest.importorskip("distributed")
LAYERS = [Layer.gemm(b=2, k=size, c=4, name=f"k{size}") for size in (2, 3, 4, 5, 6)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("dask")) as local:
        with DaskCluster(local.scheduler_address) as executor:
            wait_for_workers(executor, 2)
        yield local


def wait_for_workers(executor: DaskCluster, number: int) -> dict[str, int]:
    """Return the processes of the workers, once there are so many."""
    executor._client.wait_for_workers(number, timeout=600)
    pids: dict[str, int] = executor._client.run(os.getpid)
    return pids


def jobs(**options: Any) -> list[Job]:
    how = SearchOptions(**options)
    return [Job(machine(), layer, "edp", default_spatial(machine(), layer), options=how) for layer in LAYERS]


class Heard:
    """Writes down what is told."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.told: list[tuple[str, int]] = []
        self.then = then

    def started(self, number: int) -> None:
        self.told.append(("started", number))
        if len(self.told) == 1:
            self.then()

    def progress(self, number: int, message: Any) -> None:
        self.told.append(("progress", number))

    def ended(self, number: int) -> None:
        self.told.append(("ended", number))


def test_results_are_those_of_this_process(cluster: LocalCluster) -> None:
    heard = Heard()
    with DaskCluster(cluster.scheduler_address) as executor, Interrupt() as interrupt:
        assert executor.jobs == 2
        found = list(executor.run(SEARCH, jobs(), interrupt, heard))
    assert sorted(number for number, _ in found) == list(range(len(LAYERS)))
    for number, result in found:
        here = SEARCH(jobs()[number], lambda _: None)
        assert {**result.to_dict(), "wall_s": 0} == {**here.to_dict(), "wall_s": 0}
        assert result.evaluation == here.evaluation
    for number in range(len(LAYERS)):
        told = [what for what, about in heard.told if about == number]
        assert (told[0], told[-1]) == ("started", "ended")


def test_sweeps_and_networks_run_unchanged(cluster: LocalCluster, tmp_path: Path) -> None:
    sizes = {"memories.w_regs.size": "4,8,16"}

    def points(table: zzcp.sweeps.SweepTable) -> list[object]:
        return [(point.values, {**point.outcome.to_dict(), "wall_s": 0}) for point in table.points]

    there = zzcp.sweep(
        machine(), LAYERS[:2], sizes, scheduler=cluster.scheduler_address, db=tmp_path / "db", spatial="full"
    )
    assert points(there) == points(zzcp.sweep(machine(), LAYERS[:2], sizes, spatial="full"))
    network = Network("net", tuple(zzcp.Layer.gemm(b=2, k=k, c=4, id=k) for k in (2, 4)))
    spatial = default_spatial(machine(), LAYERS[0])
    here = zzcp.optimize_network(machine(), network, spatial=spatial)
    far_away = zzcp.optimize_network(machine(), network, spatial=spatial, scheduler=cluster.scheduler_address)
    assert (far_away.exact, far_away.lower_bound, far_away.status) == (
        here.exact,
        here.lower_bound,
        "optimal",
    )
    assert far_away.searches == here.searches


def test_the_cache_is_that_of_the_driver(cluster: LocalCluster, tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    with DaskCluster(cluster.scheduler_address) as executor, Interrupt() as interrupt:
        first = dict(executor.run(SEARCH, jobs(cache=cache), interrupt))
        again = dict(executor.run(SEARCH, jobs(cache=cache), interrupt))
    assert not any(result.cached for result in first.values())
    assert all(result.cached for result in again.values())
    assert [again[n].objective for n in range(5)] == [first[n].objective for n in range(5)]


def test_a_stop_keeps_what_was_found(cluster: LocalCluster, root: Path) -> None:
    chip = zzcp.load_accelerator(root / "models/accelerators/eyeriss_like.yaml")
    (layer,) = zzcp.load_workload(root / "models/workloads/gemm_512.yaml")
    spatial = Freedom()  # takes some ten seconds
    how = SearchOptions(time_limit=300, gap=0)
    with DaskCluster(cluster.scheduler_address) as executor, Interrupt() as interrupt:
        timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT))
        heard = Heard(timer.start)
        started = time.monotonic()
        found = dict(
            executor.run(
                SEARCH,
                [
                    Job(chip, layer, goal, spatial, options=how)
                    for goal in ("edp", "ed2", "energy", "latency")
                ],
                interrupt,
                heard,
            )
        )
    assert time.monotonic() - started < 120
    assert interrupt.requested
    assert len(found) < 4
    assert found
    assert all(result.interrupted for result in found.values() if result.status != "optimal")


def test_a_worker_that_dies_loses_nothing(cluster: LocalCluster) -> None:
    killed = []

    def kill() -> None:
        killed.append(next(iter(workers.values())))
        os.kill(killed[0], signal.SIGKILL)

    with DaskCluster(cluster.scheduler_address) as executor, Interrupt() as interrupt:
        workers = wait_for_workers(executor, 2)
        found = list(executor.run(SEARCH, jobs() * 3, interrupt, Heard(kill)))
    assert killed
    assert sorted(number for number, _ in found) == list(range(15))


def test_another_zzcp_is_one_clear_error(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far, "version", lambda _: "9.9.9")
    expected = (
        r"runs another zzcp: expected zzcp 9\.9\.9, code [0-9a-f]+, records 1, found zzcp 0\.1\.0, code"
    )
    with pytest.raises(InputError, match=expected):
        DaskCluster(cluster.scheduler_address)
    record = far.record_of(SEARCH, "session", (1, 0), jobs()[0])
    monkeypatch.undo()
    assert json.loads(far.work_off(record)) == {"other": far.identity()}


def test_a_worker_that_ends_while_it_is_asked_is_no_other_zzcp(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = distributed.comm.CommClosedError("Stream is closed")
    monkeypatch.setattr(distributed.Client, "run", lambda *_, **__: {"tcp://127.0.0.1:1": gone})
    with DaskCluster(cluster.scheduler_address):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "", 5])
def test_no_scheduler_is_one_clear_error(address: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no scheduler answers: expected the address of a Dask scheduler"):
        DaskCluster(address)


def test_a_busy_machine_starts_a_thread_late(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    start, late = distributed.utils.LoopRunner.start, iter([True, True])

    def once_too_late(self: Any) -> None:
        assert not next(late, False)
        start(self)

    monkeypatch.setattr(distributed.utils.LoopRunner, "start", once_too_late)
    with DaskCluster(cluster.scheduler_address) as executor:
        assert executor.jobs == 2
    assert next(late, None) is None


def test_a_thread_that_never_starts_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(distributed.utils.LoopRunner, "start", too_late)
    monkeypatch.setattr("zzcp.runs.cluster.PATIENCE", 0.0)
    with pytest.raises(InputError, match="Dask's own thread did not start within 0 s"):
        DaskCluster("tcp://127.0.0.1:8786")


class Silent:
    """Calls of Dask's that never return, so often; then they do as usual."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, times: int) -> None:
        self.left, self.over = times, threading.Event()
        usual = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            if self.left > 0:
                self.left -= 1
                self.over.wait(600)
            return usual(*arguments, **options)

        monkeypatch.setattr(owner, name, call)
        monkeypatch.setattr("zzcp.runs.cluster.PATIENCE", 1.0)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Silent]]:
    made: list[Silent] = []

    def make(owner: type, name: str, times: int = 1000) -> Silent:
        made.append(Silent(monkeypatch, owner, name, times))
        return made[-1]

    yield make
    for each in made:
        each.over.set()


def test_a_scheduler_that_falls_silent_is_one_clear_error(
    cluster: LocalCluster, silent: Callable[..., Silent]
) -> None:
    silent(distributed.Client, "nthreads")
    with pytest.raises(InputError, match="does not answer any more"):
        DaskCluster(cluster.scheduler_address)


def test_workers_that_do_not_say_what_they_are_are_told_of(
    cluster: LocalCluster, silent: Callable[..., Silent]
) -> None:
    silent(distributed.Client, "run", times=1)
    with pytest.warns(UserWarning, match="not every worker at tcp:.* answers"):
        executor = DaskCluster(cluster.scheduler_address)
    with executor, Interrupt() as interrupt:
        assert len(list(executor.run(SEARCH, jobs(), interrupt))) == len(LAYERS)


def test_a_result_that_does_not_come_is_computed_again(
    cluster: LocalCluster, silent: Callable[..., Silent]
) -> None:
    with DaskCluster(cluster.scheduler_address) as executor, Interrupt() as interrupt:
        lost = silent(distributed.Future, "result", times=2)
        found = list(executor.run(SEARCH, jobs(), interrupt))
    assert lost.left == 0
    assert sorted(number for number, _ in found) == list(range(len(LAYERS)))


def test_a_farewell_has_an_end(
    cluster: LocalCluster, silent: Callable[..., Silent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zzcp.runs.cluster._FAREWELL", 0.5)
    with DaskCluster(cluster.scheduler_address):
        parting = silent(distributed.Client, "close", times=1)
    assert parting.left == 0


def test_workers_run_only_what_is_of_zzcp() -> None:
    data = {"identity": far.identity(), "work": "os:system", "session": "s", "number": [1, 1], "task": "ls"}
    assert "no work of zzcp" in json.loads(far.work_off(json.dumps(data).encode()))["broken"]
    data |= {"work": SEARCH.name}
    assert json.loads(far.work_off(json.dumps(data).encode())) == {"wrong": "no search"}
