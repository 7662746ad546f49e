"""What is claimed of a layer's mappings against one that is known."""

from __future__ import annotations

from fractions import Fraction

from zzcp.cost.objective import WeightedSum
from zzcp.networks.nodes import Node


def test_a_claim_above_a_mapping_is_told_and_taken_out_with_its_cut() -> None:
    node, weights = Node(), WeightedSum(Fraction(1), Fraction(2))
    node.claim("latency", Fraction(2))
    node.tried.add(weights)
    node.claim(weights, Fraction(30))
    assert node.least(weights) == 30
    node.know((Fraction(9), Fraction(4)))
    assert node.faults == ["a search claims a bound of 30.0 of energy + 2 latency, above a mapping's 17.0"]
    assert node.least(weights) == 4
    assert node.missing(weights) == 13
    assert weights not in node.tried
    node.tried.add(weights)
    node.claim(weights, Fraction(18))
    assert len(node.faults) == 2
    assert node.least(weights) == 4
    assert weights in node.tried, "it would be searched for ever"
    node.claim(weights, Fraction(17))
    assert node.missing(weights) == 0
    assert len(node.faults) == 2


def test_a_claim_is_checked_against_mappings_with_less_room() -> None:
    roomy = Node()
    tight = Node(roomier=roomy)
    weights = WeightedSum(Fraction(1), Fraction(1))
    tight.know((Fraction(3), Fraction(4)))
    roomy.claim(weights, Fraction(8))
    roomy.claim("energy", Fraction(3))
    assert len(roomy.faults) == 1
    assert tight.missing(weights) == 4
    tight.know((Fraction(2), Fraction(9)))
    assert len(roomy.faults) == 2
    assert roomy.outside.energy == 0
