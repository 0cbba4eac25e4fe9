"""Estimators recover a known truth within their intervals, over many draws; naive figures do not; thin figures are refused."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqun.data.simulation.impressions import attractions, simulate_impressions
from fenqun.evaluation.importance import Rounds, effective_size, importance_weights
from fenqun.evaluation.off_policy import Limits, Model, estimate

DRAWS = 40
ALL = ("replay", "ips", "snips", "doubly_robust")
GROUPS = np.arange(600) % 3
ATTRACTION = attractions(3, 15, seed=1)


@cache
def drawn(skew: float) -> tuple[float, dict[str, list[tuple[float, float, float]]]]:
    """The truth of the best lists, and what each estimator says of it in each draw."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ALL}
    truth = float("nan")
    for seed in range(DRAWS):
        logged = simulate_impressions(GROUPS, ATTRACTION, skew=skew, seed=seed if skew == 0 else 1000 + seed)
        policy = logged.truth.best()
        truth = logged.truth.value(policy)
        # A model that is wrong by half: what is left is for the weights to mend.
        looks = 0.5 * logged.truth.examination[logged.position]
        shown = looks * ATTRACTION[logged.group, logged.item]
        best = policy[logged.group, logged.position].argmax(axis=1)
        model = Model(shown, looks * ATTRACTION[logged.group, best])
        rounds = Rounds(logged.clicked.astype(float), logged.propensity, logged.target(policy), logged.user)
        for one in estimate(rounds, ALL, model=model, repeats=200, seed=seed):
            found[one.estimator].append((one.value, one.low, one.high))
    return truth, found


def covered(truth: float, found: list[tuple[float, float, float]]) -> float:
    return float(np.mean([low <= truth <= high for _, low, high in found]))


@pytest.mark.parametrize("name", ["ips", "snips", "doubly_robust"])
@pytest.mark.parametrize("skew", [0.0, 0.7])
def test_intervals_hold_the_truth(name, skew):
    truth, found = drawn(skew)
    values = np.array([value for value, _, _ in found[name]])
    assert covered(truth, found[name]) >= 0.85, "95 % intervals; 40 draws"
    assert abs(values.mean() - truth) < 3.5 * values.std() / np.sqrt(DRAWS)


def test_replay_is_right_where_logging_is_uniform_and_wrong_where_it_is_not():
    truth, found = drawn(0.0)
    assert covered(truth, found["replay"]) >= 0.85
    replay, snips = ([v for v, _, _ in found[name]] for name in ("replay", "snips"))
    assert np.allclose(replay, snips), "with one propensity the two are one"
    skewed, found = drawn(0.7)
    errors = {name: np.abs([v - skewed for v, _, _ in found[name]]).mean() for name in ("replay", "snips")}
    assert covered(skewed, found["replay"]) < 0.8 and errors["replay"] > 1.3 * errors["snips"]


def test_the_rate_of_what_was_shown_says_nothing_of_other_lists():
    logged = simulate_impressions(GROUPS, ATTRACTION, skew=0.7, seed=1)
    truth, found = drawn(0.7)
    assert logged.clicked.mean() < 0.5 * truth
    assert all(low > logged.clicked.mean() for _, low, _ in found["snips"])


def test_a_model_makes_the_interval_narrower():
    _, found = drawn(0.0)
    width = {name: np.mean([high - low for _, low, high in found[name]]) for name in ("ips", "doubly_robust")}
    assert width["doubly_robust"] < width["ips"]


def rounds(n: int = 2000, users: int = 200, overlap: float = 0.5, clicks: float = 0.2, seed: int = 0) -> Rounds:
    random = np.random.default_rng(seed)
    target = (random.random(n) < overlap).astype(float)
    return Rounds(
        (random.random(n) < clicks).astype(float), np.full(n, 0.5), target, random.integers(users, size=n)
    )


def test_below_the_floor_there_is_no_figure_and_a_reason():
    (few,) = estimate(rounds(overlap=0.02), ["snips"], limits=Limits(effective=100.0), repeats=50)
    assert few.refusal == "few_effective" and few.effective < 100
    assert np.isnan([few.value, few.low, few.high, few.difference]).all()
    (rare,) = estimate(rounds(clicks=0.002), ["snips"], limits=Limits(outcomes=10), repeats=50)
    assert rare.refusal == "few_outcomes" and rare.outcomes < 10 and np.isnan(rare.value)
    (none,) = estimate(rounds(overlap=0.0), ["ips"], repeats=50)
    assert none.refusal == "no_overlap" and none.effective == 0


def test_clipping_takes_mass_away_and_says_how_much():
    thin = Rounds(np.ones(4), np.array([0.5, 0.5, 0.01, 0.5]), np.ones(4), np.arange(4))
    weights, lost = importance_weights(thin, clip=10.0)
    assert weights.tolist() == [2, 2, 10, 2] and lost == pytest.approx(90 / 106)
    (one,) = estimate(thin, ["ips"], clip=10.0, limits=Limits(1.0, 1), repeats=20)
    assert one.value == pytest.approx(4.0) and one.clipped == pytest.approx(lost)
    assert importance_weights(thin)[1] == 0.0


def test_weights_that_do_not_average_to_one_are_doubted():
    right = estimate(rounds(), ["snips"], repeats=200)[0]
    assert not right.doubtful and right.mean_low < 1 < right.mean_high
    wrong = rounds()
    halved = Rounds(wrong.outcome, wrong.logged / 2, wrong.target, wrong.user)
    assert estimate(halved, ["snips"], repeats=200)[0].doubtful


def test_the_difference_to_what_was_shown_is_paired_for_values():
    logged = rounds()
    values = Rounds(3.5 * logged.outcome, logged.logged, logged.logged, logged.user)
    (one,) = estimate(values, ["snips"], repeats=100)
    assert one.difference == pytest.approx(0) and one.difference_low == pytest.approx(0)
    same = Rounds(logged.outcome, logged.logged, logged.logged, logged.user)
    (one,) = estimate(same, ["snips"], repeats=100)
    assert one.difference == pytest.approx(0) and one.difference_low < 0 < one.difference_high, "never too narrow"


def test_intervals_know_that_users_hang_together():
    one = rounds(users=20)
    lumped = Rounds((one.user % 5 == 0).astype(float), one.logged, one.target, one.user)
    apart = Rounds(lumped.outcome, one.logged, one.target, np.arange(len(one.outcome)))
    wide, narrow = (estimate(given, ["snips"], repeats=300)[0] for given in (lumped, apart))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_the_effective_size_never_exceeds_the_size(weights):
    assert 0 <= effective_size(weights) <= len(weights) * (1 + 1e-9)


@given(st.integers(1, 50), st.floats(0.1, 9))
def test_equal_weights_count_in_full(n, weight):
    assert effective_size([weight] * n) == pytest.approx(n)


@pytest.mark.parametrize(
    ("logged", "target", "message"),
    [([0.0], [1.0], "logged"), ([0.5], [1.5], "target"), ([0.5, 0.5], [1.0], "length")],
)
def test_impossible_probabilities_are_refused(logged, target, message):
    with pytest.raises(ValueError, match=message):
        Rounds(np.ones(1), np.array(logged), np.array(target), np.zeros(1, dtype=int))


def test_a_doubly_robust_figure_needs_a_model():
    with pytest.raises(ValueError, match="model"):
        estimate(rounds(), ["doubly_robust"], repeats=10)
