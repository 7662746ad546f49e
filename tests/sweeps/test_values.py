"""Values as users write them: units, ranges, lists, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zzcp.errors import InputError
from zzcp.sweeps.values import MAX_VALUES, Kind, checked_value, parse_value, parse_values, value_text


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("8192", Kind.SIZE, 8192),
        ("65_536", Kind.SIZE, 65536),
        ("4KiB", Kind.SIZE, 4 * 1024 * 8),
        ("4 KiB", Kind.SIZE, 4 * 1024 * 8),
        ("4KB", Kind.SIZE, 32_000),
        ("4kB", Kind.SIZE, 32_000),
        ("0.5KiB", Kind.SIZE, 4096),
        ("1MiB", Kind.SIZE, 2**23),
        ("1GB", Kind.SIZE, 8 * 10**9),
        ("512b", Kind.SIZE, 512),
        ("16Kib", Kind.SIZE, 16384),
        ("16B", Kind.SIZE, 128),
        ("8B/cycle", Kind.WIDTH, 64),
        ("64", Kind.WIDTH, 64),
        ("1e-3", Kind.ENERGY, 0.001),
        ("2.50", Kind.ENERGY, 2.5),
        ("3", Kind.ENERGY, 3),
        ("True", Kind.FLAG, True),
        ("no", Kind.FLAG, False),
        ("1e3", Kind.LOOP, 1000),
    ],
)
def test_one_value(text: str, kind: Kind, value: object) -> None:
    found = parse_value(text, kind)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        ("", Kind.SIZE, "found nothing"),
        ("big", Kind.SIZE, "expected a size such as 8192, 4KiB"),
        ("1MX", Kind.SIZE, "found 1MX"),
        ("-4", Kind.SIZE, "found -4"),
        ("0.3B", Kind.SIZE, "not a whole number"),
        ("1.5", Kind.UNITS, "not a whole number"),
        ("4KiB", Kind.UNITS, "found 4KiB"),
        ("4B", Kind.ENERGY, "a number (energy)"),
        ("1", Kind.FLAG, "true or false"),
        ("nan", Kind.ENERGY, "cannot read"),
        ("1e9999", Kind.ENERGY, "cannot read"),
    ],
)
def test_what_is_no_value(text: str, kind: Kind, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_value(text, kind)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("1,2,4", Kind.UNITS, (1, 2, 4)),
        ("1KiB:4KiB:x2", Kind.SIZE, (8192, 16384, 32768)),
        ("1KiB:5KiB:x2", Kind.SIZE, (8192, 16384, 32768)),
        ("8:64:+16", Kind.WIDTH, (8, 24, 40, 56)),
        ("1B:3B:+1B", Kind.WIDTH, (8, 16, 24)),
        ("0.1:0.4:+0.1", Kind.ENERGY, (0.1, 0.2, 0.3, 0.4)),
        ("1:2.25:x1.5", Kind.ENERGY, (1, 1.5, 2.25)),
        ("7:7:x2", Kind.UNITS, (7,)),
        ("1,4:6:+1,9", Kind.UNITS, (1, 4, 5, 6, 9)),
    ],
)
def test_lists_and_ranges(text: str, kind: Kind, values: tuple[object, ...]) -> None:
    assert parse_values(text, kind) == values


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1:4", "cannot read the range"),
        ("1:4:2", "low:high:xFACTOR"),
        ("4:1:x2", "does not rise"),
        ("1:4:x1", "does not rise"),
        ("0:4:x2", "does not rise"),
        ("1:4:+0", "does not rise"),
        ("1:9:x1.5", "not a whole number"),
        ("1:1000000:+1", f"at most {MAX_VALUES:,}"),
        (",".join(["1"] * (MAX_VALUES + 1)), "too many values"),
    ],
)
def test_what_is_no_range(text: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_values(text, Kind.UNITS)
    assert part in str(caught.value)


@given(value=st.integers(1, 2**45))
def test_a_size_is_read_as_it_is_printed(value: int) -> None:
    assert parse_value(value_text(value, Kind.SIZE).replace(",", ""), Kind.SIZE) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8192, "1 KiB"),
        (8000, "1 kB"),
        (12, "12 b"),
        (2**23, "1 MiB"),
        (8 * 1024 * 1000, "1,000 KiB"),
        (24, "3 B"),
    ],
)
def test_sizes_are_printed_in_the_largest_unit(value: int, text: str) -> None:
    assert value_text(value, Kind.SIZE) == text


def test_other_values_are_printed_as_numbers() -> None:
    assert value_text(12_000, Kind.CYCLES) == "12,000"
    assert value_text(0.25, Kind.ENERGY) == "0.25"
    assert value_text(True, Kind.FLAG) == "true"


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, Kind.SIZE), (1, Kind.FLAG), (None, Kind.SIZE), (1.5, Kind.SIZE), ([1], Kind.SIZE)],
)
def test_plain_values_of_the_wrong_kind(value: object, kind: Kind) -> None:
    with pytest.raises(InputError):
        checked_value(value, kind)


def test_plain_values() -> None:
    assert checked_value(8192.0, Kind.SIZE) == 8192
    assert checked_value("1KiB", Kind.SIZE) == 8192
    assert checked_value(Fraction(1, 4), Kind.ENERGY) == 0.25
    assert checked_value(False, Kind.FLAG) is False
