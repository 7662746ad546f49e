"""``zzcp show``: what files hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

import zzcp
from zzcp.cli.output import STDOUT, Output, write_text
from zzcp.cli.reading import Reading
from zzcp.errors import InputError, Place, placed_at
from zzcp.hardware import Accelerator
from zzcp.io import (
    FullMappings,
    MappingFile,
    load_accelerator,
    load_document,
    load_mapping_source,
)
from zzcp.io.kinds import Kind, kind_of
from zzcp.io.mapping import MAX_RESULT_VALUES
from zzcp.io.skeleton import mapping_skeleton
from zzcp.mapping import Mapping
from zzcp.records.plain import accelerator_data, full_mapping_data, mapping_file_data, workload_data
from zzcp.report.accelerator import accelerator_report
from zzcp.report.mapping import full_mapping_report, mapping_file_report
from zzcp.report.workload import summary_report, workload_report
from zzcp.workload import Network

Content = Accelerator | Network | MappingFile | dict[str | None, Mapping]


def run(
    files: Sequence[str],
    reading: Reading,
    summary: bool,
    skeleton: bool,
    output: Output,
) -> None:
    """Print what files hold.

    Parameters
    ----------
    files : sequence of str
        Their paths.
    reading : Reading
        How workloads are read.
    summary : bool
        Show of workloads only how much of their work is read.
    skeleton : bool
        Print for accelerators a mapping file to begin with.
    output : Output
        Takes what is shown.
    """
    contents: list[Content] = []
    for file in files:
        with output.progress(f"reading {file}"):
            contents.append(_read(file, reading))
    if skeleton:
        _show_skeletons(files, contents, output)
        return
    machines = [content for content in contents if isinstance(content, Accelerator)]
    for content in contents:
        output.show(_report(content, machines[0] if len(machines) == 1 else None, summary=summary))
    entries = [{"file": file, **_data(content)} for file, content in zip(files, contents, strict=True)]
    output.finish({"zzcp_version": zzcp.__version__, "files": entries})


def _show_skeletons(files: Sequence[str], contents: Sequence[Content], output: Output) -> None:
    """Print mapping files to begin with, as they are: they are to be written to files."""
    texts = []
    for file, content in zip(files, contents, strict=True):
        if not isinstance(content, Accelerator):
            raise InputError(
                "no mapping file can be made of it", place=Place(file), expected="an accelerator (memories)"
            )
        texts.append(mapping_skeleton(content))
    if output.json_path != STDOUT:
        write_text(STDOUT, "\n".join(texts))
    entries = [{"file": file, "mapping_skeleton": text} for file, text in zip(files, texts, strict=True)]
    output.finish({"zzcp_version": zzcp.__version__, "files": entries})


def _read(file: str, reading: Reading) -> Content:
    """Read a file according to what it holds."""
    if Path(file).suffix.lower() == ".onnx":
        return reading.load(file)
    # only its kind counts here; the reader of that kind is stricter
    document = load_document(file, tolerate=lambda *_: True, max_values=MAX_RESULT_VALUES)
    match kind_of(document):
        case Kind.HARDWARE:
            return load_accelerator(file)
        case Kind.WORKLOAD:
            return reading.load(file)
        case Kind.MAPPING | Kind.FULL_MAPPING | Kind.RESULT:
            source = load_mapping_source(file)
            return _mappings(source) if isinstance(source, FullMappings) else source
    raise InputError(
        "unknown kind of file",
        place=Place(file),
        expected="an accelerator (memories), a workload (layers with an equation), a mapping or a result",
        found=document.root.describe(),
    )


def _mappings(source: FullMappings) -> dict[str | None, Mapping]:
    with placed_at(source.file):
        return {name: Mapping.from_dict(data) for name, data in source.by_layer.items()}


def _report(content: Content, machine: Accelerator | None, *, summary: bool) -> RenderableType:
    match content:
        case Accelerator():
            return accelerator_report(content)
        case Network():
            return summary_report(content) if summary else workload_report(content)
        case MappingFile():
            return mapping_file_report(content)
    return full_mapping_report(content, machine)


def _data(content: Content) -> dict[str, Any]:
    match content:
        case Accelerator():
            return accelerator_data(content)
        case Network():
            return workload_data(content)
        case MappingFile():
            return mapping_file_data(content)
    return full_mapping_data(content)
