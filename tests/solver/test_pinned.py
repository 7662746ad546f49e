"""The model never costs a mapping more than the evaluator does, and mostly just as much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from tests.generators import random_accelerator, random_mapping, random_spatial
from tests.random_layers import KINDS, random_layer
from tests.simulation.tiny_cases import keeping_overlap
from tests.solver.pinned import best_orders, every_window, pin
from zzcp.cost import EXACT, ZIGZAG, CostConventions, Evaluator
from zzcp.hardware import Accelerator
from zzcp.io import load_accelerator
from zzcp.mapping import Mapping

MOST_MACS = 3000
FLOAT_ERROR = Fraction(1, 2**40)
"""ZigZag adds up energies as floats."""


@dataclass(frozen=True)
class Case:
    """A valid mapping.

    Parameters
    ----------
    evaluator : Evaluator
        Of its machine, layer and unrolling.
    mapping : Mapping
        The mapping.
    """

    evaluator: Evaluator
    mapping: Mapping


def random_case(
    seed: str,
    conventions: CostConventions,
    accelerator: Accelerator | None = None,
    macs: int = MOST_MACS,
    kinds: Collection[str] = KINDS,
    *,
    overlap: bool = False,
) -> Case:
    """Return the case of a seed, on a random machine unless one is given; with `overlap` memories keep it."""
    rng = Random(seed)
    while True:
        machine = accelerator or random_accelerator(rng)
        if overlap:
            machine = keeping_overlap(rng, machine)
        layer = random_layer(rng, rng.choice(list(kinds)), macs)
        spatial = random_spatial(rng, machine, layer)
        mapping = random_mapping(rng, machine, layer, spatial, conventions)
        if mapping is not None:
            found = Case(Evaluator(machine, layer, spatial, conventions), mapping)
            if not overlap or found.evaluator.setting.keeps_overlap:
                return found


def check(case: Case, *, windows: bool) -> Counter[str]:
    """Assert that the model is no higher than the evaluator; count where it is equal.

    The model may choose among the orders that share the mapping's boundaries: where it is lower than the mapping, it
    still counts as equal if the best of these orders takes as long, whatever the evaluator moves beneath a boundary.
    """
    evaluator = case.evaluator
    real = evaluator.evaluate(case.mapping)
    model = pin(evaluator, case.mapping, every_window(evaluator) if windows else ())
    assert model is not None, "the model forbids a valid mapping"
    floats = FLOAT_ERROR if evaluator.setting.conventions.fractional_unrolling else 0
    assert model.energy <= real.energy.exact * (1 + floats)
    assert model.latency <= real.latency.total
    energy = real.energy.exact - model.energy <= model.rounding
    latency = model.latency > real.latency.total - 1
    stall = real.latency.temporal_stall
    if windows and not latency:
        best, rewritten = best_orders(evaluator, case.mapping)
        assert model.latency <= best.total
        latency, stall = model.latency > min(best.total, rewritten.total) - 1, best.temporal_stall
    return Counter(
        {
            "cases": 1,
            "energy": energy,
            "latency": latency,
            "both": energy and latency,
            "near": model.latency >= 0.9 * real.latency.total,
            # why they are not equal
            "half elements": not energy,
            "windows shorter than the run": not latency and model.stall < stall,
            "loading": not latency and model.stall >= stall,
        }
    )


def tally(cases: Iterable[Case], *, windows: bool) -> Counter[str]:
    return sum((check(case, windows=windows) for case in cases), Counter[str]())


@pytest.mark.parametrize("windows", [False, True])
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_the_model_is_a_lower_bound(conventions: CostConventions, windows: bool) -> None:
    cases = (random_case(f"pinned {number}", conventions) for number in range(30))
    equal = tally(cases, windows=windows)
    # what is lower: unions of windows that are shorter than the run; tiles of half elements
    assert equal["energy"] == equal["cases"] if conventions is EXACT else equal["energy"] > 20
    assert equal["latency"] > (28 if windows else 12)


SCATTERED = ("output_window",)


@pytest.mark.parametrize("windows", [False, True])
def test_the_model_is_a_lower_bound_where_a_window_is_on_the_output(windows: bool) -> None:
    cases = (random_case(f"scattered {number}", EXACT, kinds=SCATTERED) for number in range(30))
    equal = tally(cases, windows=windows)
    assert equal["energy"] == equal["cases"]
    assert equal["latency"] > (28 if windows else 12)


SLIDING = tuple(kind for kind in KINDS if "conv" in kind or kind in ("depthwise", "pooling"))


def below(numbers: Iterable[int], *, windows: bool) -> Counter[str]:
    """Assert that the model is no higher where memories keep overlaps; it takes the least that may slide there."""
    found: Counter[str] = Counter()
    for number in numbers:
        case = random_case(f"overlap {number}", EXACT, kinds=SLIDING, overlap=True)
        real = case.evaluator.evaluate(case.mapping)
        model = pin(case.evaluator, case.mapping, every_window(case.evaluator) if windows else ())
        assert model is not None, "the model forbids a valid mapping"
        assert model.energy <= real.energy.exact
        assert model.latency <= real.latency.total
        found["cases"] += 1
        found["energy"] += real.energy.exact - model.energy <= model.rounding
        found["latency"] += model.latency > real.latency.total - 1
    return found


@pytest.mark.parametrize("windows", [False, True])
def test_the_model_is_a_lower_bound_where_memories_keep_overlaps(windows: bool) -> None:
    equal = below(range(30), windows=windows)
    assert equal["energy"] >= 10


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_the_model_is_a_lower_bound_of_many_mappings_where_memories_keep_overlaps(part: int) -> None:
    equal = below(range(1000 + 100 * part, 1100 + 100 * part), windows=True)
    print("overlaps", dict(equal))  # noqa: T201 - what docs/formulation.md reports


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_the_model_is_a_lower_bound_of_many_mappings_with_a_window_on_the_output(part: int) -> None:
    cases = (random_case(f"scattered {part} {number}", EXACT, kinds=SCATTERED) for number in range(100))
    equal = tally(cases, windows=True)
    print("window on the output", dict(equal))  # noqa: T201 - what docs/formulation.md reports
    assert equal["energy"] == equal["cases"]
    assert equal["latency"] > 95


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
def test_the_model_is_a_lower_bound_on_many_machines(conventions: CostConventions, part: int) -> None:
    cases = (random_case(f"slow {part} {number}", conventions) for number in range(100))
    equal = tally(cases, windows=True)
    print(conventions.name, dict(equal))  # noqa: T201 - what docs/formulation.md reports
    assert equal["latency"] > 95


MACHINES = sorted((Path(__file__).parents[2] / "models" / "accelerators").glob("*.yaml"))


@pytest.mark.parametrize("file", MACHINES, ids=lambda file: file.stem)
def test_the_model_is_a_lower_bound_on_bundled_machines(file: Path) -> None:
    machine = load_accelerator(file)
    equal = {}
    for conventions in (EXACT, ZIGZAG):
        cases = (random_case(f"{file.stem} {number}", conventions, machine, 100_000) for number in range(4))
        equal[conventions.name] = tally(cases, windows=True)
    for counts in equal.values():
        assert counts["latency"] >= 3


@pytest.mark.slow
@pytest.mark.parametrize("conventions", [EXACT, ZIGZAG], ids=lambda conventions: conventions.name)
@pytest.mark.parametrize("file", MACHINES, ids=lambda file: file.stem)
def test_the_model_is_a_lower_bound_of_many_mappings_on_bundled_machines(
    file: Path, conventions: CostConventions
) -> None:
    machine = load_accelerator(file)
    cases = (
        random_case(f"many {file.stem} {number}", conventions, machine, 100_000) for number in range(150)
    )
    counts = tally(cases, windows=True)
    print(file.stem, conventions.name, dict(counts))  # noqa: T201 - what docs/formulation.md reports
    assert counts["energy"] == 150 if conventions is EXACT else counts["energy"] >= 100
    assert counts["latency"] >= 140


def test_every_mapping_is_in_the_model_with_and_without_windows() -> None:
    case = random_case("both", EXACT)
    loose = pin(case.evaluator, case.mapping, ())
    tight = pin(case.evaluator, case.mapping, every_window(case.evaluator))
    assert loose is not None
    assert tight is not None
    assert loose.energy == tight.energy
    assert loose.latency <= tight.latency


@pytest.mark.parametrize(("number", "equal"), [(45, True), (81, True), (61, False)])
def test_tiles_of_half_elements_are_rounded_as_by_the_evaluator_where_that_is_certain(
    number: int, equal: bool
) -> None:
    machine = load_accelerator(next(file for file in MACHINES if file.stem == "edge_tpu_like"))
    case = random_case(f"many edge_tpu_like {number}", ZIGZAG, machine, 100_000)
    # the inputs of the last one have windows, whose quotients are rounded in an order that only the mapping tells
    assert check(case, windows=False)["energy"] is equal
