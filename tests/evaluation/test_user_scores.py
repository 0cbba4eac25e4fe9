"""Scores by user: what groups foretell of each, learned from the others."""

from __future__ import annotations

import numpy as np
import pytest

from fenqun.evaluation.user_scores import class_scores, outcome_scores


def test_outcomes_are_foretold_by_the_other_users_of_the_group() -> None:
    y = np.array([1.0, 2.0, 9.0, 10.0, np.nan])
    scores = outcome_scores([0, 0, 1, 1, 1], y)
    assert np.isnan(scores[4])
    variance = y[:4].var()
    assert scores[:4] == pytest.approx(-np.array([1.0, 1.0, 1.0, 1.0]) / variance)


def test_groups_by_lot_do_not_gain() -> None:
    random = np.random.default_rng(0)
    y = random.normal(size=2000)
    everyone = outcome_scores(np.zeros(2000), y).mean()
    lot = outcome_scores(random.integers(200, size=2000), y).mean()
    told = outcome_scores(y > 0, y).mean()
    assert lot < everyone < told
    classes = np.where(random.random(2000) < 0.5, "a", "b")
    assert (
        class_scores(random.integers(200, size=2000), classes).mean() < class_scores(np.zeros(2000), classes).mean()
    )
    assert class_scores(classes == "a", classes).mean() > -0.1


def test_what_is_unknown_has_no_score() -> None:
    assert np.isnan(outcome_scores([0, 1], [1.0, np.nan])).all()
    assert np.isnan(outcome_scores([0, 1, 1], [2.0, 2.0, 2.0])).all()
    assert np.isnan(class_scores([0, 1], [None, "a"])).all()
    assert np.isfinite(class_scores([0, 1], ["b", "a"])).all()
