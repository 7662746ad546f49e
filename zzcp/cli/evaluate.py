"""``zzcp evaluate``: the exact cost of given mappings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Group

import zzcp
from zzcp.cli.machines import load_machine
from zzcp.cli.output import Output
from zzcp.cli.reading import Reading
from zzcp.cli.sources import map_layers, other_conventions, select_layers
from zzcp.cost import CONVENTIONS, CostConventions
from zzcp.errors import placed_at
from zzcp.hardware import Accelerator
from zzcp.io import load_mapping_source
from zzcp.mapping import Mapping
from zzcp.records.layers import EvaluatedLayer
from zzcp.records.plain import result_data
from zzcp.report.accelerator import costs_lines
from zzcp.report.evaluation import evaluation_report
from zzcp.report.summary import layers_report, left_out_report
from zzcp.workload import Layer, SkippedNode


def run(
    accelerator: str,
    workload: str,
    mapping: str,
    reading: Reading,
    layers: Sequence[str],
    conventions: str,
    allow_invalid: bool,
    output: Output,
) -> None:
    """Print the cost of given mappings.

    Parameters
    ----------
    accelerator, workload, mapping : str
        Paths of the files.
    reading : Reading
        How the workload is read.
    layers : sequence of str
        Names of layers; all that have a mapping where empty.
    conventions : str
        Name of the conventions.
    allow_invalid : bool
        Score invalid mappings, too.
    output : Output
        Takes what is shown.
    """
    rules = CONVENTIONS[conventions]
    machine = load_machine(accelerator, rules)
    with output.progress(f"reading {workload}"):
        network = reading.load(workload, conventions)
    chosen = select_layers(network, layers, workload)
    source = load_mapping_source(mapping)
    if other_conventions(source, rules):
        output.note(f"{mapping} was computed under other conventions; double buffers are chosen anew")
    mapped, left_out = map_layers(source, machine, network, chosen, rules, named=bool(layers))
    results = []
    for number, (layer, layer_mapping) in enumerate(mapped, 1):
        head = f"evaluating layer {number} of {len(mapped)}"
        with output.progress(head), placed_at(mapping, f"layer {layer.name}"):
            results.append(_evaluate(machine, layer, layer_mapping, rules, allow_invalid))
    _show(output, machine, results, left_out, in_full=bool(layers) or len(results) == 1)
    output.finish(result_data(zzcp.__version__, machine, conventions, results, left_out))


def _evaluate(
    machine: Accelerator, layer: Layer, mapping: Mapping, conventions: CostConventions, allow_invalid: bool
) -> EvaluatedLayer:
    evaluation = zzcp.evaluate(machine, layer, mapping, conventions, allow_invalid=allow_invalid)
    if evaluation.valid:
        # with the same loops for every operand, where one has 25 and another 5 times 5
        given = mapping
        mapping = Mapping.from_order(
            mapping.spatial,
            mapping.order,
            mapping.allocation,
            mapping.buffering,
            mapping.links,
            mapping.bypass,
            mapping.factors,
        )
        mapping = replace(mapping, resident=given.resident, reserved=given.reserved)
    return EvaluatedLayer(layer, mapping, evaluation)


def _show(
    output: Output,
    machine: Accelerator,
    results: Sequence[EvaluatedLayer],
    left_out: Sequence[SkippedNode],
    *,
    in_full: bool,
) -> None:
    if in_full:
        for layer, mapping, evaluation in results:
            output.show(evaluation_report(machine, layer, mapping, evaluation))
    if len(results) > 1:
        output.show(layers_report(results))
    if lines := costs_lines(machine):
        output.show(Group(*lines))
    if left_out:
        output.show(left_out_report(left_out))
    invalid = [result.layer.name for result in results if not result.evaluation.valid]
    if invalid:
        output.note(f"not valid, but scored all the same: {', '.join(invalid)}")
