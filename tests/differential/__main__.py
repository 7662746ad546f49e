"""Compare random cases with zigzag-dse: ``python -m tests.differential [ROUNDS [FIRST]]``.

A round is a case of every kind of layer on every bundled machine and on a few random ones, some 180 cases.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.differential.cases import draw_round
from tests.differential.tally import Tally


def main(rounds: int = 1, first: int = 0) -> int:
    """Compare some rounds, print the counts, and return 1 where anything differs."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + rounds):
            for case in draw_round(seed, Path(folder)):
                tally.compare(case)
        sys.stdout.write(f"{tally}\n{tally.report()}\n")
    return 1 if tally.different else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
