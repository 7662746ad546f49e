"""Files of constraints."""

from __future__ import annotations

from pathlib import Path

import pytest

from zzcp import Constraints, InputError, load_constraints
from zzcp.io import load_accelerator, parse_document, read_constraints
from zzcp.mapping.constraints import Innermost, MaxEnergy, MaxLatency

FILE = """\
innermost: [FX, [FY, C]]  # C and FY may be mixed
tile_sizes:
  - memory: sram
    dimension: K
    max: 16
max_energy: 1e9
"""


def read(text: str) -> list[Constraints]:
    return [constraints for _, constraints in read_constraints(parse_document(text, "c.yaml")).entries]


def test_one_mapping_is_for_every_layer(tmp_path: Path) -> None:
    path = tmp_path / "constraints.yaml"
    path.write_text(FILE)
    constraints = load_constraints(path)
    assert constraints.file == str(path)
    found = constraints.for_layer("any", "Conv")
    assert found.items[0] == Innermost((("FX",), ("FY", "C")))
    assert found.items[-1] == MaxEnergy(10**9)


def test_the_key_constraints_may_stand_around_it() -> None:
    inner = "".join(f"  {line}\n" for line in FILE.splitlines())
    assert read(f"constraints:\n{inner}") == read(FILE)


def test_json_is_read() -> None:
    assert read('{"max_latency": 1000}') == [Constraints((MaxLatency(1000),))]


def test_entries_for_layers() -> None:
    text = "- {name: conv1, max_latency: 10}\n- {name: Gemm, max_latency: 20}\n- {name: default}\n"
    constraints = read_constraints(parse_document(text))
    assert constraints.for_layer("conv1", "Conv") == Constraints((MaxLatency(10),))
    assert constraints.for_layer("fc", "Gemm") == Constraints((MaxLatency(20),))
    assert not constraints.for_layer("conv2", "Conv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inermost: [K]", "c.yaml:1: inermost: unknown key"),
        (
            "innermost: [K]\nmax_latncy: 3",
            "c.yaml:2: max_latncy: unknown key: expected one of loop_order, innermost, outermost, tile_sizes, "
            "tile_elements, bypass, even_mapping, double_buffering, min_utilization, max_latency, max_energy, "
            "min_array_utilization, spatial, found 'max_latncy' (did you mean 'max_latency'?)",
        ),
        (
            FILE.replace("max: 16", "max: 16 B"),
            "c.yaml:5: tile_sizes[0].max: wrong value: expected an integer >= 1, found '16 B'",
        ),
        (
            FILE.replace("    dimension: K\n", ""),
            "c.yaml:3: tile_sizes[0]: the key 'dimension' is missing: expected dimension, found nothing",
        ),
        (
            "spatial:\n  D1: {allow: [C]}\n  D2:\n    fix: {K: 0}",
            "c.yaml:4: spatial.D2.fix.K: wrong value: expected an integer >= 1, found 0",
        ),
        ("max_latency:", "c.yaml:1: max_latency: wrong value: expected an integer >= 1, found nothing"),
        (
            "- {name: a, max_latency: 1}\n- {name: b, max_latency: 0}",
            "c.yaml:2: [1].max_latency: wrong value: expected an integer >= 1, found 0",
        ),
        (
            "constraints:\n  - name: a\n    bypass: {I: {}}",
            "c.yaml:3: constraints[0].bypass.I: wrong value: expected a list of memories, found {}",
        ),
        (
            "- {name: a, max_latency: 1}\n- {name: a, max_latency: 2}",
            "c.yaml:2: [1].name: two entries have the same name: expected one entry per name, found 'a'",
        ),
        (
            "- max_latency: 1",
            "c.yaml:1: [0].name: an entry without a name: "
            "expected the name of a layer, an operator type or 'default', found nothing",
        ),
        ("max_latency: 1\nmax_latency: 2", "c.yaml:2: max_latency: key given twice"),
        (
            "memories: {}\noperational_array: {}",
            "c.yaml:1: wrong kind of file: expected a file of constraints, found a hardware file",
        ),
        ("just text", "c.yaml:1: wrong value: expected a mapping with kinds of constraints as keys"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert str(caught.value).startswith(message)


def test_a_file_of_constraints_in_the_place_of_another_is_called_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "constraints.yaml"
    path.write_text(FILE)
    with pytest.raises(InputError, match="expected a hardware file, found a file of constraints"):
        load_accelerator(path)
