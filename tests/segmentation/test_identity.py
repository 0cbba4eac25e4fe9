"""Ids that outlive a refit: what must not matter does not, and births, deaths, splits and merges are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from fenqun.segmentation.alignment import Alignment
from fenqun.segmentation.identity import (
    Grouping,
    best_matches,
    fresh_ids,
    identify,
    jaccard,
    nearness,
    seed_agreement,
    split_flows,
)
from fenqun.segmentation.rule import FeatureError, means

Blobs = tuple[np.ndarray, np.ndarray]


def grouping(X: np.ndarray, labels: np.ndarray, ids: list[str] | None = None) -> Grouping:
    k = int(labels.max()) + 1
    return Grouping(tuple(ids or [f"S{i + 1:02d}" for i in range(k)]), labels, X, means(X, labels, k))


def everyone(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(n), np.arange(n)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), narrower=st.integers(0, 3))
def test_neither_the_order_of_labels_nor_the_space_matters(blobs: Blobs, seed: int, narrower: int) -> None:
    X, truth = blobs
    random = np.random.default_rng(seed)
    old = grouping(X, truth, ["S03", "S01", "S09", "S04", "S02", "S07"])
    order = random.permutation(6)
    rows = random.permutation(len(X))
    turned = X @ ortho_group.rvs(8, random_state=seed) + random.normal(size=8) * 30
    turned = turned if not narrower else np.pad(turned, ((0, 0), (0, narrower)))
    new = grouping(turned[rows], order[truth][rows])
    found = identify(old, new, (rows, np.arange(len(X))))
    assert [found.ids[order[a]] for a in range(6)] == list(old.ids)
    assert [found.ids[b] for b in found.order] == list(old.ids)
    assert (found.moved, found.agreement) == (0.0, 1.0) and found.fit == pytest.approx(1.0)
    assert found.births == found.deaths == found.splits == found.merges == ()
    assert all(match.score == pytest.approx(1.0) for match in found.matches)


def test_the_same_rows_are_matched_exactly(blobs: Blobs) -> None:
    X, _ = blobs
    alignment = Alignment.of(X, X)
    assert np.array_equal(alignment.carry(X), X)


def test_a_narrower_space_and_no_shared_user() -> None:
    random = np.random.default_rng(0)
    flat = random.normal(size=(50, 2))
    wide = np.pad(flat, ((0, 0), (0, 3))) @ ortho_group.rvs(5, random_state=1)
    assert np.allclose(Alignment.of(wide, flat).carry(wide), flat)
    assert np.allclose(Alignment.of(flat, wide).carry(flat), wide)
    with pytest.raises(FeatureError, match="only on users that both have"):
        Alignment.of(flat[:0], wide[:0])


def test_a_split_keeps_the_id_with_the_larger_part_and_the_other_is_born(blobs: Blobs) -> None:
    X, truth = blobs
    halves = np.where((truth == 0) & (np.arange(len(truth)) % 5 < 2), 6, truth)
    found = identify(grouping(X, truth), grouping(X, halves), everyone(len(X)), used=["S11"])
    assert found.ids[:6] == ("S01", "S02", "S03", "S04", "S05", "S06")
    assert (found.births, found.ids[6], found.deaths, found.merges) == ((6,), "S12", (), ())
    (split,) = found.splits
    assert split.segment == 0 and split.others == (0, 6) and sum(split.shares) == pytest.approx(1.0)


def test_a_merge_keeps_one_id_and_the_other_dies(blobs: Blobs) -> None:
    X, truth = blobs
    merged = np.where(truth == 5, 0, truth)
    found = identify(grouping(X, truth), grouping(X, merged), everyone(len(X)))
    assert found.ids == ("S01", "S02", "S03", "S04", "S05")
    assert (found.births, found.deaths, found.splits) == ((), (5,), ())
    (merge,) = found.merges
    assert merge.segment == 0 and merge.others == (0, 5)
    assert found.moved == pytest.approx(np.mean(truth == 5))


def test_newcomers_are_born_and_an_id_is_never_given_twice(blobs: Blobs) -> None:
    X, truth = blobs
    known, strangers = np.flatnonzero(truth < 5), np.flatnonzero(truth != 4)
    labels = np.searchsorted([0, 1, 2, 3, 5], truth[strangers])
    both = np.intersect1d(known, strangers)
    shared = np.searchsorted(known, both), np.searchsorted(strangers, both)
    old, new = grouping(X[known], truth[known]), grouping(X[strangers], labels)
    found = identify(old, new, shared, used=["S06", "S07"])
    assert found.ids == ("S01", "S02", "S03", "S04", "S08") and found.deaths == (4,)
    again = identify(grouping(X[strangers], labels, list(found.ids)), old, shared[::-1], used=["S05", "S06", "S07"])
    assert again.ids == ("S01", "S02", "S03", "S04", "S09")  # not S05, although they are the same people


def test_fresh_ids_are_above_all_that_were_given() -> None:
    assert fresh_ids([], 2) == ["S01", "S02"]
    assert fresh_ids(["S02", "vip", "S99"], 2) == ["S100", "S101"]


@settings(max_examples=50)
@given(st.data())
def test_matches_are_one_to_one_and_none_is_weak(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    score = np.array(
        data.draw(st.lists(st.floats(0, 1), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    )
    score = score.reshape(shape)
    found = best_matches(score)
    assert len({a for a, _ in found}) == len({b for _, b in found}) == len(found)
    assert all(score[a, b] >= 0.35 for a, b in found)
    free = [(a, b) for a in range(shape[0]) for b in range(shape[1])
            if a not in {m[0] for m in found} and b not in {m[1] for m in found}]  # fmt: skip
    assert all(score[a, b] < 0.35 for a, b in free)


def test_a_strong_match_is_not_given_up_for_two_weak_ones() -> None:
    assert best_matches(np.array([[0.5, 0.34], [0.34, 0.0]])) == [(0, 0)]


def test_figures_of_flows() -> None:
    flow = np.array([[30, 10, 0], [0, 5, 55]])
    assert jaccard(flow)[1, 2] == pytest.approx(55 / 60)
    assert jaccard(np.zeros((1, 2), dtype=np.int64)).tolist() == [[0.0, 0.0]]
    (split,) = split_flows(flow)
    assert (split.segment, split.others, split.shares) == (0, (0, 1), (0.75, 0.25))
    assert split_flows(np.array([[30, 10, 0], [0, 50, 10]])) == ()  # the ten went over to people who were there


def test_nearness_of_one_segment_and_of_many() -> None:
    assert nearness(np.zeros((1, 2)), np.ones((1, 2))).tolist() == [[1.0]]
    near = nearness(np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[0.0, 0.0], [2.0, 0.0]]))
    assert near.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_another_seed(blobs: Blobs, continuum: np.ndarray) -> None:
    X, truth = blobs
    first = grouping(X, truth)
    (again,) = seed_agreement(first, [grouping(X @ ortho_group.rvs(8, random_state=0), truth)])
    assert (again.agreement, again.survived, again.k) == (1.0, 6, 6)
    random = np.random.default_rng(0)
    lots = [grouping(continuum, random.integers(0, 6, len(continuum))) for _ in range(2)]
    (other,) = seed_agreement(lots[0], lots[1:])
    assert abs(other.agreement) < 0.05
