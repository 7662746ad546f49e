"""Pictures show the numbers of the results, look as they did, and their bytes do not vary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

import matplotlib as mpl
from matplotlib.figure import Figure

from zzcp import load_accelerator
from zzcp.errors import InputError
from zzcp.plot import (
    Entry,
    energy_figure,
    hierarchy_figure,
    latency_figure,
    nest_figure,
    pareto_figure,
    progress_figure,
    save,
    sweep_figure,
)
from zzcp.plot.entries import LATENCY, file_labels
from zzcp.plot.hierarchy import links_of
from zzcp.plot.nest import nest_of
from zzcp.plot.progress import samples_of
from zzcp.plot.style import PALETTE, colours, ink_on, new_figure, scale_of, scaled_axis

Same = Callable[[str, Figure], None]
Read = Callable[[str], Any]


def bar_widths(figure: Figure) -> dict[str, list[float]]:
    """Return the lengths of the parts of all bars, by the parts' names."""
    return {
        container.get_label(): [patch.get_width() for patch in container.patches]
        for container in figure.axes[0].containers
    }


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Return texts of the axes that lie on each other, and those that leave the picture."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    found = []
    boxes = []
    for axes in figure.axes:
        ticks = [
            tick.label1
            for axis in (axes.xaxis, axes.yaxis)
            for tick in axis.get_major_ticks()
            if axes.axison
            and min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        ]
        texts = [*axes.texts, *ticks, axes.title]
        boxes += [
            (text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text().strip()
        ]
    for (first, a), (second, b) in combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        along = min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > 1 and along > 1:
            found.append((first, second))
    width, height = figure.bbox.width, figure.bbox.height
    found += [
        (text, "edge") for text, box in boxes if box.x0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]
    return found


# ---- what is drawn ------------------------------------------------------------------------------------------------


def test_bars_of_the_latency_are_its_components(pair: list[Entry]) -> None:
    widths = bar_widths(latency_figure(pair))
    order = sorted(pair, key=lambda entry: entry.name)  # conv before gemm, as in the file
    for part, name in LATENCY.items():
        expected = [entry.evaluation["latency"][part] for entry in order]
        assert widths.get(name, [0] * len(order)) == expected
    assert [sum(parts) for parts in zip(*widths.values(), strict=True)] == [
        entry.total_latency for entry in order
    ]


def test_bars_of_the_energy_are_those_of_memories_and_operands(pair: list[Entry]) -> None:
    widths = bar_widths(energy_figure(pair))
    order = sorted(pair, key=lambda entry: entry.name)
    for number, entry in enumerate(order):
        energy = entry.evaluation["energy"]
        assert widths["array"][number] == energy["mac"]
        for memory, total in energy["by_memory"].items():
            parts = [values[number] for name, values in widths.items() if name.startswith(f"{memory}, ")]
            assert sum(parts) == pytest.approx(total, rel=1e-12)
        for operand, levels in energy["by_operand"].items():
            parts = [values[number] for name, values in widths.items() if name.endswith(f", {operand}")]
            assert sum(parts) == pytest.approx(sum(levels), rel=1e-12)


def test_shares_add_up_to_one(pair: list[Entry]) -> None:
    for draw in (latency_figure, energy_figure):
        sums = [sum(parts) for parts in zip(*bar_widths(draw(pair, share=True)).values(), strict=True)]
        assert sums == pytest.approx([1] * len(pair))


def test_points_of_the_logarithmic_picture(pair: list[Entry]) -> None:
    lines = {line.get_label(): line for line in latency_figure(pair, log=True).axes[0].lines}
    order = sorted(pair, key=lambda entry: entry.name)
    assert list(lines["data loading"].get_xdata()) == [e.latency["data_loading"] for e in order]
    assert list(lines["total"].get_xdata()) == [e.total_latency for e in order]


def test_blocks_of_the_nest_fill_every_column_and_hold_the_loops_of_their_level(pair: list[Entry]) -> None:
    for entry in pair:
        nest = nest_of(entry)
        body = min(row.top for row in nest.rows if not row.text.startswith("for"))
        for operand, levels in entry.mapping.temporal.items():
            column = [block for block in nest.blocks if block.operand == operand]
            assert [block.memory for block in column] == list(entry.memories[operand])
            assert (column[-1].top, column[0].bottom) == (0.0, body)
            for lower, upper in pairwise(column):
                assert lower.top == upper.bottom
            for block, loops in zip(column, levels, strict=True):
                inside = [
                    row.text
                    for row in nest.rows
                    if row.text.startswith("for") and block.top <= (row.top + row.bottom) / 2 < block.bottom
                ]
                assert inside == [f"for {loop.dim} in {loop.size}" for loop in reversed(loops)]


def test_hierarchy_has_every_memory_and_every_link(root: Path) -> None:
    for name in ("tpu_like", "simba_like", "seed_eyeriss_8_64_1024"):
        machine = load_accelerator(root / "models" / "accelerators" / f"{name}.yaml")
        figure = hierarchy_figure(machine)
        names = [patch.get_label() for patch in figure.axes[0].patches]
        assert sorted(names) == sorted(["array", *(memory.name for memory in machine.memories)])
        assert len(links_of(machine)) == sum(len(machine.levels(operand)) for operand in machine.operands)
        assert overlapping(figure) == []


@pytest.mark.parametrize(
    "name", ["tpu_like", "simba_like", "edge_tpu_like", "gemmini_like", "eyeriss_like", "seed_eyeriss_1_2_4"]
)
def test_links_pass_by_the_memories_that_they_do_not_enter(name: str, root: Path) -> None:
    machine = load_accelerator(root / "models" / "accelerators" / f"{name}.yaml")
    axes = hierarchy_figure(machine).axes[0]
    boxes = {patch.get_label(): patch.get_bbox() for patch in axes.patches}
    lines = [line for line in axes.lines if str(line.get_label()).startswith("_") and len(line.get_xdata())]
    assert len(lines) == len(links_of(machine))
    for line, link in zip(lines, links_of(machine), strict=True):
        corners = list(zip(line.get_xdata(), line.get_ydata(), strict=True))
        assert corners[0][1] == boxes[link.lower].y0
        assert corners[-1][1] == boxes[link.upper].y1
        for (x1, y1), (x2, y2) in pairwise(corners):
            for memory, box in boxes.items():
                beside = max(x1, x2) <= box.x0 or box.x1 <= min(x1, x2)
                above = max(y1, y2) <= box.y0 or box.y1 <= min(y1, y2)
                assert beside or above, (link, memory)


def test_a_long_name_takes_no_room_from_the_boxes(root: Path) -> None:
    machine = load_accelerator(root / "models" / "accelerators" / "seed_eyeriss_1_2_4.yaml")
    figures = [hierarchy_figure(machine), hierarchy_figure(replace(machine, name=300 * "W"))]
    widths = []
    for figure in figures:
        figure.canvas.draw()
        widths.append(figure.axes[0].get_window_extent().width)
        title = figure.axes[0].texts[-1]
        assert 0 <= title.get_window_extent().x0 < title.get_window_extent().x1 <= figure.bbox.width
    assert widths[0] == widths[1]


def test_points_on_the_hull_are_not_hidden(read: Read) -> None:
    data = read("pareto")
    data["points"][1]["supported"] = False
    axes = pareto_figure(data).axes[0]
    order = {line.get_label(): line.get_zorder() for line in axes.lines}
    assert order["on the convex hull"] > order["above the convex hull"]


def test_names_that_begin_with_an_underscore_are_in_the_legend(read: Read) -> None:
    data = read("sweep")
    data["points"] += [point | {"layer": "_$second$"} for point in data["points"]]
    figure = sweep_figure(data)
    (legend,) = figure.legends
    assert {"conv", "_$second$"} <= {text.get_text() for text in legend.get_texts()}


def test_equal_curves_are_seen_one_around_the_other(read: Read) -> None:
    data = read("sweep")
    data["points"] += [point | {"layer": "second"} for point in data["points"]]
    axes = sweep_figure(data).axes[0]
    sizes = [line.get_markersize() for line in axes.lines if not str(line.get_label()).startswith("_")]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


def test_sweep_shows_objectives_and_loading(read: Read) -> None:
    data = read("sweep")
    figure = sweep_figure(data)
    assert len(figure.axes) == 3
    for axes, objective in zip(figure.axes, ("edp", "energy"), strict=False):
        points = [point for point in data["points"] if point["objective_name"] == objective]
        assert list(axes.lines[0].get_ydata()) == [point["objective"] for point in points]
    loading = [
        p["evaluation"]["latency"]["data_loading"] for p in data["points"] if p["objective_name"] == "edp"
    ]
    assert list(figure.axes[-1].lines[0].get_ydata()) == loading


def test_hyperbola_goes_through_the_best_point_of_the_front(read: Read) -> None:
    data = read("pareto")
    lines = {line.get_label(): line for line in pareto_figure(data).axes[0].lines}
    best = min(point["edp"] for point in data["points"])
    curve = next(line for name, line in lines.items() if name.startswith("EDP"))
    assert [x * y for x, y in zip(*curve.get_data(), strict=True)] == pytest.approx([best] * 201)
    (x,), (y,) = lines["least EDP"].get_data()
    assert x * y == pytest.approx(best)


def test_bound_of_the_progress_rises_to_the_result(pair: list[Entry]) -> None:
    entry = pair[0]
    lines = {line.get_label(): line.get_ydata() for line in progress_figure(samples_of(entry)).axes[0].lines}
    bound = list(lines["proven bound"])
    assert bound == sorted(bound)
    assert bound[-1] == entry.data["lower_bound"]
    assert lines["best mapping"][-1] == entry.data["objective"]


def test_without_samples_the_progress_says_how_to_record_them(pair: list[Entry]) -> None:
    with pytest.raises(InputError, match="--progress-log"):
        samples_of(pair[1])


# ---- how it looks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", ["", "log", "share"])
@pytest.mark.parametrize("kind", ["latency", "energy"])
def test_bars_look_as_before(kind: str, look: str, pair: list[Entry], same: Same) -> None:
    draw = {"latency": latency_figure, "energy": energy_figure}[kind]
    figure = draw(pair, title="Two layers", **({look: True} if look else {}))
    assert overlapping(figure) == []
    same("_".join(filter(None, (kind, look))), figure)


def test_other_pictures_look_as_before(pair: list[Entry], read: Read, same: Same) -> None:
    figures = {
        "nest": nest_figure(pair[0], title="conv"),
        "hierarchy": hierarchy_figure(pair[0].accelerator),
        "sweep": sweep_figure(read("sweep"), title="Memory sizes"),
        "pareto": pareto_figure(read("pareto"), title="Front"),
        "progress": progress_figure(samples_of(pair[0]), title="Search"),
    }
    for name, figure in figures.items():
        assert overlapping(figure) == [], name
        same(name, figure)


@pytest.mark.parametrize("number", [1, 50])
def test_one_layer_and_fifty_have_room(number: int, pair: list[Entry]) -> None:
    many = [replace(pair[0], name=f"layer{i}.0.downsample.conv") for i in range(number)]
    for draw in (latency_figure, energy_figure):
        figure = draw(many, title="Many layers")
        assert overlapping(figure) == []
        assert figure.legends[0].get_window_extent().x0 > figure.axes[0].get_window_extent().x1


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_picture_gives_the_same_bytes(suffix: str, pair: list[Entry], tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    for path in files:
        save(latency_figure(pair), path)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_settings_of_the_user_are_neither_used_nor_changed(pair: list[Entry], same: Same) -> None:
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        figure = latency_figure(pair, title="Two layers")
        assert mpl.rcParams["font.size"] == 30
    same("latency", figure)


# ---- style --------------------------------------------------------------------------------------------------------


def test_colours_go_on_after_the_palette() -> None:
    found = colours(str(number) for number in range(20))
    assert len(set(found.values())) == 20
    assert [value.upper() for value in list(found.values())[:8]] == [value.upper() for value in PALETTE]


def test_text_is_read_on_every_colour() -> None:
    assert ink_on("#F0E442") != "white"
    assert ink_on("#0072B2") == "white"


@pytest.mark.parametrize(
    ("largest", "unit", "expected"),
    [(0, "pJ", (1, "pJ")), (5e6, "pJ", (1e6, "µJ")), (999, "cycles", (1, "cycles")), (3, "m", (1, "m"))],
)
def test_units_suit_the_largest_value(largest: float, unit: str, expected: tuple[float, str]) -> None:
    assert scale_of(largest, unit) == expected


def test_labels_tell_files_apart() -> None:
    assert file_labels(["a/x.json", "b/y.json"]) == ["x", "y"]
    assert file_labels(["a/x.json", "b/x.json"]) == ["a/x", "b/x"]
    assert file_labels(["x.json", "x.json"]) == ["x (1)", "x (2)"]


@pytest.mark.parametrize("values", [(1.0, 3.0), (5.000001e9, 5.000002e9), (1e12, 1e12 + 40)])
def test_labels_of_close_values_are_distinct(values: tuple[float, float]) -> None:
    figure = new_figure(4, 3)
    axes = figure.subplots()
    axes.set_xlim(*values)
    scaled_axis(axes.xaxis, "latency", values[1], "cycles")
    figure.canvas.draw()
    low, high = values
    texts = [
        label.get_text()
        for label, place in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
        if low <= place <= high
    ]
    assert len(texts) > 2
    assert len(set(texts)) == len(texts)
