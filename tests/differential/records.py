"""Recorded figures of zigzag-dse: where they lie and how they are read. Needs no zigzag-dse."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from zzcp import load_accelerator
from zzcp.hardware import Accelerator
from zzcp.io import parse_document, read_accelerator
from zzcp.io.workload import read_workload
from zzcp.workload import Layer

FOLDER = Path(__file__).resolve().parent.parent / "data" / "zigzag"
MACHINES = FOLDER / "machines"
"""The machines that zigzag-dse bundles, as our writer writes them."""
CASES = FOLDER / "random_cases.jsonl.gz"
"""Random mappings and ZigZag's figures for them: a line each; before its first case a random machine's own line."""
SEARCHES = FOLDER / "searches.jsonl.gz"
"""Results of ZigZag's own searches and its figures for them, a line each."""
LAYERS = FOLDER / "layers.yaml"
"""The layers of these searches by name."""


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a compressed file that has one a line."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Write objects as a compressed file with one a line; the same objects give the same bytes."""
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


@cache
def bundled_machine(name: str) -> Accelerator:
    """Return our copy of a machine that zigzag-dse bundles."""
    return load_accelerator(MACHINES / f"{name}.yaml")


def machine_of(text: str) -> Accelerator:
    """Return a machine from the text of its file."""
    return read_accelerator(parse_document(text))


def layer_of(data: dict[str, Any]) -> Layer:
    """Return a layer from an entry of ZigZag's workload YAML."""
    return read_workload(parse_document(yaml.safe_dump([data]))).layers[0]


def search_layers() -> dict[str, Layer]:
    """Return the layers of the recorded searches by name."""
    entries: dict[str, dict[str, Any]] = yaml.safe_load(LAYERS.read_text())
    return {name: layer_of(entry) for name, entry in entries.items()}
