import numpy as np
import pytest
from sklearn.cluster import KMeans

from fenqun.evaluation.stability import best_jaccard, stability, word


def fit(rows, seed):
    return KMeans(3, n_init=2, random_state=seed).fit(rows).predict


def planted(apart):
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 60)
    return generator.normal(size=(180, 3)) + apart * np.eye(3)[labels], labels


def test_planted_groups_come_again_and_noise_does_not():
    X, _ = planted(8.0)
    clear = stability(X, fit, repeats=6, seed=1)
    assert clear.ari > 0.98
    assert min(clear.jaccard.values()) > 0.98
    assert sorted(clear.jaccard) == [0, 1, 2]
    noise = stability(planted(0.0)[0], fit, repeats=6, seed=1)
    assert noise.ari < 0.7
    assert noise.low <= noise.ari <= noise.high


def test_seeded():
    X, _ = planted(1.0)
    assert stability(X, fit, repeats=3, seed=4) == stability(X, fit, repeats=3, seed=4)


def test_a_given_reference_is_compared_with():
    X, labels = planted(8.0)
    found = stability(X, fit, repeats=3, labels=labels + 5)
    assert found.ari > 0.98
    assert sorted(found.jaccard) == [5, 6, 7]


def test_jaccard_by_hand():
    reference, other = np.array([0, 0, 0, 1, 1]), np.array([9, 9, 4, 4, 4])
    assert best_jaccard(reference, other) == pytest.approx([2 / 3, 2 / 3])


@pytest.mark.filterwarnings("error")
def test_one_group_and_one_user():
    one = stability(np.zeros((5, 2)), lambda rows, seed: lambda r: np.zeros(len(r), int), repeats=2)
    assert one.ari == 1.0
    assert one.jaccard == {0: 1.0}
    assert np.isnan(stability(np.zeros((1, 2)), lambda rows, seed: lambda r: np.zeros(len(r), int)).ari)


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ((0.9, 0.85, 0.2), "natural"),
        ((0.9, 0.85, 0.9), "reproducible"),
        ((0.9, 0.7, 0.05), "reproducible"),
        ((0.9, 0.9), "reproducible"),
        ((0.9, float("nan"), float("nan")), "reproducible"),
        ((0.9,), "reproducible"),
        ((0.5, 0.9, 0.2), "constructive"),
        ((float("nan"), 0.9, 0.2), "constructive"),
    ],
)
def test_word(figures, expected):
    assert word(*figures) == expected


def test_a_refit_draws_no_more_users_than_told_and_still_assigns_everyone():
    rows = np.repeat([[0.0, 0.0], [9.0, 9.0]], 50, axis=0) + np.random.default_rng(0).normal(size=(100, 2))
    drawn = []

    def fit(part, seed):
        drawn.append(len(part))
        return lambda every: (every[:, 0] > 4.5).astype(int)

    found = stability(rows, fit, repeats=3, labels=np.repeat([0, 1], 50), most=20)
    assert drawn == [20, 20, 20]
    assert (found.n, found.ari) == (100, 1.0)
