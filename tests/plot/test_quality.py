"""The picture of quality against time: every curve is there, falls, and ends at what was found."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.image import imread

from tests.machines import machine
from zzcp.comparison import Comparison, compare
from zzcp.comparison.layers import SOLVER
from zzcp.plot.quality import layer_curves, quality_figure
from zzcp.plot.style import save
from zzcp.workload import Layer

MAPPERS = ("loma", "random", "genetic")


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    layers = [Layer.gemm(b=6, k=12, c=8, name="gemm"), Layer.gemm(b=4, k=4, c=9, name="other", id=1)]
    return compare(machine(), [*layers, layers[0]], MAPPERS, spatial={"D1": {"K": 4}}, evaluations=300)


def test_best_objectives_fall_and_bounds_rise(comparison: Comparison) -> None:
    for entry in comparison.layers:
        curves = layer_curves(entry)
        assert list(curves) == [*MAPPERS, SOLVER, "bound"]
        for name, points in curves.items():
            seconds, ratios = [point[0] for point in points], [point[1] for point in points]
            assert seconds == sorted(seconds)
            assert ratios == sorted(ratios, reverse=name != "bound")
        for name in MAPPERS:
            assert curves[name][-1][1] == pytest.approx(1 + entry.mapper(name).distance, rel=1e-12)
        assert curves[SOLVER][-1][1] == 1
        assert 1 - 1e-4 <= curves["bound"][-1][1] <= 1
        assert Fraction(entry.result.lower_bound) <= entry.reference


def test_what_is_drawn(comparison: Comparison) -> None:
    figure = quality_figure(comparison, title="Two layers")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 2  # layers of equal shape once
    assert [axes.get_title(loc="left").partition("\n")[0] for axes in shown] == ["gemm", "other"]
    for axes in shown:
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        lines = {line.get_label(): line for line in axes.get_lines()}
        assert set(lines) >= {*MAPPERS, f"{SOLVER}, best mapping", f"{SOLVER}, proven bound"}
        looks = {(line.get_color(), line.get_linestyle()) for name, line in lines.items() if name[0] != "_"}
        assert len(looks) == len(MAPPERS) + 2
        assert len({lines[name].get_marker() for name in MAPPERS}) == len(MAPPERS)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [*MAPPERS, f"{SOLVER}, best mapping", f"{SOLVER}, proven bound"]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_files(comparison: Comparison, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"quality.{kind}"
    save(quality_figure(comparison), path)
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind]
    assert path.read_bytes().startswith(start)


def test_a_picture_is_not_blank(comparison: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "quality.png"
    save(quality_figure(comparison), path)
    pixels: Any = imread(path)[..., :3]
    assert pixels.shape[0] > 300
    assert pixels.shape[1] > 900
    assert 0.01 < np.mean(np.any(pixels < 0.5, axis=-1)) < 0.5


def test_nothing_to_draw(comparison: Comparison, tmp_path: Path) -> None:
    empty = Comparison(machine(), "edp", "exact", (), MAPPERS)
    save(quality_figure(empty), tmp_path / "empty.png")
