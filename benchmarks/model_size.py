"""The size of the CP-SAT model on real layers: the table of docs/formulation.md."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from benchmarks.cases import own_machines
from benchmarks.pages import PAGE, replace_part, table
from benchmarks.solver_cases import FOUR_KEYS, MODELS, Case, case_named
from zzcp import EXACT, load_mapping, load_workload
from zzcp.cost.evaluator import Evaluator
from zzcp.mapping import SpatialMapping
from zzcp.solver.cpsat.model import build_model
from zzcp.solver.lattice.keys import keys_of
from zzcp.solver.lattice.tables import boundary_tables

FORMULATION = PAGE.with_name("formulation.md")
SEED = "seed_eyeriss_1_2_4"
CASES = (
    "eyeriss_like/resnet18.layer1.0.conv1",
    "tpu_like/resnet18.layer1.0.conv1",
    "eyeriss_like/mobilenetv2.features.2.conv.1.0",
    "ascend_like/llama_7b_block_prefill.mlp.down",
    f"eyeriss_like/{FOUR_KEYS}",
)


def run(*, quick: bool, console: Console) -> dict[str, Any]:
    """Count what the models hold, print the table, and write it into the formulation."""
    cases = [seed_case(), *map(case_named, CASES[:1] if quick else CASES)]
    rows = [size(case) for case in cases]
    text = table(list(rows[0]), [[str(value) for value in row.values()] for row in rows])
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    if not quick:
        replace_part("model size", text, FORMULATION)
        console.print("written to docs/formulation.md")
    return {"models": rows}


def seed_case() -> Case:
    """Return the example that ``zzcp solve`` solves by default."""
    path, accelerator = own_machines()[SEED]
    layer = load_workload(MODELS / "workloads" / "seed_workload.yaml").layer("conv")
    stated = load_mapping(MODELS / "mappings" / "seed_mapping.yaml").for_layer(layer).spatial_mapping
    spatial = SpatialMapping.from_dict(stated or {}).fitted(layer)
    return Case(f"{SEED}/seed_workload.conv", SEED, path, accelerator, layer, spatial)


def size(case: Case) -> dict[str, str | int]:
    """Return what the model of a case holds, without windows and tails and with all of them."""
    model = Evaluator(case.accelerator, case.layer, case.spatial, EXACT).model
    keys = keys_of(model.setting.temporal_sizes)
    tables = boundary_tables(model, keys)
    everything = [
        (index, link)
        for index, operand in enumerate(model.setting.operands)
        for link in range(1, operand.depth + 1)
    ]
    plain, whole = (build_model(model, 1, tables, windowed).model.Proto() for windowed in ((), everything))
    return {
        "layer": case.name.partition("/")[2],
        "machine": case.machine,
        "keys": len(keys),
        "prime factors": sum(key.multiplicity for key in keys),
        "boundaries": sum(len(row) for row in tables),
        "largest table": f"{max(entries.energy.size for row in tables for entries in row):,}",
        "variables": f"{len(plain.variables):,} / {len(whole.variables):,}",
        "constraints": f"{len(plain.constraints):,} / {len(whole.constraints):,}",
    }
