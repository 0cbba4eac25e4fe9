from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from fenqun.evaluation.fairness import _macro_auc, _macro_f1, give_away


@pytest.fixture
def random():
    return np.random.default_rng(5)


def test_segments_that_are_the_attribute_stand_in_for_it(random):
    gender = random.choice(["F", "M"], 600)
    labels = np.where(gender == "F", random.integers(0, 3, 600), random.integers(3, 6, 600))
    found = give_away(labels, gender)
    assert found.verdict == "stands_in"
    assert found.macro_f1.value > 0.99 and found.auc.value > 0.99 and found.cramers_v.value > 0.97
    assert found.auc.chance == pytest.approx(0.5, abs=0.02)
    assert found.n == 600 and sum(found.levels.values()) == 600


def test_segments_that_know_nothing_are_at_chance(random):
    verdicts = [
        give_away(
            random.integers(0, 12, 800), random.choice(["a", "b", "c"], 800), seed=seed, permutations=100
        ).verdict
        for seed in range(10)
    ]
    assert verdicts.count("chance") >= 8 and "stands_in" not in verdicts


def test_many_small_segments_do_not_win_by_memory(random):
    labels, gender = np.arange(400) // 2, random.choice(["F", "M"], 400)
    found = give_away(labels, gender)
    assert found.verdict == "chance" and found.auc.value == pytest.approx(0.5, abs=0.1)


def test_a_weak_hint_is_told_from_a_stand_in(random):
    gender = random.choice(["F", "M"], 4000)
    labels = np.where(random.random(4000) < 0.2, (gender == "F").astype(int), random.integers(0, 2, 4000))
    found = give_away(labels, gender)
    assert found.verdict == "gives_away" and 0.55 < found.auc.value < 0.7
    assert found.auc.low < found.auc.value < found.auc.high


def test_the_rare_level_counts_as_much(random):
    rare = random.random(3000) < 0.05
    labels = np.where(rare & (random.random(3000) < 0.9), 1, 0)
    found = give_away(labels, np.where(rare, "yes", "no"))
    assert found.base_rate > 0.9 and found.base_f1 == pytest.approx(0.487, abs=0.01)
    assert found.macro_f1.value > 0.9 and found.verdict == "stands_in"


def test_numbers_are_read_by_their_quartiles_and_unknown_is_left_out(random):
    age = random.integers(18, 80, 500).astype(object)
    age[:50] = None
    found = give_away((np.array([a or 0 for a in age]) > 45).astype(int), age)
    assert found.n == 450 and len(found.levels) == 4 and found.verdict == "stands_in"


@pytest.mark.parametrize("truth", [[None] * 40, ["a"] * 40, ["a"] * 35 + ["b"] * 5])
def test_one_level_says_nothing(truth):
    assert give_away(np.arange(40) % 2, truth) is None


def test_few_users_are_no_verdict():
    truth = ["a"] * 20 + ["b"] * 20
    assert give_away([0] * 20 + [1] * 20, truth).verdict == "too_few"


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(2, 4))
def test_figures_are_those_of_scikit_learn(seed, k, c):
    random = np.random.default_rng(seed)
    table = random.integers(1, 9, (2, k, c))
    said, shares = random.integers(0, c, (2, k)), random.random((2, k, c))
    cells = [
        (h, g, level) for h in range(2) for g in range(k) for level in range(c) for _ in range(table[h, g, level])
    ]
    truth = np.array([level for _, _, level in cells])
    told = np.array([said[h, g] for h, g, _ in cells])
    assert _macro_f1(table, said) == pytest.approx(
        f1_score(truth, told, labels=range(c), average="macro", zero_division=0)
    )
    halves = np.array([h for h, _, _ in cells])
    scores = np.array([shares[h, g] for h, g, _ in cells])
    expected = [
        roc_auc_score(truth[halves == h] == level, scores[halves == h, level])
        for h in range(2)
        for level in range(c)
    ]
    assert _macro_auc(table, shares) == pytest.approx(np.mean(expected))


def test_the_same_whatever_the_segments_are_called_and_twice(random):
    labels, truth = random.integers(0, 4, 300), random.choice(["a", "b"], 300)
    assert give_away(labels, truth) == give_away(labels, truth)
    assert give_away(labels + 7, truth) == give_away(labels, truth)
