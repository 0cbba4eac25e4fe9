"""Levels above and below the segments: geometry, the rules of choice, ids, and the one path of every user."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.errors import RunError
from fenqun.evaluation.agreement import rand_index
from fenqun.segmentation.hierarchy import Hierarchy, Parts, nearest
from fenqun.segmentation.level_ids import MACRO, level_ids, micro_form
from fenqun.segmentation.levels import Gain, choose_groups, choose_parts, divide, join, pays


def planted(seed: int = 0, users: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three far groups of three near sub-groups: rows, group, sub-group."""
    random = np.random.default_rng(seed)
    top = 30.0 * np.eye(3, 6)
    centres = np.repeat(top, 3, axis=0) + np.tile(6.0 * np.eye(3, 6, k=3), (3, 1))
    part = np.repeat(np.arange(9), users)
    return centres[part] + random.normal(size=(len(part), 6)), part // 3, part


def test_joining_finds_the_planted_groups() -> None:
    X, group, part = planted()
    centroids = np.stack([X[part == p].mean(axis=0) for p in range(9)])
    owner = join(centroids, np.bincount(part), 3)
    assert rand_index(owner[part], group) == 1.0


def test_joining_weighs_segments_by_their_users() -> None:
    centroids = np.array([[0.0], [1.0], [2.1]])
    # The pair that costs the users least is the one with the small segment, though another pair is nearer.
    assert join(centroids, np.array([1000, 1000, 2]), 2).tolist() == [1, 0, 0]


def test_dividing_finds_the_planted_parts_in_any_order_of_rows() -> None:
    X, group, part = planted()
    rows = X[group == 1]
    found = divide(rows, (2, 3, 4), seed=7)
    assert rand_index(nearest(rows, found[3]), part[group == 1]) == 1.0
    shuffled = divide(rows[np.random.default_rng(1).permutation(len(rows))], (2, 3, 4), seed=7)
    assert all(np.array_equal(found[p], shuffled[p]) for p in found)


def test_dividing_leaves_out_what_rows_cannot_fill() -> None:
    assert divide(np.zeros((5, 2)), (2, 3), seed=0) == {}


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(1, 8), st.integers(1, 4))
def test_children_partition_their_parent(seed: int, n: int, k: int, parts: int) -> None:
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 3))
    ids = [f"S{g + 1:02d}" for g in range(k)]
    segments = [ids[g] for g in random.integers(k, size=n)]
    macros = {segment: f"M{random.integers(2) + 1:02d}" for segment in ids}
    micros = {
        segment: Parts(tuple(f"{segment}.{p + 1}" for p in range(parts)), random.normal(size=(parts, 3)))
        for segment in ids[::2]
    }
    macro, micro = Hierarchy(macros, micros).place(X, segments)
    for segment, above, below in zip(segments, macro, micro, strict=True):
        assert above == macros[segment]
        assert (below is None) == (segment not in micros)
        assert below is None or below.rpartition(".")[0] == segment
    alone = [Hierarchy(macros, micros).place(X[i : i + 1], segments[i : i + 1])[1][0] for i in range(n)]
    assert alone == micro


def test_the_knee_is_chosen() -> None:
    noise = np.random.default_rng(0).normal(size=400)
    means = {1: 0.0, 2: 0.3, 3: 0.6, 4: 0.62, 9: 0.8}
    scores = {groups: noise + mean for groups, mean in means.items()}
    assert choose_groups(scores) == 3
    assert choose_groups(scores, earlier=2) == 3
    near = noise + 0.69 + np.tile([-3.0, 3.0], 200)  # excess .39 against .4, standard error .15
    assert choose_groups(scores | {4: near}) == 3
    assert choose_groups(scores | {4: near}, earlier=4) == 4
    assert choose_groups({1: noise, 9: noise}) is None
    assert choose_groups({groups: np.full(3, np.nan) for groups in means}) is None


def test_a_division_must_beat_the_whole_and_the_lot() -> None:
    clear, nothing = Gain(0.5, 0.1, 100), Gain(0.1, 0.1, 100)
    assert pays(clear, clear, tests=10)
    assert not pays(clear, nothing, tests=1)
    assert not pays(nothing, clear, tests=1)
    assert not pays(Gain(0.2, 0.1, 100), clear, tests=10)  # the chance of error is shared
    assert not pays(Gain.of(np.array([np.nan])), clear, tests=1)


def test_the_number_of_parts() -> None:
    gains = {2: Gain(0.1, 0.02, 9), 3: Gain(0.2, 0.02, 9), 4: Gain(0.21, 0.02, 9)}
    assert choose_parts(gains) == 3
    assert choose_parts(gains, earlier=4) == 4
    assert choose_parts(gains, earlier=2) == 3


def test_ids_stay_with_their_users_and_are_never_given_twice() -> None:
    first = level_ids(MACRO, 3, (), [], np.empty(0, dtype=np.int64))
    assert first == ("M01", "M02", "M03")
    before = ["M01"] * 10 + ["M03"] * 10 + [None] * 10
    now = np.array([1] * 9 + [0] + [0] * 10 + [2] * 10)
    assert level_ids(MACRO, 3, first, before, now) == ("M03", "M01", "M04")
    assert level_ids(micro_form("S03"), 2, ("S03.1", "S030.7"), [], np.empty(0, dtype=np.int64)) == (
        "S03.2",
        "S03.3",
    )


def test_stored_and_read_back(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    kept = Hierarchy({"S01": "M01"}, {"S01": Parts(("S01.1", "S01.2"), random.normal(size=(2, 3)))}, ("M01",))
    kept.save(tmp_path / "hierarchy")
    again = Hierarchy.load(tmp_path / "hierarchy")
    assert (again.macros, again.used, again.micros["S01"].ids) == (kept.macros, kept.used, kept.micros["S01"].ids)
    assert np.array_equal(again.micros["S01"].centroids, kept.micros["S01"].centroids)
    Hierarchy({"S01": "M01"}).save(tmp_path / "no_parts")
    assert Hierarchy.load(tmp_path / "no_parts").micros == {}
    (tmp_path / "hierarchy" / "hierarchy.json").write_text("{")
    with pytest.raises(RunError, match="missing or damaged"):
        Hierarchy.load(tmp_path / "hierarchy")
