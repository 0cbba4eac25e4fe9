from __future__ import annotations

import pytest

from fenqun.content.use import UniversalSentenceEncoder
from fenqun.explanation.topic_list import ENTRIES, TOPICS, Topic, match_topics


@pytest.fixture(scope="module")
def encode():
    return UniversalSentenceEncoder().encode


def test_every_entry_is_said_in_both_languages_and_found_by_either():
    for topic in TOPICS:
        assert topic.en.isascii() and topic.en.strip() and not topic.zh.isascii()
        assert ENTRIES[topic.en.casefold()].en == topic.en
        assert topic.zh in ENTRIES
    english = [topic.en.casefold() for topic in TOPICS]
    assert len(set(english)) == len(english)


def test_a_topic_in_the_list_needs_no_text_space():
    assert match_topics(["horror", "甜品", "Widgets"]) == {
        "horror": Topic("horror", "恐怖"),
        "甜品": Topic("Desserts", "甜品"),
    }


def test_labels_are_matched_by_meaning_in_both_languages(encode):
    matched = match_topics(["Laundry Detergents", "Dog Foods", "科幻片", "Newspaper", "面包店", "Widget 9"], encode)
    assert matched["Laundry Detergents"].zh == "洗涤剂"
    assert matched["Dog Foods"].zh == "狗粮"
    assert matched["科幻片"].en in ("Science fiction", "Sci-Fi")
    assert matched["Newspaper"].zh == "报纸"
    assert "Widget 9" not in matched


@pytest.mark.parametrize("label", ["Salad Dressings and Dips", "Pears", "Hot Dogs", "Coffee Filters", "Shoe Care"])
def test_what_only_sounds_alike_stays_in_its_own_language(label, encode):
    assert label not in match_topics([label], encode)


def test_two_labels_near_one_topic_stay_apart(encode):
    matched = match_topics(["Laundry Detergents", "Dishwash Detergents"], encode)
    assert len({topic.zh for topic in matched.values()}) == len(matched) == 1
