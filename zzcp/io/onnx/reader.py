"""ONNX files as networks.

Convolutions, matrix products, recurrences and attention are layers, whose id is their position in the file (where a
node makes several, its last one has it); everything else stays in the graph as a skipped node. What
``zigzag.parser.onnx`` of zigzag-dse 3.9.1 maps becomes the same layers, but for rows and columns, which ZigZag
exchanges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from zzcp.checks import file_path, repr_of
from zzcp.errors import InputError
from zzcp.io.onnx.dimensions import OpenDimensions, set_dimensions
from zzcp.io.onnx.elementwise import elementwise_maker
from zzcp.io.onnx.file import read_model
from zzcp.io.onnx.flat import read_graph
from zzcp.io.onnx.graph import OnnxGraph
from zzcp.io.onnx.inference import infer_shapes
from zzcp.io.onnx.operands import Context
from zzcp.io.onnx.operators import maker
from zzcp.io.onnx.precision import Precision, check_precision_given
from zzcp.io.onnx.reasons import reason_not_mapped
from zzcp.workload.layer import Layer
from zzcp.workload.network import Network, SkippedNode


def load_onnx(
    path: str | Path,
    *,
    dimensions: Mapping[str, int] | None = None,
    precision: Mapping[str, int] | Literal["file"] = "file",
    operators: Literal["macs", "all"] = "macs",
) -> Network:
    """Read an ONNX file.

    Weights are never read, so the files with their external data need not exist. Layers have the ids of their
    nodes; all other nodes are in `Network.skipped`, each with a reason. `Network.edges` is the data flow: what layers
    read (biases included), and the first two inputs of skipped nodes, as in ZigZag's workload graph.

    Parameters
    ----------
    path : str or Path
        A binary ONNX file.
    dimensions : mapping of str to int, optional
        Sizes for the open dimensions of the model's inputs, by symbol (``{"sequence": 128}``) or by place
        (``{"input_ids[1]": 128}``). An open first dimension that is not given is a batch of 1 if its name says so or
        says nothing.
    precision : "file" or mapping of str to int
        ``"file"``: what the types of the tensors say (see `zzcp.io.onnx.precision`). A mapping gives bits that count
        instead: ``W`` of weights, ``I`` of activations, ``O`` of partial sums, ``O_final`` of outputs.
    operators : {"macs", "all"}
        Which nodes become layers: those with multiply-accumulate work, as in ZigZag, or pooling, additions, activations
        and the like, too (see `zzcp.io.onnx.elementwise`).

    Raises
    ------
    InputError
        If the file cannot be read, is no valid model, refers to data outside its folder, or leaves sizes open
        that a layer depends on.
    """
    path = file_path(path)
    if not isinstance(operators, str) or operators not in ("macs", "all"):
        raise InputError("unknown operators", expected="macs or all", found=repr_of(operators))
    given = {} if isinstance(precision, str) and precision == "file" else check_precision_given(precision)
    try:
        model = read_model(path)
        open_dimensions = set_dimensions(model, dimensions or {})
        graph = read_graph(infer_shapes(model), open_dimensions.left, open_dimensions.values)
        context = Context(graph, Precision(graph, given))
        undecided = _undecided(graph, open_dimensions)
        context.notes.extend(undecided)
        try:
            return _network(path.stem, context, open_dimensions, everything=operators == "all")
        except InputError as error:
            error.hint = error.hint or "; ".join(undecided) or None
            raise
    except InputError as error:
        raise error.at(file=path) from error.__cause__


def _network(name: str, context: Context, open_dimensions: OpenDimensions, *, everything: bool) -> Network:
    graph = context.graph
    layers: list[Layer] = []
    skipped: list[SkippedNode] = []
    edges: dict[tuple[int, int], None] = {}
    for node in graph.nodes:
        make = maker(node) or (elementwise_maker(node, context) if everything else None)
        result = reason_not_mapped(node) if make is None else make(node, context)
        if isinstance(result, tuple):
            layers += result
            inner = [(source, layer.id) for layer in result for source in layer.sources.values()]
            read = {source for source, _ in inner}
            inner += [(source, node.id) for source in graph.predecessors(node) if source not in read]
            edges |= dict.fromkeys(inner)
        else:
            skipped.append(SkippedNode(node.id, node.name, node.operator, result.reason, result.macs))
            edges |= dict.fromkeys((source, node.id) for source in graph.predecessors(node)[:2])
    edges |= dict.fromkeys(context.edges)
    notes = [
        *_dimension_notes(open_dimensions),
        *context.notes,
        *_precision_notes(layers, context.bits),
    ]
    return Network(
        name,
        tuple(layers),
        tuple(skipped),
        tuple(edges),
        notes=tuple(dict.fromkeys(notes)),
        crosswise=tuple(context.crosswise),
    )


def _undecided(graph: OnnxGraph, found: OpenDimensions) -> list[str]:
    """Say which branches were chosen by their length, where the value of an input may decide."""
    names = [node.name for node in graph.nodes if node.note.startswith("its longer branch")]
    if not names or not found.scalars:
        return []
    options = " ".join(f"--dim {name}=VALUE" for name in found.scalars)
    return [f"{', '.join(names[:3])}: the longer branch is read; {options} may decide which"]


def _dimension_notes(found: OpenDimensions) -> list[str]:
    options = " ".join(f"--dim {name}=SIZE" for name in found.batches)
    names = ", ".join(found.batches)
    return [f"{names}: taken for a batch of 1 ({options} for another)"] if names else []


def _precision_notes(layers: list[Layer], bits: Precision) -> list[str]:
    """Say which bits were taken from the file."""
    notes = []
    if bits.untyped:
        names = ", ".join(sorted(bits.untyped)[:5])
        notes.append(f"{names}: the file does not say the types of the operands, float32 is taken")
    if layers and set(bits.given) != {"W", "I", "O", "O_final"}:
        kinds = Counter(
            ", ".join(
                f"{key} {layer.precision[key]}"
                for key in ("W", "I", "O", "O_final")
                if key in layer.precision
            )
            for layer in layers
            if layer.multiplies
        )
        listed = "; ".join(
            text if len(kinds) == 1 else f"{text} ({number:,} of {kinds.total():,} layers)"
            for text, number in kinds.most_common(3)
        )
        more = "; and others" if len(kinds) > 3 else ""
        notes.append(
            f"bits as the file's types say: {listed}{more} (--precision W=8,I=8,O=16,O_final=8 for fixed ones)"
        )
    return notes
