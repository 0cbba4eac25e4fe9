from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from fenqun.explanation.drivers import group_medians, measure, select_drivers


def found(drivers, kind):
    return {driver.feature: driver for driver in drivers if driver.kind == kind}


def test_what_was_planted_leads_the_drivers(planted):
    drivers = select_drivers(measure(planted()))
    for own, category in zip(drivers, ("BAKERY", "Frozen Ice", "甜品", "HOME CARE"), strict=True):
        over = [d for d in own if d.kind == "category" and d.effect > 0]
        assert [d.feature for d in over] == [category]
        assert over[0].effect == pytest.approx(1.585, abs=0.3)  # three times the share: log2(3)
        assert over[0].segment > over[0].everyone
    activity = found(drivers[0], "trait")["n_events"]
    assert activity.effect > 2 and activity.segment > 1.5 * activity.everyone
    assert found(drivers[1], "trait")["n_events"].effect < 0
    assert found(drivers[1], "attribute")["region=north"].effect > 2
    assert "share_weekend" not in {d.feature for own in drivers for d in own}


def test_permuted_segments_have_almost_no_driver(planted):
    told = sum(len(own) for seed in range(5) for own in select_drivers(measure(planted(shuffle=True, seed=seed))))
    assert told <= 2  # of 5 x 4 segments x 13 features


def test_drivers_are_significant_and_ordered(planted):
    effects = measure(planted())
    for g, own in enumerate(select_drivers(effects, per_direction=2)):
        assert all(driver.q < 0.05 for driver in own)
        strength = {f: abs(effects.strength[g, j]) for j, f in enumerate(effects.features)}
        assert [d.feature for d in own] == sorted((d.feature for d in own), key=lambda f: -strength[f])
        for kind in ("trait", "category", "attribute"):
            for sign in (1, -1):
                assert sum(d.kind == kind and d.effect * sign > 0 for d in own) <= 2


def test_order_of_users_changes_nothing(planted):
    population = planted()
    order = np.random.default_rng(1).permutation(len(population.labels))
    other = replace(
        population,
        labels=population.labels[order],
        profiles=population.profiles.take(pa.array(order)),
        counts=population.counts[order],
    )
    assert select_drivers(measure(population)) == select_drivers(measure(other))


def test_unknown_and_infinite_values_are_left_out(planted):
    population = planted()
    values = population.profiles["n_events"].to_numpy().astype(float)
    values[::7], values[1::7] = np.nan, np.inf
    profiles = population.profiles.append_column("heat_7d", pa.array(values))
    profiles = profiles.append_column("heat_30d", pa.nulls(len(values), pa.float64()))
    drivers = select_drivers(measure(replace(population, profiles=profiles)))
    assert found(drivers[0], "trait")["heat_7d"].effect > 2
    assert "heat_30d" not in {d.feature for own in drivers for d in own}


def test_an_empty_segment_and_a_segment_of_one_have_no_made_up_driver(planted):
    population = planted()
    labels = population.labels.copy()
    labels[0] = 4
    drivers = select_drivers(
        measure(replace(population, labels=labels, segment_ids=["A", "B", "C", "D", "E", "F"]))
    )
    assert drivers[5] == []
    assert found(drivers[4], "trait") == found(drivers[4], "category") == {}


def test_one_segment_has_nobody_to_differ_from(planted):
    population = planted()
    one = replace(population, labels=np.zeros_like(population.labels), segment_ids=["S01"])
    assert select_drivers(measure(one)) == [[]]


def test_numbers_of_many_values_become_quartiles(planted):
    effects = measure(planted())
    ages = [f for f in effects.features if f.startswith("age=")]
    assert len(ages) == 4 and all("–" in age for age in ages)


def test_medians_per_group():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [5.0, 2.0]])
    medians = group_medians(values, np.array([0, 0, 1]), 3)
    np.testing.assert_array_equal(medians, [[2.0, np.nan], [5.0, 2.0], [np.nan, np.nan]])


@pytest.mark.parametrize(
    "change",
    [
        {"labels": np.zeros(3, int)},
        {"texts": ["a"]},
        {"segment_ids": ["S01"]},
        {"counts": sparse.csr_matrix((240, 31))},
    ],
)
def test_what_does_not_fit_together_is_refused(planted, change):
    with pytest.raises(ValueError, match=r"rows|segments"):
        replace(planted(), **change)
