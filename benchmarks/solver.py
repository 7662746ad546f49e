"""The optimal mapper on networks and machines: time, memory, gap, and ZigZag's LOMA and SALSA beside it.

Our own LOMA and SALSA under ZigZag's conventions (``our-loma6`` ...) can stand in for ZigZag's, which take hours.
Every measurement runs in a process of its own (`benchmarks.solver_child`; those of our mappers on one case share it,
but nothing that they compile; our searches begin as copies of `benchmarks.solver_warm`), one thread each, and is
appended to ``benchmarks/results/solver.jsonl`` as it ends, so that a run that was stopped goes on with ``--resume``.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.pages import PAGE, replace_part
from benchmarks.solver_cases import FOUR_KEYS, Case, all_cases
from benchmarks.solver_table import EXTREME_SECONDS, SECONDS, report
from zzcp.solver.engines import ENGINES

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "benchmarks" / "results" / "solver.jsonl"
PERFORMANCE = PAGE.with_name("performance-solver.md")
CONVENTIONS = ("exact", "zigzag")
MAPPERS = ("loma6", "loma7", "loma8", "salsa0", "salsa1")
OUR_MAPPERS = tuple(f"our-{name}" for name in MAPPERS)
SOME_EVERY = 45
"""Of the cases so many are one that is taken where it has to be quick."""
SOME_MAPPERS = ("loma6", "salsa0")
MAPPER_SECONDS = 600
"""Limit of a mapper."""
BUSY = 20
"""Seconds on the clock for each of the processor's that are allowed where others use the machine, too."""

Record = dict[str, Any]
Job = tuple[Case, tuple[str, ...], float]
"""A case, what is measured in one process, and a time limit."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    group = parser.add_argument_group("solver")
    group.add_argument("--only", metavar="MACHINE/LAYER", help="cases whose name contains this")
    group.add_argument("--every", type=int, metavar="N", help="every N-th case only")
    group.add_argument(
        "--conventions", choices=CONVENTIONS, action="append", help="one convention only (else both)"
    )
    group.add_argument(
        "--engine", choices=ENGINES, default="auto", help="the search that is used (auto; others: no mappers)"
    )
    group.add_argument(
        "--zigzag-every",
        type=int,
        metavar="N",
        help=f"ZigZag's conventions and mappers on every N-th case only (if no suite is named, {SOME_EVERY})",
    )
    group.add_argument("--no-zigzag", action="store_true", help="leave ZigZag's mappers out")
    group.add_argument(
        "--mappers",
        nargs="+",
        choices=(*MAPPERS, *OUR_MAPPERS),
        help="which mappers to run (else all of ZigZag's); our-... are our own under ZigZag's conventions",
    )
    group.add_argument("--no-solver", action="store_true", help="run the mappers only")
    group.add_argument("--time-limit", type=float, help=f"seconds per search (else {SECONDS})")
    group.add_argument(
        "--busy", action="store_true", help="limits count processor time: where others use the machine, too"
    )
    group.add_argument("--jobs", type=int, default=1, metavar="N", help="measurements side by side")
    group.add_argument("--resume", action="store_true", help="keep what was measured before")
    group.add_argument("--records", type=Path, metavar="FILE", help="where to keep the measurements")


def run(*, quick: bool, console: Console, options: argparse.Namespace) -> Record:
    """Measure, print the tables and return their figures; those of the whole suite go into the documentation, too.

    Where no suite is named, all cases are searched under the exact conventions, some under ZigZag's and by its mappers.
    """
    whole = bool(options.suites) and not quick
    stem = "solver" if options.engine == "auto" else f"solver_{options.engine}"
    records = options.records or RECORDS.with_stem(stem if whole else f"{stem}_some")
    records.parent.mkdir(parents=True, exist_ok=True)
    if not options.resume:
        records.unlink(missing_ok=True)
    done = {(record["case"], record["what"]): record for record in _read(records)}
    jobs = []
    for case, whats, limit in _jobs(options, quick=quick):
        if left := tuple(what for what in whats if (case.name, what) not in done):
            jobs.append((case, left, limit))
    with ThreadPoolExecutor(options.jobs) as pool, records.open("a") as file:
        searched = partial(_measure, busy=options.busy)
        for number, found in enumerate(pool.map(searched, jobs), 1):
            for record in found:
                file.write(json.dumps(record) + "\n")
                console.print(f"{number}/{len(jobs)} {_line(record)}", highlight=False, soft_wrap=True)
            file.flush()
    figures, text = report(list(_read(records)), console)
    if whole and not (options.records or options.only or options.every or options.zigzag_every):
        replace_part("suite" if options.engine == "auto" else f"suite {options.engine}", text, PERFORMANCE)
        console.print(f"written to docs/{PERFORMANCE.name}")
    return figures


def _jobs(options: argparse.Namespace, *, quick: bool) -> Iterator[Job]:
    cases = all_cases()
    if options.only:
        cases = tuple(case for case in cases if options.only in case.name)
    every = options.every or (SOME_EVERY if quick else 1)
    if every > 1:
        cases = tuple(case for case in cases[::every] if not case.name.endswith(FOUR_KEYS))
    named = bool(options.suites)
    rare = {case.name for case in cases[:: options.zigzag_every or (1 if named or quick else SOME_EVERY)]}
    mappers = tuple(options.mappers or (SOME_MAPPERS[:1] if quick else MAPPERS if named else SOME_MAPPERS))
    ours = tuple(name for name in mappers if name in OUR_MAPPERS)
    theirs = tuple(name for name in mappers if name not in OUR_MAPPERS)
    if options.engine != "auto":
        ours = theirs = ()
    if options.no_zigzag or find_spec("zigzag") is None or find_spec("six") is None:
        theirs = ()
    for case in cases:
        limit = options.time_limit or (EXTREME_SECONDS if case.name.endswith(FOUR_KEYS) else SECONDS)
        for conventions in () if options.no_solver else options.conventions or CONVENTIONS:
            if conventions == "exact" or case.name in rare:
                what = conventions if options.engine == "auto" else f"{conventions}:{options.engine}"
                yield case, (what,), limit
        if case.name not in rare:
            continue
        for mapper in theirs:
            yield case, (mapper,), MAPPER_SECONDS
        if ours:
            yield case, ours, MAPPER_SECONDS


def _measure(job: Job, *, busy: bool) -> list[Record]:
    """Measure in a process."""
    case, whats, limit = job
    records: list[Record] = [{"case": case.name, "what": what, "machine": case.machine} for what in whats]
    if whats[0].partition(":")[0] in CONVENTIONS:
        limits = (BUSY * limit, limit) if busy else (limit, math.inf)
        return [records[0] | _copied(case.name, whats[0], *limits)]
    return _alone(case, whats, limit, records)


def _copied(name: str, what: str, time_limit: float, processor_limit: float) -> Record:
    """Search in a copy of a process that has imported everything."""
    from benchmarks.solver_warm import send  # noqa: PLC0415 - reads all cases

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.solver_warm"])
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=send, args=(theirs, name, what, time_limit, processor_limit))
    child.start()
    theirs.close()
    try:
        if not ours.poll(time_limit + 240):
            return {"status": "timeout"}
        found: Record = ours.recv()
        return found
    except EOFError:
        child.join()
        return {"status": "crash", "error": f"exit code {child.exitcode}"}
    finally:
        child.kill()
        child.join()


def _alone(case: Case, whats: tuple[str, ...], limit: float, records: list[Record]) -> list[Record]:
    """Run mappers in a process that has imported nothing else; it writes a line for each measurement."""
    command = [sys.executable, "-m", "benchmarks.solver_child", case.name, ",".join(whats), str(limit)]
    try:
        child = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=limit + 240, check=False
        )
    except subprocess.TimeoutExpired:
        return [record | {"status": "timeout"} for record in records]
    if child.returncode:
        lines = child.stderr.strip().splitlines() or [f"exit code {child.returncode}"]
        return [record | {"status": "crash", "error": lines[-1][:200]} for record in records]
    found = child.stdout.splitlines()[-len(records) :]
    return [record | json.loads(line) for record, line in zip(records, found, strict=True)]


def _read(path: Path) -> Iterator[Record]:
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)


def _line(record: Record) -> str:
    parts = [f"{record['case']:55} {record['what']:10} {record['status']:9}"]
    if "wall_s" in record:
        parts.append(f"{record['wall_s']:7.2f} s  cpu {record['cpu_s']:7.2f} s  {record['peak_mb']:5} MB")
    if record.get("gap") is not None:
        parts.append(f"gap {record['gap']:.1e}")
    if record.get("edp") is not None:
        parts.append(f"EDP {record['edp']:.6g}")
    if "error" in record:
        parts.append(record["error"])
    return "  ".join(parts)
