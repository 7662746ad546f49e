"""A sweep on a Dask cluster of this machine: a scheduler, two workers, and the command line as their driver.

Run it with ``make cluster-demo``; the same three commands make a cluster of many machines (docs/cluster.md).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

WORKERS = 2
SWEEP = """
    sweep -a models/accelerators/eyeriss_like.yaml -w models/workloads/gemm_512.yaml
    --vary memories.glb.size=64KiB:256KiB:x2 --objective edp,energy --no-cache --db
"""


def started(stack: ExitStack, command: Sequence[str]) -> None:
    """Start a part of the cluster, which ends with the block of a stack."""
    process = subprocess.Popen([sys.executable, "-m", *command], stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)


def address(file: Path, seconds: float = 60.0) -> str:
    """Return the address that a scheduler has written, once it is there."""
    end = time.monotonic() + seconds
    while not file.exists() or not file.read_text():
        if time.monotonic() > end:
            sys.exit("the scheduler does not start")
        time.sleep(0.1)
    return str(json.loads(file.read_text())["address"])


def main() -> int:
    """Run the demo; return the exit code of the sweep."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder, "scheduler.json")
        where = ["--scheduler-file", str(file)]
        quiet = ["--no-dashboard"]
        started(
            stack, ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *quiet, *where]
        )
        scheduler = address(file)
        for _ in range(WORKERS):
            mine = ["--nthreads", "1", "--local-directory", folder]
            started(stack, ["distributed.cli.dask_worker", *quiet, *where, *mine])
        print(f"scheduler {scheduler}, {WORKERS} workers")
        database = str(Path(folder, "sweep.sqlite"))
        command = [sys.executable, "-m", "zzcp", *SWEEP.split(), database, "--scheduler", scheduler]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
