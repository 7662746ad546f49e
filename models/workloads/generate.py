"""Write the ONNX files of this folder: real topologies with all shapes and no weights.

Run ``python models/workloads/generate.py`` to write them all, with names to write some, and with ``--table`` to
print their operation counts instead. The files are the same bytes in every run with the same onnx package.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from generator.convolutional import alexnet, mobilenetv2, resnet18, resnet50
from generator.count import PRODUCTS, macs, parameters
from generator.transformer import bert_base, llama_7b_block_decode, llama_7b_block_prefill
from onnx import ModelProto

MODELS: dict[str, Callable[[], ModelProto]] = {
    build.__name__: build
    for build in (
        alexnet,
        resnet18,
        resnet50,
        mobilenetv2,
        bert_base,
        llama_7b_block_prefill,
        llama_7b_block_decode,
    )
}


def table(names: list[str]) -> str:
    """Return a Markdown table of layers, multiply-accumulate operations and parameters."""
    lines = ["| file | layers | MACs | parameters |", "| --- | ---: | ---: | ---: |"]
    for name in names:
        model = MODELS[name]()
        layers = sum(node.op_type in PRODUCTS for node in model.graph.node)
        lines.append(f"| `{name}.onnx` | {layers} | {macs(model):,} | {parameters(model):,} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the files, or print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(MODELS)} (default: all)")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, metavar="FOLDER")
    parser.add_argument("--table", action="store_true", help="print the operation counts and write nothing")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(MODELS))
    if unknown:
        parser.error(f"no model named {', '.join(unknown)}")
    names = arguments.names or list(MODELS)
    if arguments.table:
        sys.stdout.write(table(names))
        return
    for name in names:
        (arguments.output / f"{name}.onnx").write_bytes(MODELS[name]().SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
