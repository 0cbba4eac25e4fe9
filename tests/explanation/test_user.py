from __future__ import annotations

import pytest

from fenqun.explanation.user import NearSegment, explain_user, holds
from fenqun.schema import Card, CardItem, Driver


def driver(kind, feature, effect, everyone):
    return Driver(kind=kind, feature=feature, effect=effect, segment=0.0, everyone=everyone, q=0.001)


@pytest.fixture
def explained():
    items = [CardItem(item_id=i, text=i, users=9, lift=2.0) for i in ("a", "b")]
    card = Card(
        items=items,
        hours=[0.0] * 24,
        weekdays=[0.0] * 7,
        traits={},
        typical_users=[],
        confidence=0.5,
        kind="natural",
    )
    drivers = [
        driver("trait", "n_events", 1.0, 50.0),
        driver("trait", "recency_days", 1.0, 5.0),
        driver("category", "Bakery", 1.5, 0.1),
        driver("category", "Toys", -1.0, 0.3),
        driver("attribute", "age=35–45", 1.0, 0.2),
        driver("attribute", "city=X", -1.0, 0.2),
    ]
    return explain_user(
        "007",
        [NearSegment(segment_id="S02", distance=1.0), NearSegment(segment_id="S01", distance=2.0)],
        1 / 3,
        drivers,
        card,
        {"n_events": 80, "recency_days": None, "attr_age": 41, "attr_city": "X"},
        {"Bakery": 0.05},
        {"b", "z"},
    )


def test_nearest_segments_and_confidence(explained):
    assert (explained.user_id, explained.segment_id) == ("007", "S02")
    assert [(s.segment_id, s.distance) for s in explained.nearest] == [("S02", 1.0), ("S01", 2.0)]
    assert explained.confidence == pytest.approx(1 / 3, abs=1e-6)


def test_own_figures_are_set_beside_the_drivers(explained):
    agrees = {m.driver.feature: m.agrees for m in explained.matches}
    assert agrees == {"n_events": True, "Toys": True, "age=35–45": True, "Bakery": False, "city=X": False}
    assert [m.agrees for m in explained.matches] == sorted((m.agrees for m in explained.matches), reverse=True)
    assert [item.item_id for item in explained.items] == ["b"]


@pytest.mark.parametrize(
    ("value", "level", "expected"),
    [("x", "x", True), (True, "True", True), (2.5, "2–3", True), (7, "2–3", False), (7, "7", True)],
)
def test_levels(value, level, expected):
    assert holds(value, level) is expected
