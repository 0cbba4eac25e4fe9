"""One contract for all recommenders, and what each does of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from fenqun import schema
from fenqun.recommendation.lists import segment_lists, user_recommendations
from fenqun.recommendation.recommenders import (
    ALSRanking,
    Blend,
    IntentRanking,
    ItemKNN,
    Popularity,
    Recommender,
    RepeatPurchase,
    SegmentCounts,
    TasteRanking,
)
from fenqun.recommendation.recommenders.registry import RECOMMENDERS as REGISTRY

Make = Callable[[int, int], Recommender]


def vectors(n_users: int, n_items: int):
    rng = np.random.default_rng(4)
    return rng.normal(size=(n_users, 5)).astype(np.float32), rng.normal(size=(n_items, 5)).astype(np.float32)


def taste(n_users: int, n_items: int) -> TasteRanking:
    return TasteRanking(*vectors(n_users, n_items))


def days(n_users: int, n_items: int):
    return sparse.csr_matrix(np.random.default_rng(5).poisson(0.7, (n_users, n_items)).astype(float))


RECOMMENDERS: dict[str, Make] = {
    "popularity": lambda n, m: Popularity(),
    "popularity_binary": lambda n, m: Popularity("binary"),
    "repeat": lambda n, m: RepeatPurchase(days(n, m)),
    "item_knn": lambda n, m: ItemKNN(neighbours=6),
    "item_knn_few": lambda n, m: ItemKNN(neighbours=3, most_items=8),
    "als": lambda n, m: ALSRanking(width=4, iterations=3),
    "als_few": lambda n, m: ALSRanking(width=4, iterations=2, most_items=6),
    "intent": lambda n, m: IntentRanking(*vectors(n, m)),
    "blend": lambda n, m: Blend(SegmentCounts(smoothing=5), ItemKNN(neighbours=6), 0.3),
    "segment_counts": lambda n, m: SegmentCounts(smoothing=10),
    "segment_counts_binary": lambda n, m: SegmentCounts(weighting="binary"),
    "segment_counts_plain": lambda n, m: SegmentCounts(smoothing=0, weighting="counts"),
    "taste": taste,
}


@pytest.fixture(params=sorted(RECOMMENDERS))
def make(request: pytest.FixtureRequest) -> Make:
    return RECOMMENDERS[request.param]


def log(seed: int = 0, n: int = 60, m: int = 25, k: int = 3):
    rng = np.random.default_rng(seed)
    labels = np.r_[np.arange(k), rng.integers(0, k, n - k)]
    counts = rng.poisson(0.4, (n, m)).astype(float) * (1 + 3 * (labels[:, None] == np.arange(m) % k))
    counts[:, m - 1] = 0  # never taken
    counts[:, m - 2] = -1  # only returned
    return sparse.csr_matrix(counts), labels


def test_scores_have_the_promised_shapes_and_leave_out_what_nobody_took(make):
    counts, labels = log()
    recommender = make(60, 25)
    assert isinstance(recommender, Recommender)
    assert recommender.fit(counts, labels, 3) is recommender
    by_segment, by_user = recommender.segment_scores(), recommender.scores(np.array([5, 0, 5]))
    assert by_segment.shape == (3, 25) and by_user.shape == (3, 25)
    for scores in (by_segment, by_user):
        assert np.isneginf(scores[:, -2:]).all() and np.isfinite(scores[:, :-2]).all()
    np.testing.assert_array_equal(by_user[0], by_user[2])


def test_fitting_leaves_its_input_and_repeats_itself(make):
    counts, labels = log()
    before = counts.toarray()
    first = make(60, 25).fit(counts, labels, 3).segment_scores()
    np.testing.assert_array_equal(counts.toarray(), before)
    np.testing.assert_array_equal(first, make(60, 25).fit(counts, labels, 3).segment_scores())


def test_an_empty_segment_and_an_empty_log_do_not_break(make):
    counts, labels = log()
    scores = make(60, 25).fit(counts, labels, 4).segment_scores()
    assert scores.shape == (4, 25) and not np.isnan(scores).any()
    nothing = make(60, 25).fit(sparse.csr_matrix((60, 25)), labels, 3)
    table = segment_lists(nothing.segment_scores(), [nothing.name] * 3, ["a", "b", "c"], pa.array(range(25)), 5)
    assert table.num_rows == 0 and table.schema == schema.recommendations(pa.int64())


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    length=st.integers(1, 40),
    masked=st.booleans(),
    name=st.sampled_from(sorted(RECOMMENDERS)),
)
def test_lists_are_ordered_without_duplicates_and_without_what_was_seen(seed, length, masked, name):
    counts, labels = log(seed)
    recommender = RECOMMENDERS[name](60, 25).fit(counts, labels, 3)
    seen = counts if masked else None
    users = pa.array([f"u{i}" for i in range(60)])
    tables = list(user_recommendations(recommender.scores, users, pa.array(range(25)), length, seen))
    table = pa.concat_tables(tables)
    assert table.schema == schema.user_recommendations(pa.string(), pa.int64())
    alive = np.flatnonzero(counts.toarray().clip(0).sum(axis=0) > 0)
    rows = table.to_pydict()
    owner = np.array([int(u[1:]) for u in rows["user_id"]])
    for user in range(60):
        own = np.flatnonzero(owner == user)
        items, scores = np.array(rows["item_id"])[own], np.array(rows["score"])[own]
        history = counts[user].indices if masked else []
        allowed = np.setdiff1d(alive, history)
        assert len(items) == min(length, len(allowed)) == len(set(items.tolist()))
        assert set(items.tolist()) <= set(allowed.tolist())
        assert np.array(rows["rank"])[own].tolist() == list(range(1, len(items) + 1))
        assert (np.diff(scores) <= 0).all()
        ties = np.diff(scores) == 0
        assert (np.diff(items)[ties] > 0).all()


def test_users_in_chunks_are_users_at_once(make, monkeypatch):
    counts, labels = log()
    recommender = make(60, 25).fit(counts, labels, 3)
    users, items = pa.array(range(60)), pa.chunked_array([pa.array([f"i{i:02d}" for i in range(25)])])
    whole = pa.concat_tables(user_recommendations(recommender.scores, users, items, 6, counts))
    monkeypatch.setattr("fenqun.recommendation.lists._CELLS", 25 * 7)
    chunks = list(user_recommendations(recommender.scores, users, items, 6, counts))
    assert len(chunks) == 9
    assert pa.concat_tables(chunks).equals(whole)


def test_segment_table(make):
    counts, labels = log()
    recommender = make(60, 25).fit(counts, labels, 3)
    names, ids = [recommender.name] * 3, ["S01", "S02", "S03"]
    table = segment_lists(recommender.segment_scores(), names, ids, pa.array([f"{i:03d}" for i in range(25)]), 4)
    assert table.schema == schema.recommendations(pa.string())
    assert table["segment_id"].to_pylist() == ["S01"] * 4 + ["S02"] * 4 + ["S03"] * 4
    assert table["rank"].to_pylist() == [1, 2, 3, 4] * 3
    assert set(table["recommender"].to_pylist()) == {recommender.name}


def test_segment_counts_follow_the_formula():
    counts = sparse.csr_matrix(np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 5.0]]))
    scores = SegmentCounts(smoothing=2, weighting="counts").fit(counts, np.array([0, 0, 1]), 2).segment_scores()
    np.testing.assert_allclose(scores[0], (np.array([3, 2, 0]) + 2 * np.array([0.3, 0.2, 0.5])) / 7)
    np.testing.assert_allclose(scores.sum(axis=1), 1)


def test_a_segment_gets_its_own_items_and_heavy_users_do_not_decide():
    counts = np.zeros((21, 3))
    counts[:20, 0] = 2
    counts[20, 1] = 500
    labels = np.zeros(21, int)
    first = SegmentCounts().fit(sparse.csr_matrix(counts), labels, 1).segment_scores()[0]
    plain = SegmentCounts(weighting="counts").fit(sparse.csr_matrix(counts), labels, 1).segment_scores()[0]
    assert first.argmax() == 0 and plain.argmax() == 1


def test_an_unknown_weighting_is_refused():
    counts, labels = log()
    with pytest.raises(ValueError, match="'loud' is none of counts"):
        SegmentCounts(weighting="loud").fit(counts, labels, 3)  # type: ignore[arg-type]


def test_popularity_counts_people():
    counts = sparse.csr_matrix(np.array([[9.0, 1.0], [0.0, 1.0]]))
    scores = Popularity("binary").fit(counts, np.array([0, 0]), 1).segment_scores()
    np.testing.assert_allclose(scores, [[1 / 3, 2 / 3]])


def test_popularity_is_segment_counts_of_one_segment():
    counts, labels = log()
    alone = SegmentCounts(smoothing=0).fit(counts, np.zeros_like(labels), 1).segment_scores()
    np.testing.assert_allclose(Popularity().fit(counts, labels, 3).segment_scores()[:1], alone)


def test_every_registered_recommender_is_under_the_contract():
    assert set(REGISTRY) | {"blend"} <= set(RECOMMENDERS)
    assert all(RECOMMENDERS[name](60, 25).name == name for name in (*REGISTRY, "blend"))


def test_people_get_what_they_take_again_and_again():
    counts = sparse.csr_matrix(np.array([[5.0, 5.0, 0.0, 1.0]] * 20 + [[0.0, 0.0, 9.0, 0.0]]))
    taken = sparse.csr_matrix(np.array([[5.0, 1.0, 0.0, 1.0]] * 20 + [[0.0, 0.0, 1.0, 0.0]]))
    labels = np.r_[np.zeros(20, int), 1]
    repeat = RepeatPurchase(taken).fit(counts, labels, 2)
    assert np.argsort(-repeat.scores(np.array([0]))[0], kind="stable").tolist() == [0, 1, 3, 2]
    assert np.argsort(-repeat.scores(np.array([20]))[0], kind="stable").tolist() == [2, 0, 1, 3]
    assert repeat.segment_scores().argmax(axis=1).tolist() == [0, 2]
    with pytest.raises(ValueError, match="occasions is"):
        RepeatPurchase(taken[:3]).fit(counts, labels, 2)


def test_neighbours_are_what_the_same_people_take():
    counts = np.zeros((40, 4))
    counts[:20, :2], counts[20:, 2:] = 1, 1
    counts[0, 1] = counts[20, 3] = 0
    scores = ItemKNN(neighbours=2).fit(sparse.csr_matrix(counts), np.zeros(40, int), 1).scores(np.array([0, 20]))
    assert scores[0, 1] > scores[0, 2:].max() and scores[1, 3] > scores[1, :2].max()


def test_factors_tell_two_kinds_of_people_apart():
    counts = np.zeros((40, 6))
    counts[:20, :3], counts[20:, 3:] = 1, 1
    labels = np.repeat([0, 1], 20)
    scores = ALSRanking(width=2).fit(sparse.csr_matrix(counts), labels, 2).segment_scores()
    assert scores[0, :3].min() > scores[0, 3:].max() and scores[1, 3:].min() > scores[1, :3].max()


def test_a_blend_lies_between_its_parts():
    counts, labels = log()
    segment, person = SegmentCounts(smoothing=5), ItemKNN(neighbours=6)
    users = np.arange(60)
    ends = [Blend(segment, person, w).fit(counts, labels, 3).scores(users) for w in (0.0, 1.0)]
    for part, found in zip((segment, person), ends, strict=True):
        assert (part.scores(users).argmax(axis=1) == found.argmax(axis=1)).all()
    own = Blend(segment, person, np.array([0.0, 1.0, 0.5])).fit(counts, labels, 3).scores(users)
    for group, end in ((0, 0), (1, 1)):
        np.testing.assert_array_equal(own[labels == group], ends[end][labels == group])
    with pytest.raises(ValueError, match="one or 3 numbers"):
        Blend(segment, person, np.array([0.5, 0.5])).fit(counts, labels, 3)


def test_taste_ranks_by_the_product_and_a_segment_by_its_mean():
    vectors, table = np.eye(2, dtype=np.float32)[[0, 0, 1]], np.array([[1, 0], [0.5, 0.5], [0, 1]], np.float32)
    ranking = TasteRanking(vectors, table).fit(sparse.csr_matrix(np.ones((3, 3))), np.array([0, 0, 1]), 2)
    assert ranking.scores(np.array([2])).argmax() == 2
    assert ranking.segment_scores().argmax(axis=1).tolist() == [0, 2]


def test_taste_of_other_users_is_refused():
    with pytest.raises(ValueError, match="vectors are of 4 users"):
        taste(4, 3).fit(sparse.csr_matrix((5, 3)), np.zeros(5, int), 1)
