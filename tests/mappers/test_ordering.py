"""From an entry of a mapping file to a loop order, and to a mapping."""

from __future__ import annotations

import pytest

from zzcp import InputError, Layer, MappingError, SpatialMapping, load_accelerator
from zzcp.hardware import Accelerator
from zzcp.io import MappingEntry
from zzcp.mappers import complete_order, mapping_from_entry

LAYER = Layer.gemm(b=10, k=8, c=12)
SPATIAL = SpatialMapping.from_dict({"D1": {"K": 4}})
Ordering = tuple[tuple[str, int | None], ...]


@pytest.fixture(scope="module")
def machine() -> Accelerator:
    """Return the small seed machine."""
    return load_accelerator("models/accelerators/seed_eyeriss_1_2_4.yaml")


@pytest.mark.parametrize(
    ("ordering", "order"),
    [
        ((("K", 2), ("C", 12), ("B", 10)), [("K", 2), ("C", 12), ("B", 10)]),
        ((("K", None), ("C", 3), ("B", None), ("C", None)), [("K", 2), ("C", 3), ("B", 10), ("C", 4)]),
        ((("C", 12), ("C", None), ("K", None), ("B", None)), [("C", 12), ("K", 2), ("B", 10)]),
        ((("C", 12), ("K", 2), ("*", None)), [("C", 12), ("K", 2), ("B", 10)]),
        ((("*", None), ("C", 12), ("K", 2), ("B", 2)), [("B", 5), ("C", 12), ("K", 2), ("B", 2)]),
        ((("C", 12), ("K", 2), ("B", 10), ("*", None)), [("C", 12), ("K", 2), ("B", 10)]),
        ((("FX", 3), ("C", 12), ("OX", None), ("K", 2), ("B", 10)), [("C", 12), ("K", 2), ("B", 10)]),
        ((("C", 1), ("C", 12), ("K", 2), ("B", 10)), [("C", 12), ("K", 2), ("B", 10)]),
    ],
)
def test_orders_are_completed(ordering: Ordering, order: list[tuple[str, int]]) -> None:
    assert list(complete_order(LAYER, SPATIAL, MappingEntry("default", temporal_ordering=ordering))) == order


@pytest.mark.parametrize(
    ("ordering", "message"),
    [
        ((), "entry default states no loop order"),
        ((("C", None), ("C", None), ("K", 2), ("B", 10)), "two loops over C have a free size"),
        ((("C", 12), ("*", None)), "no place for the loops over B, K"),
        ((("C", 12), ("K", 2), ("*", 10)), "no place for the loops over B"),
        ((("C", 12), ("*", None), ("K", 2), ("*", None)), "no place for the loops over B"),
        ((("C", 5), ("K", 2), ("B", 10)), "cover layer gemm: expected 12 iterations, found 5"),
        ((("C", 24), ("K", 2), ("B", 10)), "cover layer gemm: expected 12 iterations, found 24"),
        ((("C", 4), ("K", 2), ("B", 10)), "cover layer gemm: expected 12 iterations, found 4"),
        ((("C", 12), ("B", 10)), "which has 8 and unrolls 4: expected 2 iterations, found none"),
    ],
)
def test_orders_with_a_choice_or_a_gap_are_refused(ordering: Ordering, message: str) -> None:
    with pytest.raises(InputError) as caught:
        complete_order(LAYER, SPATIAL, MappingEntry("default", temporal_ordering=ordering))
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_entry_is_fitted_to_the_layer(machine: Accelerator) -> None:
    entry = MappingEntry(
        "default",
        spatial_mapping={"D1": {"K": 4}, "D2": {"OX": 2, "C": 99}},
        memory_operand_links={"W": "I2", "I": "I1", "O": "O", "X": "I1"},
        temporal_ordering=(("C", None), ("K", None), ("B", None)),
    )
    layer = Layer.gemm(b=10, k=3, c=4)
    mapping = mapping_from_entry(machine, layer, entry)
    assert mapping.spatial.to_dict() == {"D1": {"K": 3}, "D2": {"C": 4}}
    assert mapping.order == (("B", 10),)
    assert mapping.links == {"W": "I2", "I": "I1", "O": "O"}


def test_an_entry_without_an_unrolling_is_refused(machine: Accelerator) -> None:
    entry = MappingEntry("default", temporal_ordering=(("*", None),))
    with pytest.raises(InputError, match="does not say what is unrolled"):
        mapping_from_entry(machine, LAYER, entry)


def test_an_unrolling_that_does_not_fit_is_no_valid_mapping(machine: Accelerator) -> None:
    entry = MappingEntry("default", {"D1": {"K": 8}}, temporal_ordering=(("C", None), ("B", None)))
    with pytest.raises(MappingError, match="D1 has 4 units, the unrolling needs 8"):
        mapping_from_entry(machine, LAYER, entry)
