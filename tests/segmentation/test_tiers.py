"""Tiers are ordered, found again one user at a time, and potential means what it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fenqun.config import Tiers
from fenqun.scenarios import ACTIVITY_TIERS, SCENARIOS
from fenqun.segmentation.tiers import POTENTIAL, TierRule, fit_tiers, tier_names

METHODS = (
    Tiers(),
    Tiers(method="share", shares=(0.1, 0.3)),
    Tiers(method="value", cuts=(1.0, 5.0)),
    Tiers(method="cost", costs=(0.1, 1.0), uplift=0.1),
)


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(0).lognormal(sigma=1.0, size=500)


def sizes(rule: TierRule, scores: np.ndarray, present: np.ndarray | None = None) -> dict[str, int]:
    placed = rule.place(scores, present)
    return dict(zip(rule.codes, np.bincount(placed, minlength=len(rule.codes)).tolist(), strict=True))


@pytest.mark.parametrize("method", METHODS, ids=lambda one: one.method)
def test_tiers_are_ordered(method: Tiers, scores: np.ndarray) -> None:
    rule = fit_tiers(scores, None, method)
    placed = rule.place(scores)
    assert rule.codes == ("T1", "T2", "T3")
    assert [scores[placed == i].min() > scores[placed == i + 1].max() for i in range(2)] == [True, True]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=60),
    st.sampled_from(METHODS),
    st.randoms(use_true_random=False),
)
def test_the_order_of_users_does_not_matter_and_each_is_placed_alone(
    users: list[tuple[int, int]], method: Tiers, random: np.random.Generator
) -> None:
    score, present = (np.asarray(column, dtype=np.float64) for column in zip(*users, strict=True))
    order = list(range(len(users)))
    random.shuffle(order)
    rule = fit_tiers(score, present, method)
    assert rule == fit_tiers(score[order], present[order], method)
    together = rule.place(score, present)
    alone = [int(rule.place(score[i : i + 1], present[i : i + 1])[0]) for i in range(len(users))]
    assert together.tolist() == alone
    assert together.min() >= 0
    assert together.max() < len(rule.codes)


def test_shares_are_kept(scores: np.ndarray) -> None:
    rule = fit_tiers(scores, None, Tiers(method="share", shares=(0.1, 0.3)))
    assert sizes(rule, scores) == {"T1": 50, "T2": 150, "T3": 300}


def test_equal_predictions_stay_together() -> None:
    scores = np.asarray([1.0] * 8 + [2.0, 2.0])
    rule = fit_tiers(scores, None, Tiers(method="share", shares=(0.5,)))
    assert sizes(rule, scores) == {"T1": 2, "T2": 8}
    assert fit_tiers(np.ones(5), np.ones(5), Tiers()) == TierRule(())


def test_given_cuts_stay_where_nobody_is_above(scores: np.ndarray) -> None:
    rule = fit_tiers(scores, None, Tiers(method="value", cuts=(1.0, 1e9)))
    assert rule.cuts == (1.0, 1e9)
    assert sizes(rule, scores)["T1"] == 0


def test_a_contact_pays_from_cost_over_uplift() -> None:
    rule = fit_tiers(np.asarray([9.0, 10.0, 200.0]), None, Tiers(method="cost", costs=(0.5, 10), uplift=0.05))
    assert rule.cuts == (10.0, 200.0)
    assert rule.place([9.0, 10.0, 200.0]).tolist() == [2, 1, 0]


def test_a_few_very_large_users_do_not_have_a_tier_to_themselves() -> None:
    scores = np.concatenate([np.random.default_rng(1).exponential(size=2000), [400.0, 500.0]])
    found = sizes(fit_tiers(scores, None, Tiers()), scores)
    assert min(found.values()) >= 10


def test_potential_is_high_by_the_forecast_and_low_now() -> None:
    scores = np.asarray([1.0, 2, 3, 4, 5, 6, 50, 51, 52, 53])
    present = np.asarray([1.0, 2, 3, 4, 5, 6, 50, 51, 2, 53])
    rule = fit_tiers(scores, present, Tiers(count=2))
    assert rule.codes == ("T1", POTENTIAL, "T2")
    assert [rule.codes[i] for i in rule.place(scores, present)] == ["T2"] * 6 + ["T1", "T1", POTENTIAL, "T1"]
    assert POTENTIAL not in fit_tiers(scores, present, Tiers(count=2, potential=False)).codes
    assert POTENTIAL not in fit_tiers(scores, None, Tiers(count=2)).codes


def test_who_has_no_prediction_has_no_tier() -> None:
    assert TierRule((1.0,)).place([0.0, float("nan"), 2.0]).tolist() == [1, -1, 0]


@pytest.mark.parametrize("names", [ACTIVITY_TIERS, *(scenario.tier_names for scenario in SCENARIOS.values())])
@pytest.mark.parametrize("cuts", [0, 1, 2, 11])
def test_every_tier_has_a_name_of_its_own_in_both_languages(names: tuple, cuts: int) -> None:
    codes = TierRule(tuple(range(cuts)), 0.0 if cuts else None).codes
    told = tier_names(codes, names)
    assert len({en for en, _ in told}) == len({zh for _, zh in told}) == len(codes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "value"},
        {"method": "cost"},
        {"method": "value", "cuts": [5, 1]},
        {"shares": [0.7, 0.3]},
        {"shares": [0.1, 0]},
        {"count": 1},
    ],
)
def test_settings_that_cut_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Tiers.model_validate(wrong)
