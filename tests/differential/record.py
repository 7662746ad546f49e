"""Record figures of zigzag-dse for the tests that run without it: ``python -m tests.differential.record``.

Writes the machines that it bundles, and random cases, into `tests.differential.records.FOLDER`. The searches there
were recorded once with ZigZag's own mappers and are not repeated.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.differential.cases import bundled_machines, draw_round
from tests.differential.records import CASES, MACHINES, write_lines
from tests.differential.tally import Tally
from zzcp.io import accelerator_to_yaml, layer_to_dict

ROUNDS = 3


def lines(tally: Tally) -> Iterator[dict[str, Any]]:
    """Yield the lines of the file of random cases, comparing them on the way."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            known = {machine.name for machine in bundled_machines()}
            for case in draw_round(f"recorded{number}", Path(folder)):
                figures = tally.compare(case)
                if figures is None:
                    continue
                machine = case.machine
                if machine.name not in known:
                    known.add(machine.name)
                    yield {"machine": machine.name, "hardware": machine.path.read_text()}
                yield {
                    "machine": machine.name,
                    "kind": case.kind,
                    "layer": layer_to_dict(case.layer),
                    "mapping": case.mapping.to_dict(),
                    "figures": figures,
                }


def main() -> int:
    """Write the files; return 1 where our figures differ from those recorded."""
    MACHINES.mkdir(parents=True, exist_ok=True)
    for machine in bundled_machines():
        (MACHINES / f"{machine.name}.yaml").write_text(accelerator_to_yaml(machine.accelerator))
    tally = Tally()
    write_lines(CASES, lines(tally))
    sys.stdout.write(f"{tally}\n{tally.report()}\n")
    return 1 if tally.different else 0


if __name__ == "__main__":
    sys.exit(main())
