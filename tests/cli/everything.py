"""One run of all that writes files, for comparisons of bytes: python -m tests.cli.everything FOLDER WHERE [SLOW].

WHERE is a number of processes or the address of a cluster; SLOW adds what takes longer.

The files are put into the folder, whose name stands in none of them. The tests start it in processes of their own.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from click.testing import CliRunner

from tests.workloads import GEMM
from zzcp.cli.main import cli

ROOT = Path(__file__).parents[2]
SIZES = ([4, 8, 6], [4, 6, 8], [4, 8, 6])
TIMES = re.compile(r'("(?:\w+_s|seconds|time|cpu|front_seconds)": )[\d.e+-]+')
"""Fields that say how long something took."""
TOY = f"{ROOT}/docs/toy.yaml"
FILES = f"-a {TOY} -w net.yaml"
ONE = f"{FILES} --layer first"
MAPPERS = "loma,salsa,random,genetic,greedy"
LONG = "--time-limit 1200"
"""A machine may be busy: what a limit ends is another result."""

PARALLEL = {
    "layers.json": f"solve {LONG} {FILES} --spatial full",
    "one_auto.json": f"solve {LONG} {ONE}",
    "full.json": f"solve {LONG} {FILES} --spatial full --objective ed2",
    "network.json": f"solve {LONG} {FILES} --spatial full --scope network --keep-on-chip --gap 1e-6",
    "sweep.json": f"sweep {LONG} {FILES} --spatial full --vary memories.buf.size=256,512 --db :memory:",
}
"""What searches side by side, by the name of the file that it writes."""
PARALLEL_SLOW = {
    "auto.json": f"solve {LONG} {FILES}",
    "imperfect.json": f"solve {LONG} {FILES} --spatial full --factors imperfect",
    "network_auto.json": f"solve {LONG} {FILES} --scope network --keep-on-chip",
}
ALONE = {
    "cp_sat.json": f"solve {LONG} {ONE} --spatial full --engine cp-sat --deterministic-limit 5 -j 1",
    "pareto.json": f"pareto {LONG} {ONE} --spatial full",
    "supported.json": f"pareto {LONG} {ONE} --supported --spatial full",
    "explain.json": "explain layers.json",
    "evaluate.json": f"evaluate {FILES} -m layers.json",
    "convert.json": f"convert {ROOT}/tests/conversion/data/array.af.yaml -o array.yaml",
}
ALONE_SLOW = {
    "even.json": f"solve {LONG} {ONE} --spatial full --constraints even.yaml -j 1",
    "verify.json": f"verify {LONG} network.json -j 1",
    "compare.json": f"compare {LONG} --evaluations 2000 {ONE} --spatial full --mappers {MAPPERS} -j 1",
    "front.json": f"pareto {LONG} --search-limit 1200 {ONE} --supported --max-dims 1",
    "verify_auto.json": f"verify {LONG} auto.json -j 1",
}
OTHERS = (
    "report layers.json network.json sweep.json pareto.json -o page.html",
    f"convert {ROOT}/models/workloads/alexnet.onnx -o alexnet.yaml",
    f"convert {ROOT}/tests/conversion/data/network.af.yaml -o network.yaml",
)
OTHERS_SLOW = (
    "plot latency layers.json -o latency.svg",
    "plot pareto pareto.json -o front.svg",
    "convert even.json --layer first --to timeloop -o timeloop.yaml",
)


def run(words: str) -> None:
    """Run a command, which must succeed."""
    done = CliRunner().invoke(cli, [*words.split(), "-q"], catch_exceptions=False)
    if done.exit_code:
        raise SystemExit(f"zzcp {words}: exit code {done.exit_code}\n{done.output}")
    for path in Path().glob("*.json"):  # at once: later files have the hashes of what they read
        path.write_text(TIMES.sub(r"\g<1>0", path.read_text()))


def main(folder: Path, where: str, slow: bool) -> None:
    """Run everything in a folder."""
    folder.mkdir(parents=True)
    os.chdir(folder)
    layers = (
        GEMM.format(id=number, name=name, sizes=sizes, source=max(0, number - 1))
        for number, (name, sizes) in enumerate(zip(("first", "second", "third"), SIZES, strict=True))
    )
    Path("net.yaml").write_text("".join(layers))
    Path("even.yaml").write_text("even_mapping: true\n")
    far = not where.isdecimal()
    for name, words in {**PARALLEL, **(PARALLEL_SLOW if slow else {})}.items():
        run(f"{words} {'--scheduler' if far else '-j'} {where} --json {name}")
    if not far:
        for name, words in {**ALONE, **(ALONE_SLOW if slow else {})}.items():
            run(f"{words} --json {name}")
        for words in (*OTHERS, *(OTHERS_SLOW if slow else ())):
            run(words)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], len(sys.argv) > 3)
