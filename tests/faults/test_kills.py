"""Commands that are ended at random moments: no half-written file, and in the end the bytes of an undisturbed run."""

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
from pathlib import Path

import pytest

KILLS = 35
"""For each command."""
SEED = (
    "-a models/accelerators/seed_eyeriss_1_2_4.yaml -w models/workloads/seed_workload.yaml "
    "-m models/mappings/seed_mapping.yaml"
)
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def environment() -> dict[str, str]:
    """Return the environment without what other tests set."""
    return {name: value for name, value in os.environ.items() if name != "ZZCP_NO_CACHE"}


def run(root: Path, command: str, folder: Path, cache: Path) -> subprocess.Popen[str]:
    filled = command.format(folder=folder)
    return subprocess.Popen(
        [sys.executable, "-m", "zzcp", *filled.split(), "-q", "--json", str(folder / "out.json")],
        cwd=root,
        env={**environment(), "ZZCP_CACHE_DIR": str(cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def without_times(path: Path) -> str:
    """Return a result as text, without what differs from run to run."""
    return re.sub(r'"(wall_s|reused|searches)": [a-z0-9.e+-]+', "", path.read_text())


def is_whole(path: Path) -> bool:
    """Return whether a database is sound (or not there yet)."""
    if not path.exists():
        return True
    with sqlite3.connect(path, timeout=30) as database:
        return database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        f"solve {SEED}",
        f"solve {SEED} --scope network",
        # many points that take little each: a kill is as likely to meet a write as a search
        "sweep -a docs/toy.yaml -w tests/data/tiny_gemm.yaml --spatial full --vary memories.buf.size=256:2048:+32 "
        "--db {folder}/points.db",
    ],
    ids=["solve", "network", "sweep"],
)
def test_a_command_that_is_killed_loses_nothing(command: str, root: Path, tmp_path: Path) -> None:
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    calm.mkdir()
    wild.mkdir()
    started = time.monotonic()
    process = run(root, command, calm, tmp_path / "calm-cache")
    _, errors = process.communicate(timeout=600)
    assert (process.returncode, errors) == (0, "")
    seconds = time.monotonic() - started
    rng, out, cache = random.Random(command), wild / "out.json", tmp_path / "wild-cache"
    old = json.dumps({"old": True})
    out.write_text(old)
    ended = 0
    for _ in range(KILLS):
        process = run(root, command, wild, cache)
        time.sleep(rng.uniform(0, seconds))
        number = rng.choice(SIGNALS)
        if process.poll() is None:
            process.send_signal(number)
            ended += 1
        _, errors = process.communicate(timeout=300)
        if "KeyboardInterrupt" in errors and "__main__.py" not in errors:
            continue  # Python itself was starting, and says so in its own way: no line of ours could have heard it
        assert process.returncode in (0, 130, -number), errors
        assert "Traceback" not in errors
        json.loads(out.read_text())  # the old one or a new one, whole
        assert is_whole(cache / "solved.sqlite")
        assert is_whole(wild / "points.db")
        if process.returncode == 0:  # begin anew, so that there is something to kill
            for path in (*cache.glob("*"), *wild.glob("points.db*")):
                path.unlink()
            out.write_text(old)
    assert ended >= KILLS // 2
    process = run(root, command, wild, cache)
    _, errors = process.communicate(timeout=600)
    assert (process.returncode, errors) == (0, "")
    assert without_times(out) == without_times(calm / "out.json")
    assert [path.name for path in wild.iterdir() if path.name.endswith(".part")] == []
