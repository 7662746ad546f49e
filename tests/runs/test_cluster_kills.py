"""Workers and drivers of a cluster killed at random moments: in the end the same bytes as an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.runs.clusters import LocalCluster

pytest.importorskip("distributed")
KILLS = 60
SWEEP = (
    "sweep -a models/accelerators/seed_eyeriss_1_2_4.yaml -w models/workloads/seed_workload.yaml -q --no-cache "
    "--spatial full --vary memories.sram_8KB.size=2KB:40KB:+2KB"
)


def sweep(root: Path, db: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "zzcp", *SWEEP.split(), "--db", str(db), "--json", str(out), *more]
    return subprocess.Popen(
        command,
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def points(out: Path) -> str:
    """Return the points of a sweep as text, without what differs from run to run."""
    data = json.loads(out.read_text())
    assert data["complete"]
    return re.sub(r'"(wall_s|reused)": [a-z0-9.e-]+', "", json.dumps(data["points"], indent=1))


def stored(db: Path) -> dict[str, str]:
    """Return the outcomes in a database, by the keys of their points."""
    try:
        with sqlite3.connect(f"file:{db}?mode=ro", uri=True, timeout=10) as database:
            return dict(database.execute("SELECT key, outcome FROM points"))
    except sqlite3.OperationalError:  # not begun
        return {}


@pytest.mark.slow
def test_whatever_is_killed_the_bytes_are_the_same(root: Path, tmp_path: Path) -> None:
    alone = sweep(root, tmp_path / "alone.db", tmp_path / "alone.json", "-j", "1")
    _, errors = alone.communicate(timeout=600)
    assert (alone.returncode, errors) == (0, "")
    expected = points(tmp_path / "alone.json")
    rng, kills, workers, drivers, rounds = random.Random(0), 0, 0, 0, 0
    (tmp_path / "dask").mkdir()
    with LocalCluster(tmp_path / "dask") as cluster:
        while kills < KILLS or not rounds:
            rounds += 1
            db, out = tmp_path / f"{rounds}.db", tmp_path / f"{rounds}.json"
            known: dict[str, str] = {}
            while True:
                driver = sweep(root, db, out, "--scheduler", cluster.scheduler_address)
                while driver.poll() is None and kills < KILLS:
                    time.sleep(rng.uniform(0.2, 3.0))
                    working = cluster.working()
                    if rng.random() < 0.3:
                        driver.send_signal(signal.SIGKILL)
                        drivers += 1
                    else:
                        with suppress(IndexError, ProcessLookupError):  # it is being started again
                            os.kill(rng.choice(working), signal.SIGKILL)
                            workers += 1
                    kills = workers + drivers
                cluster.working()
                _, errors = driver.communicate(timeout=600)
                found = stored(db)
                assert {key: found[key] for key in known} == known  # nothing is lost, nothing is changed
                known = found
                if driver.returncode != -signal.SIGKILL:
                    break
            assert driver.returncode == 0, errors
            assert points(out) == expected
            assert len(found) == len(json.loads(out.read_text())["points"])
    assert drivers >= 10
    assert workers >= 30
