import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from fenqun.evaluation.prediction_strength import pairs_kept, prediction_strength
from fenqun.evaluation.stability import STABLE, STRONG, stability, word


def kmeans(k):
    return lambda rows, seed: KMeans(k, n_init=3, random_state=seed).fit(rows).predict


def planted(apart, n=80):
    labels = np.repeat([0, 1, 2], n)
    return np.random.default_rng(0).normal(size=(3 * n, 3)) + apart * np.eye(3)[labels]


def said(rows, k):
    found = prediction_strength(rows, kmeans(k), repeats=8)
    null = prediction_strength(rows, kmeans(k), repeats=8, null=True)
    return word(stability(rows, kmeans(k), repeats=8).ari, found.value, null.high), found, null


def test_planted_groups_are_natural():
    kind, found, null = said(planted(8.0), 3)
    assert kind == "natural"
    assert found.value > 0.98 > STRONG > null.high


def test_a_long_continuum_is_cut_the_same_again_but_is_not_natural():
    """One wide direction, nothing in between: the null is as strong as the data."""
    rows = np.random.default_rng(1).normal(size=(600, 4)) * [20.0, 1.0, 1.0, 1.0]
    kind, found, null = said(rows, 2)
    assert kind == "reproducible"
    assert found.value >= STRONG
    assert null.high >= found.value


def test_a_round_cloud_is_a_construction():
    rows = np.random.default_rng(2).normal(size=(400, 6))
    kind, found, _ = said(rows, 6)
    assert kind == "constructive"
    assert found.value < STRONG
    assert stability(rows, kmeans(6), repeats=8).ari < STABLE


def test_seeded_and_capped():
    rows, drawn = planted(2.0), []

    def fit(part, seed):
        drawn.append(len(part))
        return kmeans(3)(part, seed)

    assert prediction_strength(rows, fit, repeats=2, most=100) == prediction_strength(
        rows, fit, repeats=2, most=100
    )
    assert set(drawn) == {50}


@pytest.mark.filterwarnings("error")
def test_too_few_users_cannot_say():
    assert np.isnan(prediction_strength(np.zeros((3, 2)), kmeans(2)).value)


def test_pairs_by_hand():
    groups, others = np.array([5, 5, 5, 7, 7, 9]), np.array([0, 0, 1, 1, 1, 0])
    assert pairs_kept(groups, others) == pytest.approx([1 / 3, 1.0])  # the group of one has no pair


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_pairs_are_counted_as_one_would_by_hand(pairs):
    groups, others = (np.array(column) for column in zip(*pairs, strict=True))
    expected = []
    for group in np.unique(groups):
        mine = others[groups == group]
        if len(mine) > 1:
            kept = [mine[i] == mine[j] for i in range(len(mine)) for j in range(i)]
            expected.append(np.mean(kept))
    assert pairs_kept(groups, others) == pytest.approx(expected)
