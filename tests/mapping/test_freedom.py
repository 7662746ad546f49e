"""What an unrolling may be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.machines import machine
from zzcp.errors import InputError
from zzcp.mapping.freedom import Freedom
from zzcp.workload import Layer

GEMM = Layer.gemm(b=4, k=4, c=4)


def test_it_is_the_same_after_it_was_written_and_read() -> None:
    freedom = Freedom(3, {"D1": ["K", "C"]}, {"D2": {"B": 2}}, 0.25)
    assert Freedom.from_dict(freedom.to_dict()) == freedom
    assert hash(Freedom.from_dict(freedom.to_dict())) == hash(freedom)


@pytest.mark.parametrize(
    "data", [None, 3, {}, {"max_dims": 2, "allowed": [], "fixed": {}, "least_utilization": 0}]
)
def test_something_else_is_refused(data: Any) -> None:
    with pytest.raises(InputError, match="wrong freedom of an unrolling"):
        Freedom.from_dict(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"max_dims": 0},
            "layer dimensions on one array dimension out of range: expected an integer >= 1, found 0",
        ),
        ({"max_dims": 1.5}, "expected an integer >= 1, found 1.5"),
        ({"least_utilization": 2}, "least utilization out of range: expected 0 to 1, found 2"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Freedom(**options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("freedom", "message"),
    [
        (Freedom(allowed={"D9": ["K"]}), "array dimension does not exist"),
        (Freedom(allowed={"D1": ["Kx"]}), "found Kx (did you mean 'K'?)"),
        (Freedom(fixed={"D1": {"OX": 2}}), "has no dimension of that name: expected B, K, C, found OX"),
    ],
)
def test_names_that_do_not_exist_are_refused(freedom: Freedom, message: str) -> None:
    with pytest.raises(InputError) as caught:
        freedom.check(machine(), GEMM)
    assert message in str(caught.value)


def test_words() -> None:
    assert Freedom(1, {"D1": ["K"]}, {"D2": {"C": 4}, "D3": {}}).description == (
        "up to 1 layer dimensions on every array dimension, D1 of K, D2 C 4, D3 not unrolled"
    )
