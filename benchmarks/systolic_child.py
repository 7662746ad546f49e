"""Cycles of SCALE-Sim 3.0.0 for the cases of `benchmarks.systolic`: run by a Python that has it, and nothing of zzcp.

Reads a list of cases as JSON from standard input and writes the compute cycles of each, as its report has them, and the
version. Needs ``pip install scalesim==3.0.0 numpy==1.26.4``.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
import tempfile
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

CONFIG = """[general]
run_name = run
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
[architecture_presets]
ArrayHeight = {rows}
ArrayWidth = {columns}
IfmapSramSzkB = 1024
FilterSramSzkB = 1024
OfmapSramSzkB = 1024
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = {dataflow}
MemoryBanks = 1
ReadRequestBuffer = 512
WriteRequestBuffer = 512
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
SparseRep = ellpack_block
OptimizedMapping = false
BlockSize = 8
RandomNumberGeneratorSeed = 40
"""
GEMM = "Layer, M, N, K,\nlayer, {m}, {n}, {k},\n"
CONV = (
    "Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
    "layer, {height}, {width}, {fy}, {fx}, {c}, {k}, {stride},\n"
)


def cycles_of(case: dict[str, Any]) -> int:
    """Return the total cycles of a layer in the compute report, without prefetching."""
    scalesim = import_module("scalesim.scale_sim").scalesim

    sizes = case["sizes"]
    is_gemm = "m" in sizes
    Path("machine.cfg").write_text(CONFIG.format(**case))
    Path("layer.csv").write_text((GEMM if is_gemm else CONV).format(**sizes))
    Path("layout.csv").write_text("Layer,\n")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        simulation = scalesim(
            save_disk_space=True,
            verbose=False,
            config="machine.cfg",
            topology="layer.csv",
            layout="layout.csv",
            input_type_gemm=is_gemm,
        )
        simulation.run_scale(top_path="out")
    report = Path("out/run/COMPUTE_REPORT.csv").read_text()
    names, values = list(csv.reader(report.splitlines()))[:2]
    found = {name.strip(): value.strip() for name, value in zip(names, values)}  # noqa: B905 (a trailing comma)
    assert found["Stall Cycles"] == "0"
    return int(found["Total Cycles"])


def main() -> None:
    """Run all cases."""
    cases = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        found = [cycles_of(case) for case in cases]
    json.dump({"scalesim": version("scalesim"), "cycles": found}, sys.stdout)


if __name__ == "__main__":
    main()
