"""The simulator's truth is what its draws do on average."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fenqun.data.simulation.impressions import attractions, simulate_impressions

GROUPS = np.arange(1500) % 3
ATTRACTION = attractions(3, 12, seed=1)


@pytest.fixture(scope="module")
def favoured():
    return simulate_impressions(GROUPS, ATTRACTION, skew=0.8, seed=3)


def test_a_page_holds_different_items_in_all_positions(favoured):
    pages = favoured.item.reshape(-1, 3)
    assert all(len(set(page)) == 3 for page in pages.tolist())
    assert favoured.position.reshape(-1, 3).tolist() == [[0, 1, 2]] * len(pages)


def test_chances_of_landing_are_what_happens(favoured):
    logged = favoured.truth.logged
    assert np.allclose(logged.sum(axis=2), 1.0)
    seen = np.zeros_like(logged)
    np.add.at(seen, (favoured.group, favoured.position, favoured.item), 1.0)
    pages = seen.sum(axis=2, keepdims=True)
    error = np.sqrt(logged * (1 - logged) / pages)
    assert (np.abs(seen / pages - logged) < 4.5 * error).all()
    assert np.allclose(logged[favoured.group, favoured.position, favoured.item], favoured.propensity)


def test_without_skew_every_item_lands_alike():
    even = simulate_impressions(GROUPS[:30], ATTRACTION, seed=3)
    assert np.allclose(even.propensity, 1 / 12)


def test_truth_is_the_mean_of_many_draws(favoured):
    missed = []
    for seed in range(20):
        one = simulate_impressions(GROUPS[:300], ATTRACTION, skew=0.8, seed=seed)
        missed.append(one.clicked.mean() - one.truth.value(one.truth.logged))
    assert abs(np.mean(missed)) < 3.5 * np.std(missed) / np.sqrt(len(missed))
    assert favoured.truth.value(favoured.truth.best()) > 2 * favoured.truth.value(favoured.truth.logged)


def test_the_same_arguments_give_the_same_impressions(favoured):
    again = simulate_impressions(GROUPS, ATTRACTION, skew=0.8, seed=3)
    assert np.array_equal(again.item, favoured.item) and np.array_equal(again.clicked, favoured.clicked)


def test_the_table_holds_what_is_read(favoured):
    users, items = pa.array([f"u{u}" for u in range(1500)]), pa.array(range(12))
    table = favoured.table(users, items, 1_704_067_200, 1_704_153_600, "random", seed=1)
    assert table.num_rows == len(favoured.user) and table["position"].to_pylist()[:3] == [1, 2, 3]
    assert len(set(table["timestamp"].to_pylist()[:3])) == 1, "a page is one moment"


@pytest.mark.parametrize(
    "wrong", [{"examination": (1.0, 0.5, 0.4, 0.3)}, {"spread": 0.9, "attraction": np.full((3, 12), 0.6)}]
)
def test_what_cannot_be_drawn_is_refused(wrong):
    given = {"attraction": ATTRACTION} | wrong
    with pytest.raises(ValueError, match=r"position|exceeds"):
        simulate_impressions(GROUPS, given.pop("attraction"), **given)
