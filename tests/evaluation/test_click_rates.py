"""Rates of impressions: intervals that hold over draws of users, and tests that do not cry wolf."""

from __future__ import annotations

import numpy as np
import pytest

from fenqun.evaluation.click_rates import rate, rate_difference_p


def clicks(users: int, each: int, mean: float, random: np.random.Generator, alike: float = 8.0):
    """Impressions of users whose own rates differ (beta-binomial)."""
    own = random.beta(mean * alike, (1 - mean) * alike, size=users)
    user = np.repeat(np.arange(users), each)
    return random.random(len(user)) < own[user], user


@pytest.mark.parametrize(("users", "each", "mean"), [(60, 10, 0.1), (400, 5, 0.02), (30, 40, 0.3)])
def test_intervals_hold_the_rate(users, each, mean):
    random = np.random.default_rng(4)
    found = [rate(*clicks(users, each, mean, random)) for _ in range(300)]
    assert np.mean([one.low <= mean <= one.high for one in found]) >= 0.92
    assert np.mean([one.effective for one in found]) < users * each


def test_without_any_click_each_user_counts_once():
    none = rate(np.zeros(500), np.repeat(np.arange(50), 10))
    assert (none.value, none.low) == (0.0, 0.0) and none.effective == 50
    assert 0.05 < none.high < 0.10, "Wilson on fifty"


def test_one_user_or_nothing_has_no_interval():
    assert np.isnan(rate([1, 0, 1], [7, 7, 7]).low)
    assert np.isnan(rate([], []).value)


def test_exposure_counts_what_was_looked_at():
    hits, user = np.array([1, 0, 1, 0]), np.arange(4)
    assert rate(hits, user).value == 0.5
    assert rate(hits, user, exposure=np.array([1.0, 1.0, 0.25, 0.25])).value == pytest.approx(0.8)


def test_p_values_are_uniform_where_nothing_differs():
    random = np.random.default_rng(2)
    p = []
    for _ in range(300):
        one, other = clicks(100, 6, 0.15, random), clicks(300, 6, 0.15, random)
        p.append(rate_difference_p(rate(*one), rate(*other)))
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09


def test_a_real_difference_is_seen_and_a_thin_one_is_not_tested():
    random = np.random.default_rng(2)
    low, high = clicks(300, 6, 0.05, random), clicks(300, 6, 0.2, random)
    assert rate_difference_p(rate(*low), rate(*high)) < 1e-6
    thin = rate(np.array([1, 0, 0]), np.arange(3))
    assert np.isnan(rate_difference_p(thin, rate(*high)))
