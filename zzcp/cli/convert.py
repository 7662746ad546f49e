"""``zzcp convert``: a network of another format in ZigZag's workload format."""

from __future__ import annotations

from pathlib import Path

from zzcp.cli.output import check_writable, open_output, write_text
from zzcp.cli.reading import Reading
from zzcp.errors import InputError, Place
from zzcp.io import network_to_yaml
from zzcp.report.style import plural
from zzcp.report.workload import amount_of_macs

ONNX = ".onnx"


def run(source: str, target: str, reading: Reading, quiet: bool) -> None:
    """Write what was read of a network, so that it can be edited.

    Parameters
    ----------
    source : str
        The network.
    target : str
        File for the workload in YAML; ``-`` for standard output.
    reading : Reading
        How the network is read.
    quiet : bool
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
    with open_output(None, quiet) as output:
        if target != "-":
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
