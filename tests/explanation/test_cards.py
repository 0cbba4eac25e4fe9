from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from fenqun.explanation.cards import activity_counts, build_cards
from fenqun.explanation.drivers import measure, select_drivers
from fenqun.explanation.items import popular_items, top_items
from fenqun.explanation.naming import name_segments
from fenqun.explanation.table import segments_table
from fenqun.scenarios import SCENARIOS
from fenqun.schema import SEGMENTS, Card, Driver


@pytest.fixture
def cards(planted):
    population = planted()
    rng = np.random.default_rng(0)
    centroids = np.eye(4)
    vectors = centroids[population.labels] + rng.normal(scale=0.1, size=(240, 4))
    vectors[61] = centroids[1]  # the most typical user of S02
    hours = np.zeros((240, 24), np.int64)
    hours[:, 9] = 3
    hours[population.labels == 2, 22] = 1
    days = np.ones((240, 7), np.int64)
    confidence = np.linspace(0, 1, 240)
    return population, build_cards(
        population, vectors, centroids, confidence, hours, days, "constructive", [0.9, None, 0.5, 0.4]
    )


def test_events_per_slot():
    offsets = np.array([0, 2, 2, 5])
    hours = np.array([0, 23, 5, 5, 6], np.int8)
    counts = activity_counts(offsets, hours, 24)
    assert counts.shape == (3, 24) and counts.sum() == 5
    assert counts[0, [0, 23]].tolist() == [1, 1] and counts[2, 5] == 2
    assert activity_counts(offsets, hours, 24, np.array([0, 1, 1, 0, 0], bool)).sum() == 2


def test_cards_show_items_of_the_planted_category(cards):
    population, built = cards
    for g, card in enumerate(built):
        own = {str(population.item_ids[i]) for i in np.flatnonzero(population.category_codes == g)}
        assert {item.item_id for item in card.items} <= own and card.items
        assert all(item.lift > 1 and item.users >= 3 for item in card.items)
    assert built[0].items[0].text.startswith("Thing Number ")
    assert built[0].items[0].category == "Bakery"


def test_cards_show_activity_typical_users_and_medians(cards):
    population, built = cards
    assert built[2].hours[9] == pytest.approx(0.75) and built[2].hours[22] == pytest.approx(0.25)
    assert sum(built[0].weekdays) == pytest.approx(1, abs=1e-5)
    assert built[1].typical_users[0] == "u0061" and len(built[1].typical_users) == 5
    assert built[0].confidence < built[3].confidence
    assert built[0].jaccard == 0.9 and built[1].jaccard is None
    assert set(built[0].traits) == {"n_events", "share_weekend"}
    events = population.profiles["n_events"].to_numpy()
    assert built[0].traits["n_events"] == np.median(events[:60])


def test_items_of_the_same_text_are_listed_once(planted):
    population = replace(planted(), texts=["same | thing"] * 32)
    assert {len(items) for items in top_items(population)} == {1}


def test_a_rare_item_is_no_top_item(planted):
    population = planted()
    counts = population.counts.tolil()
    counts[:, 0] = 0
    counts[0, 0] = 50
    items = top_items(replace(population, counts=sparse.csr_matrix(counts)))
    assert "i000" not in {item.item_id for item in items[0]}


def test_popular_items_are_the_most_taken(planted):
    population = planted()
    users = np.asarray((population.counts > 0).sum(axis=0)).ravel()
    popular = popular_items(population, least=3)
    assert len(popular) == 3
    least = min(users[[int(i[1:]) for i in popular]])
    assert least >= np.sort(users)[-3]


def test_an_empty_segment_has_an_empty_card(planted):
    population = replace(planted(), segment_ids=["A", "B", "C", "D", "E"])
    card = build_cards(
        population,
        np.zeros((240, 2)),
        np.zeros((5, 2)),
        np.zeros(240),
        np.zeros((240, 24), int),
        np.zeros((240, 7), int),
        "natural",
    )[4]
    assert card.items == [] and card.typical_users == [] and card.traits == {} and sum(card.hours) == 0


def test_the_table_follows_the_contract_and_reads_back(cards):
    population, built = cards
    effects = measure(population)
    names = name_segments(population, effects, SCENARIOS["ecommerce"])
    table = segments_table(population, names, built, select_drivers(effects), "zh", [None, "S01", None, None])
    assert table.schema == SEGMENTS and table.num_rows == 4
    assert table["name"].to_pylist() == table["name_zh"].to_pylist() != table["name_en"].to_pylist()
    assert sum(table["size"].to_pylist()) == 240 and sum(table["share"].to_pylist()) == pytest.approx(1)
    assert [Card.model_validate_json(card) for card in table["card"].to_pylist()] == built
    assert all(Driver.model_validate(d) for own in table["drivers"].to_pylist() for d in json.loads(own))
