"""What can be varied, and axes of one or several fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.machines import machine
from tests.macros import machine as macro_machine
from tests.macros import macro
from zzcp.errors import InputError
from zzcp.sweeps import parse_axis
from zzcp.sweeps.axes import make_axis
from zzcp.sweeps.fields import Subject, catalogue
from zzcp.sweeps.values import Kind, Value
from zzcp.workload import Layer

LAYER = Layer.gemm(b=4, k=6, c=8)
SUBJECT = Subject(machine(), LAYER)
KNOWN = catalogue(SUBJECT.accelerator, [LAYER])


def other(value: Value | None, kind: Kind) -> Value:
    """Return another valid value of a field."""
    if isinstance(value, bool):
        return not value
    return (value or 8) * 2


@pytest.mark.parametrize("name", KNOWN)
def test_every_field_can_be_read_and_set_and_changes_nothing_else(name: str) -> None:
    field = KNOWN[name]
    if name.endswith(".bandwidth_min"):
        new: Value = 4
    else:
        new = other(field.get(SUBJECT), field.kind)
    changed = field.put(SUBJECT, new)
    assert field.get(changed) == new
    different = {key for key, entry in KNOWN.items() if entry.get(changed) != entry.get(SUBJECT)}
    together = {name, name.removesuffix("_max"), name.removesuffix("_min"), f"{name}_min", f"{name}_max"}
    assert name in different
    assert different <= together


def test_the_fields_of_an_array_that_computes_in_memory() -> None:
    subject = Subject(macro_machine(macro(4, 4)), LAYER)
    known = catalogue(subject.accelerator, [LAYER])
    field = known["operational_array.bit_serial_precision"]
    assert field.get(field.put(subject, 1)) == 1
    assert "operational_array.adc_resolution" in known
    assert "operational_array.unit_energy" not in known


def test_a_layer_without_the_field_stays_as_it_is() -> None:
    conv = Layer.conv(b=1, k=2, c=2, oy=2, ox=2, fy=1, fx=1)
    known = catalogue(SUBJECT.accelerator, [LAYER, conv])
    field = known["workload.loop_sizes.OX"]
    assert field.get(SUBJECT) is None
    assert field.put(SUBJECT, 8) == SUBJECT


def test_one_field() -> None:
    axis = parse_axis("memories.sram.size=1KiB:4KiB:x2", KNOWN)
    assert (axis.name, axis.steps) == ("memories.sram.size", ((8192,), (16384,), (32768,)))
    assert [axis.text(step) for step in axis.steps] == ["1 KiB", "2 KiB", "4 KiB"]


def test_fields_that_change_together() -> None:
    names = "memories.w_regs.size, memories.i_regs.size"
    assert parse_axis(f"{names}=64,128", KNOWN).steps == ((64, 64), (128, 128))
    assert parse_axis(f"{names}=8B/16B,64/32B", KNOWN).steps == ((64, 128), (64, 256))
    axis = parse_axis(f"{names}=8B/16B:32B/64B:x2", KNOWN)
    assert axis.steps == ((64, 128), (128, 256), (256, 512))
    assert axis.text((64, 128)) == "8 B / 16 B"
    assert axis.text((64, 64)) == "8 B"
    assert make_axis(names, [(64, 128), 256], KNOWN).steps == ((64, 128), (256, 256))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("memories.sram.size", ["cannot read what to vary", "NAME=VALUES"]),
        ("=4", ["cannot read what to vary"]),
        ("memories.sram.size=", ["cannot read what to vary"]),
        ("memories.sram.sise=4", ["no such field", "did you mean 'memories.sram.size'?", "r_cost"]),
        (
            "memories.srm.size=4",
            ["NAME is one of w_regs, i_regs, sram, dram", "did you mean 'memories.sram.size'?"],
        ),
        ("size=4", ["no such field", "operational_array.sizes.{D1, D2}", "workload.loop_sizes.{"]),
        ("memories.sram.size=4,4", ["value given twice", "4 b"]),
        ("memories.sram.size=4,4b", ["value given twice"]),
        ("memories.sram.size,memories.sram.size=4", ["field given twice"]),
        ("memories.sram.size,memories.dram.size=1/2/3", ["a value each", "expected 2 values", "found 1/2/3"]),
        ("memories.sram.size,memories.dram.size=1/1:8/4:x2", ["as many values", "found 4, 3 values"]),
        ("memories.sram.size=1/2", ["cannot read the value", "found 1/2"]),
        ("memories.sram.size=x", ["memories.sram.size: cannot read the value"]),
    ],
)
def test_what_is_no_axis(text: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse_axis(text, KNOWN)
    for part in parts:
        assert part in str(caught.value)


def test_plain_values_of_fields_that_change_together() -> None:
    with pytest.raises(InputError, match="a value each"):
        make_axis("memories.sram.size,memories.dram.size", [(1, 2, 3)], KNOWN)
    with pytest.raises(InputError, match="no values"):
        make_axis("memories.sram.size", [], KNOWN)


def test_a_value_that_makes_no_machine() -> None:
    field = KNOWN["memories.sram.ports.top.bandwidth_max"]
    with pytest.raises(InputError, match="bandwidths out of order"):
        field.put(SUBJECT, 4)


def test_names_with_dots() -> None:
    accelerator = SUBJECT.accelerator
    renamed = replace(
        accelerator,
        memories=tuple(
            replace(memory, name="l1.5") if memory.name == "sram" else memory
            for memory in accelerator.memories
        ),
    )
    known = catalogue(renamed, [LAYER])
    assert parse_axis("memories.l1.5.size=4", known).fields[0].get(Subject(renamed, LAYER)) == 8192
    with pytest.raises(InputError, match="did you mean"):
        parse_axis("memories.l1.5.sizes=4", known)


def test_which_instances_share_a_port() -> None:
    """Where a file shares a port along some dimension, a sweep shares it along others, too, or along none."""
    plain = machine()
    regs = plain.memory("w_regs")

    shared = replace(regs.ports[0], shared_along=("D1",))
    own = replace(regs, ports=(shared, *regs.ports[1:]))
    subject = Subject(
        replace(plain, memories=tuple(own if m.name == regs.name else m for m in plain.memories)), LAYER
    )
    start = f"memories.w_regs.ports.{shared.name}.shared_along"
    known = catalogue(subject.accelerator, [LAYER])
    assert [name for name in known if "shared_along" in name] == [f"{start}.D1", f"{start}.D2"]
    assert not any("shared_along" in name for name in KNOWN)
    steps = parse_axis(f"{start}.D1,{start}.D2=false/false,true/false,true/true", known)
    found = []
    for step in steps.steps:
        changed = subject
        for field, value in zip(steps.fields, step, strict=True):
            changed = field.put(changed, value)
            assert field.get(changed) == value
        found.append(changed.accelerator.memory("w_regs").ports[0].shared_along)
    assert found == [(), ("D1",), ("D1", "D2")]
    with pytest.raises(InputError, match=r"no such field to vary.*shared_along\.\{D1, D2\}"):
        parse_axis(f"{start}=D1", known)
