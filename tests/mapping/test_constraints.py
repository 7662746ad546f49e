"""Constraints: their forms, and what they mean for a mapping."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import pytest

from tests.machines import machine, memory
from tests.mapping.constrained import LAYER, MACHINE, MAPPING, broken
from zzcp import EXACT, ZIGZAG, Constraints, Layer, Mapping, constraint_violations, evaluate
from zzcp.errors import InputError
from zzcp.mapping import LayerConstraints, SpatialMapping
from zzcp.mapping.constraints import MaxEnergy, MinUtilization, TileSize

# ---- forms --------------------------------------------------------------------------------------------------------

EVERYTHING: dict[str, Any] = {
    "loop_order": [["C", "*"], ["B", 4], ["*", "*"]],
    "innermost": ["C", ["B", "K"]],
    "outermost": ["B"],
    "tile_sizes": [
        {"memory": "sram", "dimension": "K", "min": 2, "max": 3},
        {"memory": "sram", "dimension": "B", "operand": "O", "equal": 4, "spatial": True},
    ],
    "tile_elements": [{"memory": "sram", "operand": "I", "max": 64}],
    "bypass": {"I": ["i_regs", "sram"]},
    "even_mapping": ["sram", ["w_regs", "i_regs"]],
    "double_buffering": {"sram": "forced", "i_regs": {"I": "forbidden"}},
    "min_utilization": {"sram": 0.25, "i_regs": {"I": 0.125}},
    "max_latency": 1000,
    "max_energy": 1234.5,
    "spatial": {
        "D1": {"allow": ["C", "FX"], "most": 2, "fix": {"C": 4, "FX": 3}},
        "D2": {"allow": []},
    },
    "min_array_utilization": 0.5,
}


def test_the_dictionary_form_is_read_and_written() -> None:
    constraints = Constraints.from_dict(EVERYTHING)
    assert constraints.to_dict() == EVERYTHING
    assert Constraints.from_dict(constraints.to_dict()) == constraints
    assert pickle.loads(pickle.dumps(constraints)) == constraints
    assert len(constraints) == 21
    assert hash(constraints) == hash(Constraints.from_dict(EVERYTHING))


def test_subsets() -> None:
    constraints = Constraints.from_dict(EVERYTHING)
    first, *rest = constraints
    assert constraints.without(first).items == tuple(rest)
    assert constraints.only([rest[0], first]).items == (first, rest[0])
    assert not Constraints()
    assert str(Constraints()) == "no constraints"


def test_every_constraint_says_what_it_asks() -> None:
    assert str(Constraints.from_dict(EVERYTHING)) == (
        "loop order C *, B 4, *; innermost C, (B, K); outermost B; tile size K in sram at least 2 and at most 3; "
        "tile size B of O in sram with its lanes equal to 4; tile elements of I in sram at most 64; "
        "bypass of i_regs by I; bypass of sram by I; even mapping of sram, (w_regs, i_regs); "
        "double buffering in sram forced; double buffering of I in i_regs forbidden; "
        "utilization of sram at least 0.25; utilization of i_regs by I at least 0.125; latency budget 1,000 cycles; "
        "energy budget 1,234.5 pJ; unrolled on D1 only C or FX; at most 2 unrolled on D1; C 4 on D1; FX 3 on D1; "
        "unrolled on D2 only nothing; utilization of the array at least 0.5"
    )


def test_decimals_are_what_is_written() -> None:
    assert Constraints.from_dict({"max_energy": 0.1}).items == (MaxEnergy(Fraction(1, 10)),)
    assert Constraints.from_dict({"min_utilization": {"sram": 0.3}}).items == (
        MinUtilization("sram", Fraction(3, 10)),
    )


def test_dimensions_may_be_written_small() -> None:
    (item,) = Constraints.from_dict({"tile_sizes": [{"memory": "sram", "dimension": "k", "max": 2}]})
    assert item == TileSize("sram", "K", most=2)


def test_an_even_mapping_that_is_not_asked_for_is_none() -> None:
    assert not Constraints.from_dict({"even_mapping": False})


@pytest.mark.parametrize(
    ("data", "field", "text"),
    [
        ([], "", "a mapping with kinds of constraints"),
        ({"inermost": ["K"]}, "inermost", "did you mean 'innermost'?"),
        ({"loop_order": []}, "loop_order", "expected loops, innermost first"),
        ({"loop_order": [["K"]]}, "loop_order[0]", "a dimension and a size"),
        ({"loop_order": [["K", 0]]}, "loop_order[0][1]", "an integer >= 1, found 0"),
        ({"loop_order": [["*", 2]]}, "loop_order[0][1]", "loops over any dimensions have no size"),
        ({"innermost": ["K", "K"]}, "innermost", "every name once, found K"),
        ({"innermost": "K"}, "innermost", "found 'K'"),
        ({"outermost": [[]]}, "outermost[0]", "found []"),
        ({"tile_sizes": {"memory": "sram"}}, "tile_sizes", "a list such as"),
        ({"tile_sizes": [{"memory": "sram", "max": 2}]}, "tile_sizes[0]", "the key 'dimension' is missing"),
        ({"tile_sizes": [{"memory": "sram", "dimension": "K"}]}, "tile_sizes[0]", "min, max or both"),
        (
            {"tile_sizes": [{"memory": "sram", "dimension": "K", "min": 3, "max": 2}]},
            "tile_sizes[0]",
            "expected min <= max, found 3 > 2",
        ),
        (
            {"tile_sizes": [{"memory": "sram", "dimension": "K", "equal": 3, "max": 3}]},
            "tile_sizes[0]",
            "or equal alone, found max, equal",
        ),
        (
            {"tile_sizes": [{"memory": "sram", "dimension": "K", "max": 2, "spatial": 1}]},
            "tile_sizes[0].spatial",
            "true or false",
        ),
        ({"tile_elements": [{"memory": 3, "max": 2}]}, "tile_elements[0].memory", "expected a name"),
        ({"tile_elements": [{"memory": "sram", "max": 1.5}]}, "tile_elements[0].max", "an integer >= 1"),
        ({"bypass": {"I": 3}}, "bypass.I", "a list of memories"),
        ({"spatial": ["D1"]}, "spatial", "array dimensions, such as"),
        ({"spatial": {"D1": {}}}, "spatial.D1", "one of allow, most, fix"),
        ({"spatial": {"D1": {"alow": ["C"]}}}, "spatial.D1.alow", "did you mean 'allow'?"),
        ({"spatial": {"D1": {"allow": "C"}}}, "spatial.D1.allow", "layer dimensions, such as [C, FX, FY]"),
        ({"spatial": {"D1": {"allow": [3]}}}, "spatial.D1.allow[0]", "a layer dimension such as K or OX"),
        ({"spatial": {"D1": {"most": -1}}}, "spatial.D1.most", "an integer >= 0"),
        ({"spatial": {"D1": {"fix": {"C": 0}}}}, "spatial.D1.fix.C", "an integer >= 1"),
        ({"spatial": {"D1": {"fix": ["C"]}}}, "spatial.D1.fix", "layer dimensions with factors"),
        ({"min_array_utilization": 1.5}, "min_array_utilization", "a share from 0 to 1"),
        ({"even_mapping": "sram"}, "even_mapping", "true, memories such as"),
        ({"double_buffering": {"sram": True}}, "double_buffering.sram", "forced or forbidden"),
        ({"double_buffering": {"sram": {"W": "no"}}}, "double_buffering.sram.W", "forced or forbidden"),
        ({"min_utilization": {"sram": 1.5}}, "min_utilization.sram", "a share from 0 to 1"),
        ({"max_latency": "1000"}, "max_latency", "found '1000'"),
        ({"max_latency": True}, "max_latency", "an integer >= 1"),
        ({"max_energy": -1}, "max_energy", "a number >= 0"),
        ({"max_energy": float("nan")}, "max_energy", "a number >= 0"),
    ],
)
def test_what_is_wrong_is_named(data: Any, field: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        Constraints.from_dict(data)
    assert (caught.value.place.field or "") == field
    assert text in str(caught.value)


def test_layers_take_their_own_entry() -> None:
    one, other, rest = (Constraints.from_dict({"max_latency": cycles}) for cycles in (1, 2, 3))
    entries = LayerConstraints((("conv1", one), ("Conv", other), ("default", rest)))
    assert entries.for_layer("conv1", "Conv") == one
    assert entries.for_layer("conv2", "Conv") == other
    assert entries.for_layer("fc", "Gemm") == rest
    assert not LayerConstraints((("conv1", one),)).for_layer("fc", "Gemm")


# ---- loop order ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order",
    [
        [["C", 2], ["B", 4], ["K", 3], ["B", 2]],
        [["C", 2], ["B", 2], ["B", 2], ["K", 3], ["B", 2]],
        [["C", "*"], ["B", 4], ["K", "*"], ["B", "*"]],
        [["C", "*"], ["B", "*"], ["K", 3], ["B", "*"]],
        [["C", 2], ["*", "*"]],
        [["*", "*"], ["B", 2]],
        [["*", "*"], ["K", "*"], ["*", "*"]],
        [["C", 1], ["C", 2], ["K", 1], ["*", "*"]],
        [["*", "*"]],
    ],
)
def test_orders_that_the_mapping_has(order: list[list[Any]]) -> None:
    assert broken({"loop_order": order}) == []


@pytest.mark.parametrize(
    "order",
    [
        [["C", 2], ["K", 3], ["B", 8]],
        [["C", 2], ["B", 8], ["K", 3]],
        [["C", "*"], ["B", "*"], ["K", "*"]],
        [["C", 2], ["B", 4], ["K", 3]],
        [["C", 2], ["B", 4], ["K", 3], ["B", 2], ["B", 2]],
        [["B", 2], ["*", "*"]],
        [["*", "*"], ["C", "*"], ["K", "*"]],
        # all of B stands where its free loop stands
        [["C", "*"], ["B", "*"], ["*", "*"]],
    ],
)
def test_orders_that_the_mapping_does_not_have(order: list[list[Any]]) -> None:
    (text,) = broken({"loop_order": order})
    assert text.endswith("the order is C 2, B 4, K 3, B 2")


@pytest.mark.parametrize(
    ("groups", "innermost", "outermost"),
    [
        (["C"], True, False),
        (["B"], False, False),
        (["K"], False, False),
        ([["B", "K"]], False, True),
        ([["B", "K", "C"]], True, True),
        (["C", ["B", "K"]], True, False),
        ([["B", "K"], "C"], False, True),
    ],
)
def test_innermost_and_outermost_loops(groups: list[Any], innermost: bool, outermost: bool) -> None:
    assert (broken({"innermost": groups}) == []) == innermost
    assert (broken({"outermost": groups}) == []) == outermost


# ---- tiles --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("memory", "operand", "dimension", "spatial", "size"),
    [
        ("w_regs", "W", "C", False, 2),
        ("w_regs", "W", "K", False, 1),
        (
            "w_regs",
            "W",
            "C",
            True,
            2,
        ),  # the lanes over C lie above the registers, of which there is one for each
        ("sram", "I", "B", False, 4),
        ("sram", "O", "B", False, 4),
        ("sram", "O", "K", False, 1),
        ("sram", "O", "K", True, 2),
        ("dram", "W", "K", False, 3),
        ("dram", "W", "K", True, 6),
        ("dram", "W", "C", True, 4),
    ],
)
def test_tile_sizes(memory: str, operand: str, dimension: str, spatial: bool, size: int) -> None:
    def ask(**bounds: int) -> list[str]:
        entry = {"memory": memory, "operand": operand, "dimension": dimension, "spatial": spatial}
        return broken({"tile_sizes": [entry | bounds]})

    assert ask(equal=size) == []
    assert ask(min=size, max=size) == []
    (text,) = ask(max=size - 1) if size > 1 else ask(min=2)
    assert text.endswith(f"it is {size} for {operand}")


def test_a_tile_size_without_an_operand_is_for_all_that_it_matters_to() -> None:
    both = broken({"tile_sizes": [{"memory": "dram", "dimension": "B", "max": 4}]})
    assert [text[-1] for text in both] == ["I", "O"]


def test_a_dimension_of_size_one_is_one_of_its_operands() -> None:
    layer = Layer.gemm(b=8, k=1, c=4)
    data = MAPPING.to_dict() | {"spatial_mapping": {"D2": {"C": 2}}}
    data["temporal_mapping"] = {
        operand: [[loop for loop in level if loop[0] != "K"] for level in levels]
        for operand, levels in data["temporal_mapping"].items()
    }
    mapping = Mapping.from_dict(data)

    def violated(**entry: Any) -> list[str]:
        asked = {"tile_sizes": [{"memory": "sram", "dimension": "K", **entry}]}
        return constraint_violations(MACHINE, layer, mapping, asked)

    assert violated(max=2) == violated(equal=1) == violated(min=1, spatial=True) == []
    assert violated(min=2) == ["tile size K in sram at least 2: it is 1 for O"]
    with pytest.raises(InputError, match="K is no dimension of the data of I"):
        violated(max=2, operand="I")


def test_lanes_that_do_not_divide_count_up_to_the_size() -> None:
    layer = Layer.gemm(b=2, k=5, c=2)
    mapping = Mapping.from_dict(
        {
            "spatial_mapping": {"D1": {"K": 4}},
            "temporal_mapping": {
                "W": [[], [["K", 2], ["B", 2], ["C", 2]]],
                "I": [[], [], [["K", 2], ["B", 2], ["C", 2]]],
                "O": [[], [["K", 2], ["B", 2], ["C", 2]]],
            },
        }
    )
    entry = {"memory": "dram", "operand": "O", "dimension": "K", "equal": 5, "spatial": True}
    assert constraint_violations(MACHINE, layer, mapping, {"tile_sizes": [entry]}) == []


def test_tile_elements() -> None:
    # 4 rows of C 2, on 2 lanes of C
    assert broken({"tile_elements": [{"memory": "sram", "operand": "I", "equal": 16}]}) == []
    assert broken({"tile_elements": [{"memory": "sram", "operand": "I", "max": 15}]}) == [
        "tile elements of I in sram at most 15: there are 16 for I"
    ]
    assert len(broken({"tile_elements": [{"memory": "sram", "min": 17}]})) == 2


# ---- even mapping -------------------------------------------------------------------------------------------------


def test_operands_of_one_memory_are_cut_at_one_place() -> None:
    # in sram I has C 2, B 4, K 3 (irrelevant), O has C 2, B 4
    assert broken({"even_mapping": True}) == []
    assert broken({"even_mapping": ["sram"]}) == []
    assert broken({"even_mapping": [["w_regs", "i_regs"]]}) == []


def test_operands_that_are_cut_at_different_places() -> None:
    temporal = {
        "W": [[["C", 2]], [["B", 4], ["K", 3], ["B", 2]]],
        "I": [[["C", 2]], [], [["B", 4], ["K", 3], ["B", 2]]],
        "O": [[["C", 2], ["B", 4]], [["K", 3], ["B", 2]]],
    }
    mapping = Mapping.from_dict({**MAPPING.to_dict(), "temporal_mapping": temporal})
    assert broken({"even_mapping": True}, mapping) == [
        "even mapping: I in sram and O in sram are cut at different loops"
    ]
    assert broken({"even_mapping": [["w_regs", "i_regs"]]}, mapping) == []


def test_nested_cuts_grow() -> None:
    small = machine(
        (
            memory("inner", "I1 O", size=4096, served_dimensions=("D1", "D2")),
            memory("outer", "I1 O", size=8192, served_dimensions=("D1", "D2")),
            memory("dram", "I1 I2 O", size=10**9, served_dimensions=("D1", "D2")),
        )
    )
    layer = Layer.gemm(b=2, k=2, c=2)
    mapping = Mapping.from_order(
        SpatialMapping(),
        [("K", 2), ("C", 2), ("B", 2)],
        {"W": (3,), "I": (1, 2, 3), "O": (0, 2, 3)},
    )
    # above K the data of I is the same, so that I may be cut at 0, where O is
    assert constraint_violations(small, layer, mapping, {"even_mapping": True}) == []


# ---- memories -----------------------------------------------------------------------------------------------------


def test_double_buffering() -> None:
    kept = MAPPING.with_buffering({"W": (False,), "I": (True, False), "O": (False,)})
    assert broken({"double_buffering": {"i_regs": "forced"}}, kept) == []
    assert broken({"double_buffering": {"i_regs": {"I": "forbidden"}}}, kept) == [
        "double buffering of I in i_regs forbidden: the tile of I is kept twice"
    ]
    assert broken({"double_buffering": {"sram": "forbidden"}}, kept) == []
    assert broken({"double_buffering": {"sram": "forced"}}, kept) == [
        "double buffering in sram forced: the tile of I is kept once",
        "double buffering in sram forced: the tile of O is kept once",
    ]


def test_what_is_never_refilled_need_not_be_kept_twice() -> None:
    assert broken({"double_buffering": {"dram": "forced"}}) == []
    assert broken({"double_buffering": {"dram": "forbidden"}}) == []


@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_utilization_is_that_of_the_report(conventions: Any) -> None:
    use = evaluate(MACHINE, LAYER, MAPPING, conventions).utilization
    for operand, names in (("I", ("i_regs", "sram")), ("O", ("sram",)), ("W", ("w_regs",))):
        for level, name in enumerate(names):
            shared, own = use.shared[operand][level], use.individual[operand][level]
            assert broken({"min_utilization": {name: shared}}, conventions=conventions) == []
            assert broken({"min_utilization": {name: {operand: own}}}, conventions=conventions) == []
            too_much = {"min_utilization": {name: {operand: own + 0.01}}}
            (text,) = broken(too_much, conventions=conventions)
            assert text.endswith(f"it is {own:.4g}")


def test_budgets() -> None:
    found = evaluate(MACHINE, LAYER, MAPPING)
    assert broken({"max_latency": found.latency.total, "max_energy": found.energy.total}) == []
    assert broken({"max_latency": found.latency.total - 1}) == [
        f"latency budget {found.latency.total - 1:,} cycles: it takes {found.latency.total:,}"
    ]
    assert len(broken({"max_energy": found.energy.total - 1})) == 1


# ---- what does not exist ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"innermost": ["OX"]}, "unknown dimension: expected one of B, K, C, found OX"),
        ({"loop_order": [["G", "*"]]}, "unknown dimension"),
        (
            {"tile_elements": [{"memory": "srm", "max": 2}]},
            "expected one of w_regs, i_regs, sram, dram, found srm (did you mean 'sram'?)",
        ),
        ({"tile_elements": [{"memory": "sram", "operand": "X", "max": 2}]}, "unknown operand"),
        ({"min_utilization": {"sram": {"W": 0.5}}}, "sram does not hold W (it holds I, O)"),
        (
            {"tile_sizes": [{"memory": "w_regs", "dimension": "B", "max": 2}]},
            "B is no dimension of the data of W",
        ),
        ({"even_mapping": [["i_regs", "sram"]]}, "I has two levels in i_regs, sram"),
    ],
)
def test_names_that_do_not_exist(data: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError) as caught:
        broken(data)
    assert text in str(caught.value)


def test_the_field_of_a_constraint_is_that_of_the_dictionary_form() -> None:
    asked = Constraints.from_dict(
        {
            "innermost": ["B"],
            "tile_sizes": [
                {"memory": "a", "dimension": "B", "max": 2},
                {"memory": "b", "dimension": "B", "max": 2},
            ],
            "bypass": {"I": ["a"]},
            "double_buffering": {"a": "forced", "b": {"I": "forbidden"}},
            "max_latency": 5,
        }
    )
    assert [asked.field_of(item) for item in asked] == [
        "innermost", "tile_sizes[0]", "tile_sizes[1]", "bypass.I", "double_buffering.a", "double_buffering.b.I",
        "max_latency",
    ]  # fmt: skip
