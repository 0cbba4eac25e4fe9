import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.evaluation.intervals import point
from fenqun.evaluation.value import (
    activity_agreement,
    activity_r2,
    explained_variance,
    value_statistics,
    variance_statistic,
)


def slow(labels, outcome):
    known = np.isfinite(outcome)
    labels, outcome = labels[known], outcome[known]
    groups = np.unique(labels)
    within = sum(((outcome[labels == g] - outcome[labels == g].mean()) ** 2).sum() for g in groups)
    total = ((outcome - outcome.mean()) ** 2).sum()
    n, k = len(outcome), len(groups)
    return 1 - within / total * (n - 1) / (n - k)


def case(seed, n=80):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 5, n)
    return labels, np.exp(labels + generator.normal(size=n)) * 1e4


@settings(max_examples=30)
@given(st.integers(0, 1000), st.permutations(range(5)))
def test_equal_to_a_slow_reference_whatever_groups_are_called(seed, names):
    labels, outcome = case(seed)
    outcome[::7] = np.nan
    found = explained_variance(np.array(names)[labels], outcome, repeats=100)
    assert found.value == pytest.approx(slow(labels, outcome))
    assert found.low <= found.value <= found.high <= 1.0 + 1e-9
    assert found.n == np.isfinite(outcome).sum()


def test_a_resample_equals_the_drawn_users():
    labels, outcome = case(0)
    drawn = np.random.default_rng(1).integers(0, 80, 80)
    weights = np.bincount(drawn, minlength=80).astype(float)[None]
    assert variance_statistic(labels, outcome)(weights)[0] == pytest.approx(slow(labels[drawn], outcome[drawn]))


def test_groups_that_know_nothing_explain_nothing_however_many():
    generator = np.random.default_rng(0)
    figures = [
        explained_variance(generator.integers(0, 50, 300), generator.normal(size=300), repeats=100).value
        for _ in range(100)
    ]
    assert np.mean(figures) == pytest.approx(0.0, abs=0.02)


def test_the_interval_covers_the_truth():
    # Between-group variance 1 and within-group variance 1: half is explained.
    inside = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        labels = np.arange(400) % 20
        centres = generator.permutation(np.linspace(-1.0, 1.0, 20))
        outcome = centres[labels] / centres.std() + generator.normal(size=400)
        found = explained_variance(labels, outcome, repeats=200, seed=seed)
        inside += found.low <= 0.5 <= found.high
    assert inside >= 52


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("labels", "outcome"),
    [
        (np.zeros(5), np.full(5, 3.3)),
        (np.arange(5) % 2, np.full(5, 3.3)),
        (np.arange(5) % 2, np.full(5, np.nan)),
        (np.arange(5), np.arange(5.0)),
        (np.zeros(0), np.zeros(0)),
    ],
)
def test_no_meaning_is_nan(labels, outcome):
    found = explained_variance(labels, outcome, repeats=100)
    assert np.isnan([found.value, found.low, found.high]).all()


@pytest.mark.filterwarnings("error")
def test_one_group_explains_nothing():
    assert explained_variance(np.zeros(20), np.arange(20.0), repeats=100).value == pytest.approx(0.0)


def test_named_statistics():
    labels, outcome = case(0)
    outcome[:10] = np.nan
    statistic, n = value_statistics(labels, {"future_value": outcome})["future_value"]
    assert n == 70
    assert point(statistic, 80) == pytest.approx(slow(labels, outcome))


def test_activity_alone_is_recognised():
    generator = np.random.default_rng(0)
    activity = generator.normal(size=1000)
    deciles = np.searchsorted(np.quantile(activity, np.linspace(0, 1, 11)[1:-1]), activity, side="right")
    other = generator.integers(0, 10, 1000)
    assert activity_r2(deciles, activity) > 0.9
    assert activity_agreement(deciles, activity) == 1.0
    assert abs(activity_r2(other, activity)) < 0.05
    assert abs(activity_agreement(other, activity)) < 0.02
    assert np.isnan(activity_agreement(other, np.full(1000, np.nan)))
