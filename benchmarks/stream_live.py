"""Map a network with Stream on one core and a DRAM; to be started with a Python that has stream-dse.

``python -P stream_live.py '{"network": "net.onnx", "core": "tpu_like"}'`` prints one line of JSON. The core and the
DRAM are Stream's own examples, joined by a bus as wide as the port of the DRAM. It imports nothing of zzcp.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

MACHINE = """
name: one_core
cores:
  0: {core}.yaml
  1: offchip.yaml
offchip_core_id: 1
unit_energy_cost: 0
core_connectivity:
  - {{type: bus, cores: [0, 1], bandwidth: 64}}
"""


def main() -> None:
    """Map the network of the argument and print its energy, cycles and seconds."""
    logging.disable(logging.CRITICAL)
    import stream  # noqa: PLC0415 - measured apart
    from stream.api import SolveOptions, evaluate_mapping  # noqa: PLC0415

    task = json.loads(sys.argv[1])
    network = str(Path(task["network"]).resolve())
    examples = Path(stream.__file__).parent / "inputs" / "examples" / "hardware"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(examples / "cores", Path(folder) / "cores")
        machine = Path(folder) / "machine.yaml"
        machine.write_text(MACHINE.format(core=task["core"]))
        os.chdir(folder)
        busy = sum(os.times()[:4])
        found = evaluate_mapping(str(machine), network, "out", options=SolveOptions(artifacts=False))
        seconds = sum(os.times()[:4]) - busy
    groups = found.context.get("group_allocations")
    energies = [groups[i]["performance"]["energy"]["total_pj"] for i in sorted(groups)]
    figures = {"energy": sum(energies), "latency": found.cycles, "groups": len(energies)}
    print(json.dumps({**figures, "cpu_s": round(seconds, 2)}))


if __name__ == "__main__":
    main()
