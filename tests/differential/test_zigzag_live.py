"""ZIGZAG's figures against an installed zigzag-dse: random machines, layers and mappings, equal to the bit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("zigzag", reason="needs the extra zigzag")

from tests.differential.cases import bundled_machines, draw_round
from tests.differential.tally import Tally
from tests.random_layers import KINDS

pytestmark = pytest.mark.differential


def compare_round(tally: Tally, seed: object, folder: Path) -> None:
    """Compare a round of cases and stop at the first that differs."""
    for case in draw_round(seed, folder):
        tally.compare(case)
        assert not tally.different, tally.report()


@pytest.mark.parametrize("seed", [0, 1])
def test_random_mappings_score_as_in_zigzag(seed: int, tmp_path: Path) -> None:
    tally = Tally()
    compare_round(tally, seed, tmp_path)
    assert tally.cases >= 160
    assert {machine for machine, _ in tally.compared} == {m.name for m in bundled_machines()} | {"random"}
    assert {kind for _, kind in tally.compared} == set(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("share", range(4))
def test_thousands_of_random_mappings_score_as_in_zigzag(
    share: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tally = Tally()
    for number in range(10):
        compare_round(tally, f"{share}-{number}", tmp_path)
    with capsys.disabled():
        sys.stderr.write(f"\n{tally}\n")  # pytest-xdist passes on standard error, not standard output
    assert tally.compared.total() - sum(tally.compared["random", kind] for kind in KINDS) >= 1_250
    # ZigZag has no figures for some layers on arrays that compute in memory; hardly for anything else
    assert tally.skipped.total() <= 0.03 * tally.cases
