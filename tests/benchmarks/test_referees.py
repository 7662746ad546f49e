"""What the benchmark of referees says of its rows."""

from __future__ import annotations

from benchmarks import referees
from zzcp import Layer


def test_what_is_below_a_bound_is_counted() -> None:
    row = {"question": "sampled", "sampled": 200, "below": 1, "open": 2}
    assert "200 unrollings of 1 pairs, 1 with a mapping below" in referees.summary([row])
    choices = [
        {"question": "zigzag", "best": 2.0, "bound": 1.0, "plain": 4.0, "mixed": None},
        {"question": "zigzag", "best": 2.0, "bound": 2.0, "plain": 1.0, "mixed": None},
        {"question": "zigzag", "best": 2.0, "bound": 2.0, "plain": None, "mixed": None},
    ]
    text = referees.summary(choices)
    assert "1 of 2 pairs are better" in text
    assert "1.00 in the geometric mean" in text
    assert "1 of ZigZag's are below the bound" in text
    assert "For 1 pairs that have mappings none" in text


def test_some_unrollings_of_an_ordinary_machine() -> None:
    path, accelerator = referees.own_machines()["gemmini_like"]
    row = referees.sampled(path, accelerator, Layer.gemm(b=16, k=32, c=16), 3)
    assert (row["sampled"], row["below"], row["open"]) == (3, 0, 0)
