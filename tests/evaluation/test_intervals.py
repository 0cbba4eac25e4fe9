import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import r2_score, roc_auc_score

from fenqun.evaluation.intervals import (
    Interval,
    around,
    auc_statistic,
    bootstrap,
    interval,
    mean_interval,
    mean_statistic,
    paired_interval,
    r2_statistic,
    resampled_weights,
)

values = arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6))


@settings(max_examples=40)
@given(values, st.integers(0, 1000))
def test_the_interval_contains_the_mean(x, seed):
    found = mean_interval(x, repeats=100, seed=seed)
    assert found.value == pytest.approx(x.mean(), rel=1e-9, abs=1e-6)
    assert found.low <= found.value <= found.high
    assert found.n == len(x)


@settings(max_examples=20)
@given(values)
def test_a_paired_difference_of_equal_arrays_is_zero(x):
    found = paired_interval(x, x, repeats=100)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_the_interval_is_as_wide_as_theory_says():
    x = np.random.default_rng(0).normal(size=2000)
    found = mean_interval(x, repeats=4000, seed=1)
    width = 2 * 1.96 * x.std() / np.sqrt(len(x))
    assert found.high - found.low == pytest.approx(width, rel=0.06)


def test_pairing_finds_a_difference_that_separate_intervals_hide():
    generator = np.random.default_rng(0)
    first = generator.normal(size=500)
    second = first - 0.02 + generator.normal(scale=0.01, size=500)
    a, b = mean_interval(first), mean_interval(second)
    assert a.low < b.value < a.high
    assert paired_interval(first, second).low > 0


def test_users_without_a_value_do_not_count():
    x = np.array([1.0, np.nan, 3.0])
    assert mean_interval(x).value == 2.0
    assert mean_interval(x).n == 2
    assert paired_interval(x, np.array([np.nan, 5.0, 1.0])) == Interval(2.0, 2.0, 2.0, 1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("x", [np.array([]), np.full(5, np.nan)])
def test_nothing_to_judge_gives_nan(x):
    found = mean_interval(x, repeats=100)
    assert found.n == 0
    assert np.isnan([found.value, found.low, found.high]).all()


def test_weights_are_multiplicities_and_depend_on_the_seed_alone():
    first = np.concatenate(list(resampled_weights(7, 50, 3)))
    assert first.shape == (50, 7)
    assert (first.sum(axis=1) == 7).all()
    assert (first == np.concatenate(list(resampled_weights(7, 50, 3)))).all()
    assert (first != np.concatenate(list(resampled_weights(7, 50, 4)))).any()


def test_chunks_of_resamples_cover_every_repeat():
    n = 300_000  # above the chunk, so that several are drawn
    weights = list(resampled_weights(n, 9, 0))
    assert len(weights) > 1
    assert sum(len(w) for w in weights) == 9
    draws = bootstrap([mean_statistic(np.ones(n))], n, 9, 0)
    assert draws == pytest.approx(np.ones((1, 9)))


def test_around_takes_the_bias_of_resampling_out():
    draws = np.random.default_rng(0).normal(loc=0.3, scale=0.1, size=5000)
    low, high = around(0.2, draws)
    assert (low + high) / 2 == pytest.approx(0.2, abs=0.01)
    assert high - low == pytest.approx(0.392, rel=0.05)


def test_statistics_share_resamples():
    x, y = np.random.default_rng(0).normal(size=(2, 30))
    first, second = mean_statistic(x), mean_statistic(y)
    draws = bootstrap([first, second, lambda weights: first(weights) - second(weights)], 30, 200, 5)
    assert draws[0] - draws[1] == pytest.approx(draws[2])


def test_known_users_are_reported():
    assert interval(mean_statistic([1.0, np.nan]), 2, repeats=100, known=1).n == 1


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), n=st.integers(4, 60), levels=st.integers(2, 8))
def test_weighted_auc_and_r2_are_scikit_learns(seed: int, n: int, levels: int) -> None:
    """On users drawn with repeats, ties included."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    score, drawn = rng.integers(0, levels, n).astype(float), rng.integers(0, 4, n) + (np.arange(n) < 2)
    auc = auc_statistic(y, score)(drawn[None].astype(float))[0]
    assert auc == pytest.approx(roc_auc_score(np.repeat(y, drawn), np.repeat(score, drawn)))
    value = rng.normal(size=n)
    r2 = r2_statistic(value, score)(drawn[None].astype(float))[0]
    assert r2 == pytest.approx(r2_score(np.repeat(value, drawn), np.repeat(score, drawn)))
