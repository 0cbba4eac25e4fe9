"""Choosing by segment: what is established wins, the simpler stays, popularity where nothing beats it."""

from __future__ import annotations

import numpy as np

from fenqun.recommendation.choice import choose, choose_weights


def users(seed: int = 0, n: int = 600, k: int = 3):
    rng = np.random.default_rng(seed)
    return rng, rng.integers(0, k, n), rng.beta(2, 6, n)


def test_a_clear_lead_wins_in_its_own_segments_alone():
    rng, groups, base = users()
    better = base + rng.normal(0, 0.05, 600) + np.where(groups == 1, 0.08, -0.05)
    chosen = choose({"popularity": base, "other": better}, groups, 3)
    assert [one.recommender for one in chosen] == ["popularity", "other", "popularity"]
    assert chosen[1].lead > 0.05 and chosen[0].lead == 0.0
    assert sum(one.users for one in chosen) == 600


def test_noise_does_not_unseat_popularity():
    wins = 0
    for seed in range(60):
        rng, groups, base = users(seed)
        rivals = {f"r{i}": base + rng.normal(0, 0.2, 600) for i in range(4)}
        wins += sum(one.recommender != "popularity" for one in choose({"popularity": base, **rivals}, groups, 3))
    assert wins <= 12  # of 180: five per cent, and some luck


def test_the_simpler_of_two_that_are_level_is_taken():
    rng, groups, base = users()
    simple = base + 0.05 + rng.normal(0, 0.05, 600)
    scores = {"popularity": base, "simple": simple, "elaborate": simple + rng.normal(0.001, 0.05, 600)}
    assert {one.recommender for one in choose(scores, groups, 3)} == {"simple"}
    scores["elaborate"] = simple + 0.03 + rng.normal(0, 0.05, 600)
    assert {one.recommender for one in choose(scores, groups, 3)} == {"elaborate"}


def test_users_without_a_figure_do_not_count():
    _, groups, base = users()
    base[:300] = np.nan
    chosen = choose({"popularity": base, "same": base.copy()}, groups, 4)
    assert {one.recommender for one in chosen} == {"popularity"}
    assert sum(one.users for one in chosen) == 300 and chosen[3].users == 0


def test_nobody_to_judge_by_leaves_popularity():
    nothing = np.full(5, np.nan)
    chosen = choose({"popularity": nothing, "other": nothing}, np.zeros(5, int), 1)
    assert chosen[0].recommender == "popularity"


def test_weights_fit_the_segment_and_are_judged_by_the_other_half():
    rng, groups, base = users(k=2)
    best = np.where(groups == 0, 0.25, 0.75)
    scores = {w: base - 0.2 * np.abs(w - best) + rng.normal(0, 0.01, 600) for w in (0.25, 0.5, 0.75)}
    half = np.arange(600) % 2 == 0
    weights, fair = choose_weights(scores, groups, 2, half)
    assert weights.tolist() == [0.25, 0.75]
    np.testing.assert_array_equal(fair[groups == 0], scores[0.25][groups == 0])
    # Chosen and judged on the same users, the best of three that differ by luck would look better than any.
    luck = {w: rng.normal(0, 1, 600) for w in (0.25, 0.5, 0.75)}
    assert abs(choose_weights(luck, groups, 2, half)[1].mean()) < 0.15
