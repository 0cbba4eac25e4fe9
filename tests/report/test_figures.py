"""Figures and marks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fenqun import schema
from fenqun.report.atlas import drawn_users, map_figure
from fenqun.report.figures import comparison_figure, plotly_text, trials_figure
from fenqun.report.palette import HUES, mark

# Dichromacy by Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DICHROMACY = {
    "none": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(
        rgb, 0, 1
    )
    f = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_no_two_of_forty_segments_look_alike() -> None:
    assert len({mark(position) for position in range(40)}) == 40


@pytest.mark.parametrize("sight", DICHROMACY)
def test_hues_differ_for_every_sight(sight: str) -> None:
    seen = [lab(DICHROMACY[sight] @ linear(hue)) for hue in HUES]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) > 18


@pytest.mark.parametrize("ground", ["#ffffff", "#1b1e25"])
def test_hues_read_on_light_and_dark(ground: str) -> None:
    def luminance(colour: str) -> float:
        return float(linear(colour) @ np.array([0.2126, 0.7152, 0.0722]))

    for hue in HUES:
        light, dark = sorted((luminance(hue), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 2.2, hue


def test_the_map_draws_each_user_once(fabric: Callable[..., Any]) -> None:
    run = fabric(users=500, k=5).everything()
    tables = [run.read_table(f"{name}.parquet") for name in ("map", "memberships", "segments")]
    figure = map_figure(*tables)
    assert [len(trace.x) for trace in figure.data] == tables[2]["size"].to_pylist()
    assert {trace.type for trace in figure.data} == {"scattergl"}
    assert [note.name for note in figure.layout.annotations] == tables[2]["segment_id"].to_pylist()
    chinese = map_figure(*tables, language="zh")
    assert chinese.data[0].name == tables[2]["name_zh"][0].as_py()
    few = map_figure(*tables, limit=100)
    assert sum(len(trace.x) for trace in few.data) == 100


def test_the_map_names_few_segments_and_numbers_many(fabric: Callable[..., Any]) -> None:
    run = fabric(users=900, k=20).everything()
    notes = map_figure(*(run.read_table(f"{name}.parquet") for name in ("map", "memberships", "segments")))
    assert notes.layout.annotations[0].text == "<b>S01</b>"


def test_drawn_users_are_spread_and_distinct() -> None:
    rows = drawn_users(50_001, 20_000)
    assert len(np.unique(rows)) == 20_000
    assert (rows[0], rows[-1]) == (0, 50_000)
    assert list(drawn_users(3, 20_000)) == [0, 1, 2]


def test_labels_on_the_map_do_not_cover_each_other(fabric: Callable[..., Any]) -> None:
    run = fabric(users=800, k=2).everything()
    tables = [run.read_table(f"{name}.parquet") for name in ("map", "memberships", "segments")]
    here = (
        tables[0]
        .set_column(1, "x", pa.array(np.zeros(800, np.float32)))
        .set_column(2, "y", pa.array(np.zeros(800, np.float32)))
    )
    one, other = map_figure(here, *tables[1:]).layout.annotations
    wide = 3 * (len(one.text) + len(other.text) - 14)  # without the tags of bold
    assert abs(one.ay - other.ay) > 20 or abs(one.ax - other.ax) > wide


def test_many_labels_on_the_map_stay_apart_and_inside(fabric: Callable[..., Any]) -> None:
    run = fabric(users=900, k=14).everything()
    tables = [run.read_table(f"{name}.parquet") for name in ("map", "memberships", "segments")]
    notes = map_figure(*tables).layout.annotations
    x, y = (tables[0][axis].to_numpy() for axis in ("x", "y"))
    scale = min(660 / np.ptp(x), 400 / np.ptp(y))
    at = [
        ((note.x - x.min() / 2 - x.max() / 2) * scale + note.ax,
         (note.y - y.min() / 2 - y.max() / 2) * scale - note.ay, 3 * (len(note.text) - 7))
        for note in notes
    ]  # fmt: skip
    for (c, r, half), (c2, r2, half2) in combinations(at, 2):
        assert abs(c - c2) > half + half2 or abs(r - r2) > 18
    assert all(abs(c) + half < 330 and abs(r) < 200 for c, r, half in at)


def test_names_that_shorten_alike_give_way_to_ids(fabric: Callable[..., Any]) -> None:
    run = fabric(users=200, k=2).everything()
    tables = [run.read_table(f"{name}.parquet") for name in ("map", "memberships", "segments")]
    names = pa.array(["Frequent Fresh Bread buyers, weekdays", "Frequent Fresh Bread buyers, weekends"])
    alike = tables[2].set_column(tables[2].column_names.index("name_en"), "name_en", names)
    texts = [note.text for note in map_figure(*tables[:2], alike).layout.annotations]
    assert texts == ["<b>S01</b>", "<b>S02</b>"]


def test_comparison_marks_the_winner_and_shows_intervals(fabric: Callable[..., Any]) -> None:
    run = fabric(users=100).everything()
    table = run.read_table("comparison.parquet")
    figure = comparison_figure(table, "explained_value", "value", 8)
    dots = next(trace for trace in figure.data if trace.mode == "markers")
    assert [name for name in dots.y if "✓" in name] == ["<b>RFM ✓</b>"]
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert len(lines) == len(dots.x) == 5
    assert all(line.x[0] < x < line.x[1] for line, x in zip(lines, dots.x, strict=True))
    nulls = comparison_figure(table, "inertia", "shape", 8).data[-1]
    assert nulls.marker.symbol == "line-ns"
    untested = comparison_figure(table, "inertia", "shape", 8).data[0]
    assert not [name for name in untested.y if "✓" in name]
    assert list(untested.marker.symbol) == ["circle", *["circle-open"] * 4]


def test_comparison_of_a_metric_nobody_has() -> None:
    assert len(comparison_figure(schema.COMPARISON.empty_table(), "ndcg", "lists", 8).data[0].x) == 0


def test_trials_ring_the_chosen(fabric: Callable[..., Any]) -> None:
    trials = fabric(users=60).everything().read_table("trials.parquet")
    ring = trials_figure(trials, "learned").data[-1]
    assert list(ring.x) == [8]


def test_plotly_reads_nothing_in_untrusted_text() -> None:
    assert plotly_text('<a href="javascript:1">x</a>\u202e') == '&lt;a href="javascript:1"&gt;x&lt;/a&gt;'
    assert len(plotly_text("字" * 5000)) <= 80
