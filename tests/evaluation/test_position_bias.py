"""Examination is told from attraction, also where good items stand on top; a naive comparison is misled."""

from __future__ import annotations

import numpy as np

from fenqun.data.simulation.impressions import EXAMINATION, attractions, simulate_impressions
from fenqun.evaluation.click_rates import rate
from fenqun.evaluation.position_bias import position_bias

GROUPS = np.arange(1200) % 3
ATTRACTION = attractions(3, 15, seed=1)


def favourites_on_top(seed: int):
    """Of each page, what attracts most moves up: attraction and position are confounded."""
    drawn = simulate_impressions(GROUPS, ATTRACTION, seed=seed)
    random = np.random.default_rng(seed)
    pages = drawn.item.reshape(-1, 3)
    group = drawn.group.reshape(-1, 3)[:, 0]
    order = np.argsort(-ATTRACTION[group[:, None], pages] * random.uniform(0.3, 1.7, pages.shape), axis=1)
    item = np.take_along_axis(pages, order, axis=1).ravel()
    chance = np.tile(EXAMINATION, len(pages)) * ATTRACTION[drawn.group, item]
    return drawn.user, drawn.group, drawn.position, item, random.random(len(item)) < chance


def test_examination_is_recovered_over_draws():
    inside = []
    for seed in range(12):
        user, group, position, item, clicked = favourites_on_top(seed)
        found = position_bias(position, item * 3 + group, clicked, user, repeats=60, seed=seed)
        assert found.known and found.examination[0] == 1.0
        inside.append((found.low <= EXAMINATION) & (found.high >= EXAMINATION))
        naive = [clicked[position == k].mean() for k in range(3)]
        assert naive[2] / naive[0] < 0.75 * EXAMINATION[2], "what stands below is also what attracts less"
    assert np.mean(inside) >= 0.85


def test_corrected_rates_compare_groups_shown_in_different_positions():
    """Two groups of one taste; one is shown mostly below."""
    random = np.random.default_rng(5)
    n = 20_000
    user = random.integers(800, size=n)
    group = user % 2
    position = np.where(random.random(n) < np.where(group == 1, 0.85, 0.15), 2, 0)
    item = random.integers(10, size=n)
    looks = np.asarray(EXAMINATION)[position]
    clicked = random.random(n) < looks * (0.1 + 0.02 * item)
    naive = [rate(clicked[group == g], user[group == g]) for g in (0, 1)]
    assert naive[1].high < naive[0].low, "naive rates tell the groups apart"
    bias = position_bias(position, item, clicked, user, repeats=20)
    assert abs(bias.examination[-1] - EXAMINATION[2]) < 0.05
    exposure = bias.exposure(position)
    one, other = (rate(clicked[group == g], user[group == g], exposure[group == g]) for g in (0, 1))
    assert max(one.low, other.low) < min(one.high, other.high)
    assert abs(one.value - 0.19) < 0.02 and abs(other.value - 0.19) < 0.02


def test_positions_that_share_no_item_cannot_be_compared():
    position, item = np.repeat([1, 2], 50), np.repeat([0, 1], 50)
    found = position_bias(position, item, np.ones(100), np.arange(100), repeats=5)
    assert found.examination[0] == 1.0 and np.isnan(found.examination[1]) and not found.known


def test_without_clicks_nothing_is_known():
    assert not position_bias([1, 2], [0, 0], [0, 0], [0, 1], repeats=5).known
