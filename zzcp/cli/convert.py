"""``zzcp convert``: networks and machines of other tools in ZigZag's formats, and mappings in those of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zzcp
from zzcp.cli.output import STDOUT, Output, check_writable, write_text
from zzcp.cli.reading import Reading
from zzcp.conversion import convert, export
from zzcp.conversion.convert import Take
from zzcp.conversion.export import Tool
from zzcp.errors import InputError, Place, placed_at
from zzcp.hardware import Accelerator
from zzcp.io import network_to_yaml
from zzcp.io.result import load_results
from zzcp.records.plain import accelerator_data, workload_data
from zzcp.report.style import plural
from zzcp.report.workload import amount_of_macs

ONNX = ".onnx"


def run(
    sources: Sequence[str],
    target: str,
    to: Tool | None,
    take: Take | None,
    operands: dict[str, str],
    settings: dict[str, str],
    layers: Sequence[str],
    reading: Reading,
    output: Output,
) -> None:
    """Write what was read, so that it can be used or edited.

    Parameters
    ----------
    sources : sequence of str
        A network in ONNX, files of another tool that belong together, or a result of ``zzcp solve``.
    target : str
        File for what it becomes in YAML; `STDOUT` for standard output.
    to : {"timeloop", "accelforge"}, optional
        The tool whose file a mapping of a result becomes.
    take : {"machine", "network"}, optional
        What of the files is wanted.
    operands : dict of str to str
        Memory operands of tensors.
    settings : dict of str to str
        Values of the variables of a template.
    layers : sequence of str
        The layer of the result.
    reading : Reading
        How the network is read.
    output : Output
        Takes what is shown.

    Raises
    ------
    InputError
        If the files are of no known format, or nothing can be read from them.
    """
    if target == output.json_path == STDOUT:
        raise InputError("only one of --output and --json can go to standard output")
    if layers and to is None:
        raise InputError("--layer is for a result, with --to")
    if target != STDOUT:
        check_writable(target, "--output", sources)
    if to is not None:
        text, files = _exported(sources, to, layers)
    elif any(Path(source).suffix.lower() == ONNX for source in sources):
        text, files = _onnx(sources, reading, output)
    else:
        text, files = _foreign(sources, take, operands, settings, reading, output)
    write_text(target, text, "--output")
    output.finish({"zzcp_version": zzcp.__version__, "files": files})


def _onnx(sources: Sequence[str], reading: Reading, output: Output) -> tuple[str, list[dict[str, Any]]]:
    """Return a network as a workload file."""
    if len(sources) > 1:
        raise InputError(
            "several files, one of them ONNX", expected="one network at a time", found=", ".join(sources)
        )
    (source,) = sources
    network = reading.load(source)
    with placed_at(source):
        text = network_to_yaml(network, comments=True)
    left = [amount_of_macs(node.macs) if node.macs else "unknown" for node in network.unmapped]
    if left:
        output.note(f"{plural(len(left), 'node')} with work that is left out ({', '.join(left[:5])} MACs)")
    return text, [{"file": source, **workload_data(network)}]


def _foreign(
    sources: Sequence[str],
    take: Take | None,
    operands: dict[str, str],
    settings: dict[str, str],
    reading: Reading,
    output: Output,
) -> tuple[str, list[dict[str, Any]]]:
    """Return a machine or a network of another tool as a hardware or workload file."""
    if reading.dimensions:
        raise InputError("sizes of open dimensions are for ONNX files", found=", ".join(reading.dimensions))
    precision = {} if reading.precision == "file" else dict(reading.precision)
    found = convert(sources, take=take, operands=operands, precision=precision, settings=settings)
    for remark in found.missing:
        output.note(f"without counterpart: {remark}")
    content = found.content
    data = accelerator_data(content) if isinstance(content, Accelerator) else workload_data(content)
    remarks = {"tool": found.tool, "assumed": list(found.assumed), "missing": list(found.missing)}
    return found.text, [{"file": ", ".join(sources), **remarks, **data}]


def _exported(sources: Sequence[str], to: Tool, names: Sequence[str]) -> tuple[str, list[dict[str, Any]]]:
    """Return the mapping of a layer of a result as a file of another tool."""
    if len(sources) > 1:
        raise InputError("several files", expected="one result of zzcp solve", found=", ".join(sources))
    (source,) = sources
    result = load_results(source)
    known = [entry for entry in result.layers if entry.mapping is not None]
    if not known:
        raise InputError("no layer has a mapping", place=Place(source))
    chosen = [
        entry for entry in known if not names or entry.layer.name in names or str(entry.layer.id) in names
    ]
    if len(chosen) != 1:
        raise InputError(
            "a file of another tool is for one layer",
            place=Place(source),
            expected="--layer with one of " + ", ".join(entry.layer.name for entry in known[:20]),
            found=", ".join(names) or f"{len(known)} layers with a mapping",
        )
    (entry,) = chosen
    assert entry.mapping is not None
    with placed_at(source, entry.layer.name):
        text = export(result.accelerator, entry.layer, entry.mapping, to)
    data = {"file": source, "tool": to, "layer": entry.layer.name, "mapping": entry.mapping.to_dict()}
    return text, [data]
