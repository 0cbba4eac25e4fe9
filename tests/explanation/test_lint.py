from __future__ import annotations

import pytest

from fenqun.data.traits import TRAITS
from fenqun.explanation.lexicon import word
from fenqun.explanation.lint import LIST, lint
from fenqun.explanation.topic_list import ENTRIES
from fenqun.scenarios import SCENARIOS


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Poor bakery buyers", "poverty"), ("Lonely losers", "demeaning"), ("Muslim families", "religion"),
        ("Diabetics' snacks", "health"), ("Asian customers", "ethnicity"), ("Gay men", "sexuality"),
        ("Old people", "age"), ("Republican readers", "politics"), ("低收入穷人", "poverty"), ("糖尿病患者", "health"),
        ("少数民族顾客", "ethnicity"), ("大妈购物团", "demeaning"), ("老年人", "age"),
    ],
)  # fmt: skip
def test_plain_cases_are_caught(text, code):
    assert code in {found.partition(":")[0] for found in lint(text)}


@pytest.mark.parametrize(
    "text",
    [
        "Black tea buyers",
        "Old Spice fans",
        "Goldfish owners",
        "Frequent Horror fans",
        "White wine, weekends",
        "周末烘焙",
    ],
)
def test_harmless_words_are_not(text):
    assert lint(text) == []


def test_the_lists_are_clean():
    for english, chinese in LIST.values():
        for words in (english.split(), chinese.split()):
            assert len(set(words)) == len(words)
        assert english.isascii() and english == english.casefold()


def test_our_own_words_pass():
    spoken = [
        word(domain, trait, high) for domain in SCENARIOS.values() for trait in TRAITS for high in (True, False)
    ]
    assert not [lint(text) for one in spoken if one for text in (one.en, one.zh) if lint(text)]
    topics = {text for topic in ENTRIES.values() for text in (topic.en, topic.zh)}
    assert {text for text in topics if lint(text)} == set()
