"""ZigZag's own LOMA and SALSA in a process of their own: ``python -m zzcp.mappers.zigzag_worker``.

Reads one JSON object from standard input (`zzcp.mappers.zigzag.ZigZagLoma` writes it) and writes one a line: ``ready``
after the imports, ``best`` with every improvement, ``tried`` now and then, at last ``done`` or ``error``. Needs
zigzag-dse 3.9.1; its classes are used as they are, but for a count of the orders tried.
"""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import numpy as np

# imported by name: their attributes are replaced, and their types are of no help
loma: Any = import_module("zigzag.opt.loma.engine")
salsa: Any = import_module("zigzag.opt.salsa.engine")
salsa_state: Any = import_module("zigzag.opt.salsa.state")
allocator: Any = import_module("zigzag.opt.loma.memory_allocator")
cost_model: Any = import_module("zigzag.cost_model.cost_model")
cost_model_imc: Any = import_module("zigzag.cost_model.cost_model_imc")
imc_array: Any = import_module("zigzag.hardware.architecture.imc_array")
temporal_mapping: Any = import_module("zigzag.mapping.temporal_mapping")
workload_factory: Any = import_module("zigzag.parser.workload_factory")
evaluation_stage: Any = import_module("zigzag.stages.evaluation.cost_model_evaluation")
conversion_stage: Any = import_module("zigzag.stages.mapping.spatial_mapping_conversion")
parser_stage: Any = import_module("zigzag.stages.parser.accelerator_parser")

_REPORT_EVERY = 0.2
"""Seconds between two counts."""

_OBJECTIVES: dict[str, Callable[[Any], float]] = {
    "edp": lambda cost: cost.energy_total * cost.latency_total2,
    "energy": lambda cost: cost.energy_total,
    "latency": lambda cost: cost.latency_total2,
    "ed2": lambda cost: cost.energy_total * cost.latency_total2**2,
}


class _SpentError(Exception):
    """The budget of evaluations is used up."""


class Reporter:
    """Counts the orders tried and writes lines."""

    def __init__(self, out: TextIO, most: int | None) -> None:
        self.out, self.most = out, most
        self.tried = 0
        self.least: float | None = None
        self.started = self._last = time.monotonic()

    def write(self, **entries: Any) -> None:
        """Write one line."""
        self.out.write(json.dumps(entries) + "\n")
        self.out.flush()

    def start(self) -> None:
        """Start the clock."""
        self.write(ready=True)
        self.started = self._last = time.monotonic()

    def count(self) -> None:
        """Count an order; stop where no more are allowed."""
        if self.most is not None and self.tried >= self.most:
            raise _SpentError
        self.tried += 1
        now = time.monotonic()
        if now - self._last > _REPORT_EVERY:
            self._last = now
            self.write(tried=self.tried, seconds=now - self.started)

    def offer(self, value: float, mapping: Any) -> None:
        """Report a mapping if it is better than all before."""
        if self.least is None or value < self.least:
            self.least = value
            loops = {
                operand.name: [[[dim.name, int(size)] for dim, size in level] for level in levels]
                for operand, levels in mapping.mapping_dic_origin.items()
            }
            self.write(best=loops, tried=self.tried, seconds=time.monotonic() - self.started)


def zigzag_setting(task: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return ZigZag's accelerator, layer and unrolling."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "accelerator.yaml"
        path.write_text(task["accelerator"], encoding="utf-8")
        machine = parser_stage.AcceleratorParserStage.parse_accelerator(str(path))
    entry = {
        "name": "default",
        "memory_operand_links": task["links"],
        "spatial_mapping": {
            dimension: [f"{dim}, {factor}" for dim, factor in factors.items()]
            for dimension, factors in task["spatial"].items()
        },
    }
    node = workload_factory.LayerNodeFactory(task["layer"], [entry]).create()
    node.spatial_mapping.initialize_oa_dims(machine.operational_array.dimension_sizes)
    stage = conversion_stage.SpatialMappingConversionStage(
        [evaluation_stage.CostModelStage], accelerator=machine, layer=node
    )
    unrolled, _ = stage.convert_user_spatial_mapping(node.spatial_mapping)
    return machine, node, unrolled


@contextmanager
def _counted(
    count: Callable[[], None], report: Callable[[Any], None], *modules: Any, name: str
) -> Iterator[None]:
    """While active, what the modules make under a name is counted before and reported after."""
    make = getattr(modules[0], name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        count()
        made = make(*args, **kwargs)
        report(made)
        return made

    try:
        for module in modules:
            setattr(module, name, counted)
        yield
    finally:
        for module in modules:
            setattr(module, name, make)


def run_loma(
    machine: Any, node: Any, unrolled: Any, lpf_limit: int | None, objective: str, reporter: Reporter
) -> None:
    """Score every order, as ZigZag's stages do, and report the best."""
    in_memory = isinstance(machine.operational_array, imc_array.ImcArray)
    evaluate = cost_model_imc.CostModelEvaluationForIMC if in_memory else cost_model.CostModelEvaluation
    search = loma.LomaEngine(
        accelerator=machine,
        layer=node,
        spatial_mapping=unrolled,
        mapping_type=temporal_mapping.TemporalMappingType.UNEVEN,
        loma_lpf_limit=lpf_limit,
    )
    with _counted(reporter.count, lambda _: None, loma, name="MemoryAllocator"):
        for mapping in search.run():
            cost = evaluate(
                accelerator=machine,
                layer=node,
                spatial_mapping=unrolled,
                spatial_mapping_int=unrolled,
                temporal_mapping=mapping,
            )
            reporter.offer(_OBJECTIVES[objective](cost), mapping)


class _NoQueue:
    """Stands in for the queue in which SALSA puts its result, which has been reported before."""

    def put(self, cost: Any) -> None:
        """Take the result."""


def run_salsa(
    machine: Any, node: Any, unrolled: Any, options: dict[str, Any], objective: str, reporter: Reporter
) -> None:
    """Anneal, and report the best."""
    search = salsa.SalsaEngine(
        accelerator=machine,
        layer=node,
        spatial_mapping=unrolled,
        mapping_type=temporal_mapping.TemporalMappingType.UNEVEN,
        salsa_iteration_number=options["iterations"],
        salsa_start_temperature=options["temperature"],
        salsa_opt_criterion="latency" if objective == "latency" else "energy",
    )

    def report(state: Any) -> None:
        reporter.offer(state.opt_criterion, state.temporal_mapping)

    with _counted(reporter.count, report, salsa, salsa_state, name="SalsaState"):
        search.run(_NoQueue())


def main() -> None:
    """Run the search that standard input describes."""
    # ZigZag prints and logs as it likes: only our lines may reach the reader
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    logging.getLogger("zigzag").setLevel(logging.CRITICAL + 1)
    task = json.load(sys.stdin)
    reporter = Reporter(out, task["evaluations"])
    random.seed(task["seed"])
    np.random.seed(task["seed"] % 2**32)
    try:
        setting = zigzag_setting(task)
        reporter.start()
        if task["engine"] == "loma":
            run_loma(*setting, task["options"]["lpf_limit"], task["objective"], reporter)
        else:
            run_salsa(*setting, task["options"], task["objective"], reporter)
    except (
        _SpentError,
        allocator.MemoryTooSmallException,
        allocator.MemoryHierarchyTooSmallException,
        loma.NoValidLoopOrderingFoundException,
    ):
        pass  # SALSA ends at the first order that does not fit; what it has found until then stands
    except Exception as error:  # noqa: BLE001 - handed to the reader
        reporter.write(error=f"{type(error).__name__}: {error}"[:300])
        return
    reporter.write(done=True, tried=reporter.tried, seconds=time.monotonic() - reporter.started)


if __name__ == "__main__":
    main()
