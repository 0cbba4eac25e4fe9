from __future__ import annotations

import unicodedata
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from fenqun.data.traits import TRAITS
from fenqun.explanation.drivers import measure
from fenqun.explanation.material import materials
from fenqun.explanation.naming import MAX_WORDS, name_segments
from fenqun.explanation.population import Population
from fenqun.scenarios import SCENARIOS


def named(population, scenario="ecommerce"):
    return name_segments(population, measure(population), SCENARIOS[scenario])


def well_formed(names):
    for language in ("en", "zh"):
        said = [getattr(name, language) for name in names]
        assert len({name.casefold() for name in said}) == len(said)
        for name in said:
            assert name.strip() == name and name
            assert len(name) <= 100
            assert not {unicodedata.category(c) for c in name} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert all(len(name.en.split()) <= MAX_WORDS for name in names)


def test_names_say_what_was_planted_in_both_languages(planted):
    names = named(planted())
    assert (names[0].en, names[0].zh) == ("Frequent Bakery buyers", "高频·烘焙")
    assert "Frozen Ice" in names[1].en and "Frozen Ice" in names[1].zh
    assert "Desserts" in names[2].en and "甜品" in names[2].zh
    assert "Home Care" in names[3].en
    well_formed(names)


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_words_are_the_scenarios(planted, scenario):
    names = named(planted(), scenario)
    well_formed(names)
    noun = {"ecommerce": "buyers", "social": "fans", "education": "learners", "finance": "clients"}[scenario]
    assert all(noun in name.en for name in names)


def test_without_topics_and_text_traits_make_the_names(planted):
    names = named(planted(None, texts=False))
    assert names[0].en == "Frequent customers" and names[0].zh == "高频顾客"
    well_formed(names)


def test_segments_of_the_same_taste_differ_in_the_trait(planted):
    population = planted()
    users = np.r_[np.arange(60), np.arange(60)]
    population = replace(
        population,
        labels=np.r_[np.zeros(60, int), np.ones(60, int), population.labels[60:] + 1],
        segment_ids=[f"S{i}" for i in range(5)],
        counts=population.counts[np.r_[users, np.arange(60, 240)]],
        profiles=pa.table(
            {
                "user_id": np.arange(300),
                "n_events": np.r_[np.full(60, 90), np.full(60, 10), np.full(180, 30)],
                "share_weekend": np.r_[np.full(60, 0.1), np.full(60, 0.9), np.full(180, 0.5)]
                + np.linspace(0, 0.1, 300),
            }
        ),
    )
    names = named(population)
    assert "Bakery" in names[0].en and "Bakery" in names[1].en
    assert not any(c.isdigit() for name in names for c in name.en)
    well_formed(names)


def test_identical_segments_fall_back_to_numbers_and_stay_unique(planted):
    population = planted()
    alike = replace(
        population,
        labels=np.tile(np.arange(6), 40),
        segment_ids=list("ABCDEF"),
        counts=sparse.csr_matrix(np.ones(population.counts.shape)),
        profiles=pa.table({"user_id": np.arange(240), "n_events": np.full(240, 5)}),
    )
    names = named(alike)
    assert names[0].en == "Typical customers" and names[0].zh == "典型顾客"
    assert names[1].en == "Typical customers 2"
    well_formed(names)


def test_a_globally_popular_item_never_leads():
    rng = np.random.default_rng(0)
    n, n_items = 300, 200
    labels = np.arange(n) % 3
    counts = (rng.random((n, n_items)) < 0.03).astype(float)
    counts[:, 1:30] = rng.random((n, 29)) < 0.7
    # most take the first item, in the first segment all of them
    counts[:, 0] = (labels == 0) | (rng.random(n) < 0.5)
    for g in range(3):
        counts[np.ix_(labels == g, [50 + g])] = rng.random((n // 3, 1)) < 0.6
    population = Population(
        labels,
        ["A", "B", "C"],
        pa.table({"user_id": np.arange(n)}),
        sparse.csr_matrix(counts),
        pa.array(np.arange(n_items)),
        ["Blockbuster, The", *(f"Title {i}" for i in range(1, n_items))],
        np.full(n_items, -1, np.int32),
        [],
    )
    names = named(population, "social")
    assert [name.en for name in names] == [f"“Title {50 + g}” fans" for g in range(3)]
    assert names[0].zh == "《Title 50》爱好者"


def test_a_name_does_not_depend_on_users_or_their_order(planted):
    population = planted()
    order = np.random.default_rng(2).permutation(240)
    profiles = population.profiles.take(pa.array(order)).set_column(0, "user_id", pa.array(order * 7))
    other = replace(population, labels=population.labels[order], profiles=profiles, counts=population.counts[order])
    assert named(population) == named(other)


@st.composite
def populations(draw):
    k = draw(st.integers(1, 8))
    n = draw(st.integers(k, 40))
    n_items = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    text = st.text(max_size=60) | st.sampled_from(["FRZN ICE", "烘焙", "a, b", "a", "b"])
    names = draw(st.lists(text, max_size=4))
    labels = np.r_[np.arange(k), rng.integers(0, k, n - k)]
    counts = rng.poisson(0.8, (n, n_items)) * (1 + 8 * (labels[:, None] == np.arange(n_items) % k))
    columns = draw(st.lists(st.sampled_from(sorted(TRAITS)), max_size=5, unique=True))
    values = {c: rng.normal(size=n) + labels * rng.random() for c in columns if c != "top_category"}
    return Population(
        labels,
        [f"S{i}" for i in range(k)],
        pa.table({"user_id": np.arange(n), **values, "attr_x": [draw(st.text(max_size=9)) or None] * n}),
        sparse.csr_matrix(counts.astype(float)),
        pa.array(np.arange(n_items)),
        [draw(st.none() | text) for _ in range(n_items)],
        rng.integers(-1, len(names), n_items).astype(np.int32) if names else np.full(n_items, -1, np.int32),
        names,
    )


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(populations(), st.sampled_from(sorted(SCENARIOS)))
def test_names_are_unique_short_and_clean_whatever_comes(population, scenario):
    names = named(population, scenario)
    assert len(names) == population.k
    well_formed(names)
    assert names == named(population, scenario)


def test_a_murky_category_gives_way_to_a_clear_one(planted):
    population = planted(("COUPON/MISC ITEMS", "Frozen Ice", "甜品", "HOME CARE"))
    counts = population.counts.toarray()
    counts[:60, 8:16] += np.random.default_rng(0).poisson(7.0, (60, 8))
    population = replace(population, counts=sparse.csr_matrix(counts))
    # what fits nowhere is the more telling of the two
    effects = measure(population)
    murky, clear = (
        effects.strength[0, effects.features.index(name)] for name in ("COUPON/MISC ITEMS", "Frozen Ice")
    )
    assert murky > 1.2 * clear
    assert materials(population, effects, SCENARIOS["ecommerce"])[0].topics[0][0] == "Frozen Ice"


@pytest.mark.parametrize(("trends", "said"), [((-0.1, -2.0), False), ((1.0, -2.0), True)])
def test_only_who_does_more_than_before_grows(planted, trends, said):
    population = planted()
    noise = np.random.default_rng(0).normal(0, 0.01, 240)
    trend = np.where(population.labels == 1, *trends) + noise
    profiles = pa.table({"user_id": np.arange(240), "trend": trend})
    assert ("Growing" in named(replace(population, profiles=profiles))[1].en) is said


def test_a_title_in_a_name_leaves_out_the_categories_that_its_text_lists():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    counts = (rng.random((300, 60)) < 0.3).astype(float)
    for g in range(3):
        counts[np.ix_(labels == g, [40 + g])] = rng.random((100, 1)) < 0.4
        counts[np.ix_(labels != g, [40 + g])] = 0.0
    population = Population(
        labels,
        ["A", "B", "C"],
        pa.table({"user_id": np.arange(300)}),
        sparse.csr_matrix(counts),
        pa.array(np.arange(60)),
        [f"Tale {i}, The, Drama War" for i in range(60)],
        (np.arange(60) // 2 % 2).astype(np.int32),
        ["Drama", "War"],
    )
    assert [name.en for name in named(population, "social")] == [f"“The Tale {40 + g}” fans" for g in range(3)]
