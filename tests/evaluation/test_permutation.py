"""Welch's statistic in many dimensions, and p-values that keep their level where groups differ in spread and size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fenqun.evaluation.permutation import FIRST_DRAWS, permutation_p, shuffled_labels, welch_statistic


def test_two_groups_in_one_dimension_are_welchs_t() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=7), random.normal(1, 3, size=12)
    X, labels = np.concatenate([a, b])[:, None], np.repeat([0, 1], [7, 12])
    expected = stats.ttest_ind(a, b, equal_var=False).statistic ** 2
    assert welch_statistic(X, labels[None], (0, 1))[0] == pytest.approx(expected)


def test_three_groups_in_one_dimension_are_welchs_anova() -> None:
    random = np.random.default_rng(1)
    groups = [random.normal(m, s, n) for m, s, n in ((0, 1, 5), (1, 2, 9), (0.5, 4, 6))]
    n = np.array([len(g) for g in groups])
    weight = n / np.array([g.var(ddof=1) for g in groups])
    means = np.array([g.mean() for g in groups])
    centre = (weight * means).sum() / weight.sum()
    lam = ((1 - weight / weight.sum()) ** 2 / (n - 1)).sum()
    expected = (weight * (means - centre) ** 2).sum() / 2 / (1 + 2 * lam / 8)
    X, labels = np.concatenate(groups)[:, None], np.repeat([0, 1, 2], n)
    assert welch_statistic(X, labels[None], (0, 1, 2))[0] == pytest.approx(expected)


def test_rows_of_each_labelling_and_of_all_agree() -> None:
    random = np.random.default_rng(2)
    X, labels = random.normal(size=(9, 3)), random.permuted(np.tile(np.arange(9) % 2, (4, 1)), axis=1)
    labels[:, 0] = 7  # not among the groups
    apart = welch_statistic(np.broadcast_to(X, (4, 9, 3)), labels, (0, 1))
    assert welch_statistic(X, labels, (0, 1)) == pytest.approx(apart)


def test_a_group_of_one_has_no_statistic_and_speaks_for_chance() -> None:
    X = np.arange(4.0)[:, None]
    assert np.isnan(welch_statistic(X, np.array([[0, 1, 1, 1]]), (0, 1))[0])
    assert permutation_p(1.0, lambda random, b: np.full(b, np.nan), 999, np.random.default_rng(0)) == 1


def test_alike_rows_never_differ() -> None:
    X, labels = np.ones((8, 2)), np.arange(8) % 2
    observed = welch_statistic(X, labels[None], (0, 1))[0]
    assert permutation_p(observed, shuffled_labels(X, labels, (0, 1)), 999, np.random.default_rng(0)) == 1


def test_clear_cases_stop_early_and_others_do_not() -> None:
    made: list[int] = []

    def draw(random: np.random.Generator, b: int) -> np.ndarray:
        made.append(b)
        return random.random(b)

    assert permutation_p(0.5, draw, 999, np.random.default_rng(0)) > 0.3
    assert sum(made) == FIRST_DRAWS
    made.clear()
    assert permutation_p(2.0, draw, 999, np.random.default_rng(0)) == 1 / 1000
    assert sum(made) == 999


def test_it_keeps_its_level_where_the_smaller_group_scatters_more() -> None:
    random = np.random.default_rng(3)
    found = []
    for _ in range(300):
        X = np.concatenate([3 * random.normal(size=(5, 6)), random.normal(size=(14, 6))])
        labels = np.repeat([0, 1], [5, 14])
        observed = welch_statistic(X, labels[None], (0, 1))[0]
        found.append(permutation_p(observed, shuffled_labels(X, labels, (0, 1)), 199, random))
    # Three standard errors above a level of a twentieth is .088; plain distances between means reject four times as often.
    assert np.mean(np.array(found) <= 0.05) < 0.09
