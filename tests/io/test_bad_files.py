"""Bad files that are long, and what holds for all: a single message with its place, at once (see tests/corpus)."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.io import good_files
from tests.timing import best_of_three, timed
from zzcp.errors import InputError
from zzcp.io import load_accelerator, load_mapping, load_mapping_source, load_workload

Loader = Callable[[Path], object]

GOOD: dict[str, tuple[str, Loader]] = {
    "hardware": (good_files.HARDWARE, load_accelerator),
    "in-memory": (good_files.IN_MEMORY, load_accelerator),
    "workload": (good_files.WORKLOAD, load_workload),
    "mapping": (good_files.MAPPING, load_mapping),
    "full mapping": (good_files.FULL_MAPPING, load_mapping_source),
    "result": (good_files.RESULT, load_mapping_source),
}

SECONDS = 1.0
"""Within which a bad file is refused."""


def refuse(load: Loader, path: Path) -> InputError:
    """Return the error that a bad file gives, and check that it comes quickly."""

    def refused() -> InputError:
        with pytest.raises(InputError) as caught:
            load(path)
        return caught.value

    error, seconds = best_of_three(lambda: timed(refused), SECONDS)
    assert seconds < SECONDS
    return error


@pytest.mark.parametrize("kind", GOOD)
def test_the_files_that_the_cases_start_from_are_good(kind: str, tmp_path: Path) -> None:
    text, load = GOOD[kind]
    (tmp_path / "good.yaml").write_text(text)
    assert load(tmp_path / "good.yaml")


def bomb() -> str:
    """Return ten levels of lists, each ten times the one before: 10^10 values in a kilobyte."""
    names = "abcdefghij"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for inner, outer in itertools.pairwise(names):
        lines.append(f"{outer}: &{outer} [{', '.join([f'*{inner}'] * 10)}]")
    return "\n".join(lines)


def machine(memories: int) -> str:
    """Return a hardware file with many good memories."""
    text = good_files.HARDWARE
    first, last = text.index("  rf:"), text.index("  dram:")
    one = text[first:last]
    return text[:first] + "".join(one.replace("rf", f"m{i}") for i in range(memories)) + text[last:]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (machine(100), ":1411: memories: too many entries: expected at most 64 entries, found more"),
        (
            "memories:\n" + "".join(f"  m{i}: {{size: 1}}\n" for i in range(10**5)),
            ":66: memories: too many entries: expected at most 64 entries, found more",
        ),
        (bomb(), "too large when its aliases are expanded: expected at most 20000 values"),
        ("x: [" + "1," * 10**6 + "]", ": x: the document is too large: expected at most 20000 values"),
        ("[" * 10**5, ": nested too deeply: expected at most 32 levels of nesting"),
        ("- " * 10**5, ": nested too deeply: expected at most 32 levels of nesting"),
        ("? " * 10**5, ": wrong key: expected a name, found a list, mapping or alias"),
        ("{" * 10**5, ": wrong key: expected a name, found a list, mapping or alias"),
        ("a: " * 10**5, ":1: malformed YAML: "),
        ("x" * 2**24 + "x", ": the file is too large: expected at most 16 MiB"),
        (
            "size: 1" + "0" * 10**5,
            "expected a number of at most 60 characters, found 10000000000000000000...",
        ),
        ("name: " + "x" * 10**6, ":1: name: wrong value: expected a name, found 'xxx"),
        ("x" * 1000 + ": 1", ":1: 'xxx"),
    ],
)
def test_absurd_sizes_are_refused_quickly(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    error = refuse(load_accelerator, path)
    assert message in str(error)
    assert len(str(error)) < 1000


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(bomb())
    tracemalloc.start()
    refuse(load_accelerator, path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 2**20


def test_a_loop_of_a_trillion_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(good_files.WORKLOAD.replace("[4, 8, 16]", f"[4, 8, {10**12}]"))
    assert "loop_sizes[2]" in str(refuse(load_workload, path))


def test_many_loops_are_refused(tmp_path: Path) -> None:
    layer: dict[str, Any] = yaml.safe_load(good_files.WORKLOAD)[1]
    layer["loop_dims"] = [f"D{i}" for i in range(1000)]
    layer["loop_sizes"] = [10**11] * 1000
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump([layer]))
    assert "[0].loop_dims: wrong value: expected at most 64 entries" in str(refuse(load_workload, path))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\xff\xfen\x00", ":1: not a text file: expected text in UTF-8, found the byte 0xff at position 0"),
        (
            b"name: x\nb: \xe9\n",
            ":2: not a text file: expected text in UTF-8, found the byte 0xe9 at position 11",
        ),
        (b"name: x\nb: \x00\n", ":2: malformed YAML: expected printable text, found the character '\\x00'"),
        (b"\x7fELF\x01", ":1: malformed YAML: expected printable text, found the character '\\x7f'"),
    ],
)
def test_files_that_hold_no_text(raw: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(raw)
    for _, load in GOOD.values():
        assert str(refuse(load, path)) == f"{path}{message}"


@pytest.mark.parametrize("load", [load_accelerator, load_workload, load_mapping, load_mapping_source])
def test_files_that_cannot_be_read(load: Loader, tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    assert str(refuse(load, missing)) == f"{missing}: no such file"
    assert str(refuse(load, tmp_path)) == f"{tmp_path}: cannot be read: expected a file, found a directory"
    named = "path: expected a name that a file can have, found 'a\\x00b.yaml'"
    assert str(refuse(load, Path("a\0b.yaml"))) == named


@pytest.mark.parametrize("kind", GOOD)
def test_a_file_of_another_kind_is_called_by_its_name(kind: str, tmp_path: Path) -> None:
    """Files in the place of others, such as a workload given as the accelerator."""
    names = {"full mapping": "a full mapping", "result": "a result of zzcp", "in-memory": "a hardware file"}
    expected = names.get(kind, f"a {kind} file")
    path = tmp_path / "file.yaml"
    path.write_text(GOOD[kind][0])
    for other, (_, load) in GOOD.items():
        if load in (load_accelerator, load_workload, load_mapping) and load is not GOOD[kind][1]:
            assert f"found {expected}" in str(refuse(load, path)), other


def test_places_come_with_the_error(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(good_files.HARDWARE.replace("type: read\n", "type: raed\n"))
    error = refuse(load_accelerator, path)
    assert (error.place.file, error.place.line) == (str(path), 35)
    assert error.place.field == "memories.dram.ports[0].type"
    assert (error.expected, error.found) == ("one of read, write, read_write", "'raed'")
    assert error.hint == "did you mean 'read'?"


def test_the_first_of_several_errors_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    text = good_files.HARDWARE.replace("sizes: [4, 2]", "sizes: [4, x]").replace(
        "latency: 1", "latency: soon"
    )
    path.write_text(text)
    assert refuse(load_accelerator, path).place.line == 8
