"""``zzcp convert``: a network of another format in ZigZag's workload format."""

from __future__ import annotations

from pathlib import Path

import zzcp
from zzcp.cli.output import STDOUT, check_writable, open_output, write_text
from zzcp.cli.reading import Reading
from zzcp.errors import InputError, Place
from zzcp.io import network_to_yaml
from zzcp.records.plain import workload_data
from zzcp.report.style import plural
from zzcp.report.workload import amount_of_macs

ONNX = ".onnx"


def run(source: str, target: str, reading: Reading, json_path: str | None, quiet: bool) -> None:
    """Write what was read of a network, so that it can be edited.

    Parameters
    ----------
    source : str
        The network.
    target : str
        File for the workload in YAML; `STDOUT` for standard output.
    reading : Reading
        How the network is read.
    json_path, quiet
        See `zzcp.cli.output.Output`.

    Raises
    ------
    InputError
        If the file is of another format, or no layer can be read from it.
    """
    if Path(source).suffix.lower() != ONNX:
        raise InputError(
            "cannot be converted",
            place=Place(source),
            expected="an ONNX file (.onnx)",
            found=Path(source).name,
        )
    if target == json_path == STDOUT:
        raise InputError("only one of --output and --json can go to standard output")
    with open_output(json_path, quiet) as output:
        if target != STDOUT:
            check_writable(target, "--output")
        network = reading.load(source)
        try:
            text = network_to_yaml(network, comments=True)
        except InputError as error:
            raise error.at(file=source) from None
        write_text(target, text, "--output")
        left = [amount_of_macs(node.macs) if node.macs else "unknown" for node in network.unmapped]
        if left:
            output.note(
                f"{plural(len(left), 'node')} with work that is left out ({', '.join(left[:5])} MACs)"
            )
        output.finish(
            {"zzcp_version": zzcp.__version__, "files": [{"file": source, **workload_data(network)}]}
        )
