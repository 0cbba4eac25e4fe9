"""What is told of users whom the log hardly knows: true where something can be known, modest where nothing can."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.assignment.cold_start import ColdStart, Shortened
from fenqun.assignment.features import neighbour_shares
from fenqun.assignment.odds import SegmentOdds, fit_left_out
from fenqun.assignment.pooling import fit_weights, pool, shares
from fenqun.errors import RunError

N, K = 600, 4


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(0).choice(K, N, p=[0.4, 0.3, 0.2, 0.1])


@pytest.fixture(scope="module")
def attributes(labels: np.ndarray) -> pa.Table:
    """A colour that tells the segment three times in five, a number that tells nothing; a tenth knows neither."""
    random = np.random.default_rng(1)
    told = np.where(random.random(N) < 0.6, labels, random.integers(0, K, N))
    missing = random.random(N) < 0.1
    return pa.table(
        {
            "attr_colour": pa.array([f"c{c}" for c in told], mask=missing),
            "attr_number": pa.array(random.normal(size=N), mask=missing),
        }
    )


@pytest.fixture(scope="module")
def shortened(labels: np.ndarray) -> dict[int, Shortened]:
    """Vectors that come nearer to the segment's corner with each event."""
    random, corners = np.random.default_rng(2), 2 * np.eye(K)
    found = {}
    for n, noise in ((1, 3.0), (5, 1.0), (20, 0.1)):
        X = corners[labels] + noise * random.normal(size=(N, K))
        found[n] = Shortened(np.arange(N), X, np.square(X[:, None] - corners).sum(axis=2).argmin(axis=1))
    return found


@pytest.fixture(scope="module")
def learned(labels: np.ndarray, attributes: pa.Table, shortened: dict[int, Shortened]) -> ColdStart:
    return ColdStart.fit(("S01", "S02", "S03", "S04"), labels, attributes, None, shortened, seed=7)


def test_attributes_are_heard_and_users_without_any_get_the_shares(
    learned: ColdStart, attributes: pa.Table, labels: np.ndarray
) -> None:
    placed = learned.place(np.zeros(N, dtype=np.int64), attributes, None, None, None)
    known = attributes["attr_colour"].is_valid().to_numpy()
    assert {by for by, k in zip(placed.by, known, strict=True) if k} == {"attributes"}
    assert {by for by, k in zip(placed.by, known, strict=True) if not k} == {"prior"}
    assert (placed.labels[known] == labels[known]).mean() > 0.6
    assert (placed.labels[~known] == 0).all()  # the largest
    np.testing.assert_allclose(placed.probabilities[~known], np.tile(np.exp(learned.prior), ((~known).sum(), 1)))


def test_more_events_tell_more(learned: ColdStart) -> None:
    right = [learned.figures[n]["right"] for n in ("0", "1", "5", "20")]
    assert right == sorted(right) and right[0] < right[-1]
    assert all(learned.weights[n]["events"] > 0 for n in (1, 5, 20))


def test_few_events_lean_on_attributes_and_many_do_not_need_them(learned: ColdStart) -> None:
    figures = learned.figures
    assert figures["1"]["right"] > figures["1"]["right_by_events_alone"] + 0.1
    assert learned.enough == 21  # at no number of events is the rule alone better


@pytest.mark.parametrize("n", ["0", "1", "5"])
def test_probabilities_mean_what_they_say(learned: ColdStart, n: str) -> None:
    assert learned.figures[n]["calibration_error"] < 0.07
    assert sum(row["n"] for row in learned.figures[n]["reliability"]) == N
    assert learned.figures[n]["log_loss"] < learned.figures[n]["log_loss_of_prior"]


def test_what_tells_nothing_is_not_heard(labels: np.ndarray) -> None:
    random = np.random.default_rng(3)
    noise = pa.table(
        {"attr_number": random.normal(size=N), "attr_word": [f"w{i}" for i in random.integers(0, 5, N)]}
    )
    learned = ColdStart.fit(("a", "b", "c", "d"), labels, noise, None, {}, seed=7)
    assert learned.weights == {0: {}} and learned.encoder is None and learned.enough == 1
    assert set(learned.place(np.zeros(N, dtype=np.int64), noise, None, None, None).by) == {"prior"}


def test_friends_of_a_kind_tell_the_kind(labels: np.ndarray) -> None:
    random = np.random.default_rng(4)
    ids = pa.array([f"u{i}" for i in range(N)])
    one, other = random.integers(0, N, 12 * N), random.integers(0, N, 12 * N)
    kept = (one != other) & ((labels[one] == labels[other]) | (random.random(12 * N) < 0.1))
    links = pa.table(
        {"user_id": ids.take(one[kept]), "friend_id": ids.take(other[kept]), "weight": np.ones(kept.sum())}
    )
    neighbours = neighbour_shares(links, ids, ids, np.eye(K)[labels], shares(labels, K))
    learned = ColdStart.fit(("a", "b", "c", "d"), labels, pa.table({}), neighbours, {}, seed=7)
    placed = learned.place(np.zeros(N, dtype=np.int64), None, neighbours, None, None)
    linked = ~np.isnan(neighbours).any(axis=1)
    assert {by for by, k in zip(placed.by, linked, strict=True) if k} == {"links"}
    assert (placed.labels == labels)[linked].mean() > 0.7


def test_a_link_counts_once_in_both_directions() -> None:
    known, weights = pa.array(["a", "b"]), np.array([[1.0, 0.0], [0.0, 1.0]])
    links = pa.table(
        {
            "user_id": ["x", "a", "b", "x", "y"],
            "friend_id": ["a", "x", "x", "z", "z"],
            "weight": [1.0, 1.0, 3.0, 9.0, 1.0],
        }
    )
    found = neighbour_shares(links, pa.array(["x", "y"]), known, weights, np.log([0.5, 0.5]))
    np.testing.assert_allclose(found[0], [(1 + 0.5) / 5, (3 + 0.5) / 5])
    assert np.isnan(found[1]).all()


def test_a_user_alone_is_told_what_they_are_told_in_a_batch(
    learned: ColdStart, attributes: pa.Table, shortened: dict[int, Shortened]
) -> None:
    events = np.full(N, 5)
    batch = learned.place(events, attributes, None, shortened[5].features, shortened[5].placed)
    for user in range(0, N, 97):
        alone = learned.place(
            events[:1],
            attributes.slice(user, 1),
            None,
            shortened[5].features[user : user + 1],
            shortened[5].placed[user : user + 1],
        )
        assert alone.by == [batch.by[user]]
        np.testing.assert_allclose(alone.probabilities[0], batch.probabilities[user], atol=1e-9)


def test_the_order_of_attributes_does_not_matter_for_segments(
    labels: np.ndarray, attributes: pa.Table, shortened: dict[int, Shortened]
) -> None:
    turned = attributes.select(["attr_number", "attr_colour"])
    one = ColdStart.fit(("a", "b", "c", "d"), labels, attributes, None, shortened, seed=7)
    two = ColdStart.fit(("a", "b", "c", "d"), labels, turned, None, shortened, seed=7)
    nobody = np.zeros(N, dtype=np.int64)
    np.testing.assert_allclose(
        one.place(nobody, attributes, None, None, None).probabilities,
        two.place(nobody, turned, None, None, None).probabilities,
        atol=1e-6,
    )


def test_stored_is_as_learned(
    learned: ColdStart, attributes: pa.Table, shortened: dict[int, Shortened], tmp_path: Path
) -> None:
    learned.save(tmp_path / "cold")
    assert {path.suffix for path in (tmp_path / "cold").iterdir()} == {".json", ".safetensors"}
    loaded = ColdStart.load(tmp_path / "cold")
    events = np.arange(N) % 30
    before = learned.place(events, attributes, None, shortened[5].features, shortened[5].placed)
    after = loaded.place(events, attributes, None, shortened[5].features, shortened[5].placed)
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
    assert before.by == after.by and loaded.enough == learned.enough
    (tmp_path / "cold" / "cold_start.json").write_text("{")
    with pytest.raises(RunError, match="missing or damaged"):
        ColdStart.load(tmp_path / "cold")


def test_one_segment_is_certain(attributes: pa.Table) -> None:
    learned = ColdStart.fit(("S01",), np.zeros(N, dtype=np.int64), attributes, None, {}, seed=7)
    placed = learned.place(np.zeros(3, dtype=np.int64), attributes.slice(0, 3), None, None, None)
    assert placed.by == ["prior"] * 3 and (placed.probabilities == 1).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 2), st.floats(0, 2))
def test_pooled_rows_are_probabilities(seed: int, first: float, second: float) -> None:
    random = np.random.default_rng(seed)
    told = {name: np.log(random.dirichlet(np.ones(K), 5)) for name in ("a", "b")}
    told["b"][2] = np.nan
    p = pool(np.log(random.dirichlet(np.ones(K))), told, {"a": first, "b": second})
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_a_repeated_witness_is_not_believed_twice(labels: np.ndarray) -> None:
    X = np.eye(K)[labels] + np.random.default_rng(5).normal(size=(N, K))
    _, told = fit_left_out(X, labels, K, np.arange(N) % 5)
    prior = shares(labels, K)
    once = fit_weights(prior, {"a": told}, labels)
    twice = fit_weights(prior, {"a": told, "b": told}, labels)
    assert sum(twice.values()) == pytest.approx(once["a"], abs=0.01)


def test_odds_find_gaussians(labels: np.ndarray) -> None:
    X = 3 * np.eye(K)[labels] + np.random.default_rng(6).normal(size=(N, K))
    found = SegmentOdds.fit(X, labels, K, 0.05).log_probabilities(X)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)
    assert (found.argmax(axis=1) == labels).mean() > 0.8
