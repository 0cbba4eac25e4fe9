"""Draws and what can be known of users: distributions, visits, posteriors, the best possible AUC."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, nbinom
from sklearn.metrics import roc_auc_score

from fenqun.data.simulation.draws import DAY, Grouped, draw_sessions, pauses, popularity
from fenqun.data.simulation.friends import draw_friends
from fenqun.data.simulation.population import Interests, log_binomial, log_negative_binomial, ranked


def test_popularity_falls_and_adds_up() -> None:
    shares = popularity(50)
    assert (np.diff(shares) < 0).all() and shares.sum() == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.integers(0, 999))
def test_draws_follow_their_distribution(rows: int, segments: int, each: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    segment = np.repeat(np.arange(segments), each)
    weights = random.random((rows, len(segment))) * (random.random((rows, len(segment))) < 0.7)
    weights[:, np.arange(segments) * each] += 0.1
    grouped = Grouped(weights, segment)
    row, part = random.integers(0, rows, 4000), random.integers(0, segments, 4000)
    drawn = grouped.draw(random, row, part)
    assert (segment[drawn] == part).all()
    assert (weights[row, drawn] > 0).all()
    of = (row == 0) & (part == 0)
    seen = np.bincount(drawn[of], minlength=len(segment))[:each] / max(of.sum(), 1)
    assert np.abs(seen - grouped.shares[0, :each]).max() < 5 / np.sqrt(max(of.sum(), 1))


def test_a_distribution_without_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="no weight"):
        Grouped(np.array([[1.0, 0.0]]), np.array([0, 1]))


def test_visits_keep_their_rate_and_everybody_comes() -> None:
    random = np.random.default_rng(0)
    rate = np.repeat([0.0, 0.05, 0.5], 500)
    sessions = draw_sessions(random, rate, 100, np.full(1500, 1.5), 0.4, 100)
    visits = np.bincount(sessions.owner, minlength=1500)
    assert visits.min() == 1 and (visits[:500] == 1).all()
    assert visits[1000:].mean() == pytest.approx(50, rel=0.03)
    assert (sessions.day[sessions.owner >= 1000] >= 50).mean() == pytest.approx(0.75, abs=0.01)
    assert (np.diff(sessions.owner * 1000 * DAY + sessions.start) >= 0).all()
    hour = sessions.start % DAY / 3600
    assert hour.min() >= 7 and hour.max() < 22.5


def test_pauses_rise_within_a_visit() -> None:
    visit = np.repeat(np.arange(100), np.random.default_rng(0).integers(1, 6, 100))
    after = pauses(np.random.default_rng(1), visit)
    first = np.diff(visit, prepend=-1) > 0
    assert (after[first] == 0).all() and (np.diff(after)[~first[1:]] >= 5).all()


def test_likelihoods_are_those_of_scipy() -> None:
    counts, mean, shape = np.arange(6), 2.5, 3.0
    ours = log_negative_binomial(counts, np.array(mean), shape)
    theirs = nbinom.logpmf(counts, shape, shape / (shape + mean))
    assert np.ptp(ours - theirs - np.array([np.log(float(np.prod(range(1, n + 1)))) for n in counts])) < 1e-9
    hits, p = np.array([0, 2, 5]), np.array([0.2, 0.7])
    difference = log_binomial(hits, np.full(3, 5), p) - binom.logpmf(hits[:, None], 5, p[None, :])
    assert np.allclose(difference, difference[:, :1])


def test_the_posterior_is_that_of_bayes() -> None:
    """Against the sum over every pair of types, written out."""
    interests, random = Interests(("a", "b", "c"), two_sided=0.3), np.random.default_rng(0)
    here, there = random.normal(size=(5, 3)), random.normal(size=(5, 3))
    joint = np.zeros((5, 3))
    for first in range(3):
        for second in range(3):
            share = 0.7 if first == second else 0.3 / 2
            joint[:, first] += interests.sizes[first] * share * np.exp(here[:, first] + there[:, second])
    ours = np.exp(interests.log_posterior(here, there))
    assert np.allclose(ours / ours.sum(axis=1, keepdims=True), joint / joint.sum(axis=1, keepdims=True))


def test_the_expected_auc_is_the_mean_over_outcomes() -> None:
    random = np.random.default_rng(0)
    probability = np.round(random.beta(2, 3, 400), 2)  # with ties
    outcomes = random.random((300, 400)) < probability
    mean = np.mean([roc_auc_score(outcome, probability) for outcome in outcomes])
    assert ranked(outcomes[0], probability)["expected_auc"] == pytest.approx(mean, abs=0.004)


@pytest.mark.parametrize("outcome", [[True, True], [False, False], []])
def test_an_auc_of_one_class_is_not_made_up(outcome: list[bool]) -> None:
    assert ranked(np.array(outcome, dtype=bool), np.full(len(outcome), 0.5))["auc"] is None


@given(st.integers(0, 3000), st.integers(1, 60), st.integers(0, 99))
def test_friends_are_pairs_of_known_users(first: int, n: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    one, other = draw_friends(random, random.integers(0, 4, n), np.arange(first, first + n))
    assert (one > other).all() and (other >= 0).all() and (one < first + n).all() and (one >= first).all()
    assert len(one) or first + n == 1
    assert len(set(zip(one.tolist(), other.tolist(), strict=True))) == len(one)
