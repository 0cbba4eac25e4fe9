from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqun.explanation.abbreviations import is_murky
from fenqun.explanation.wording import calm, clean, is_whole, topic_label, topic_labels


@given(st.text(max_size=300))
def test_labels_are_short_and_hold_nothing_invisible(text):
    label = topic_label(text)
    assert len(label) <= 28
    assert len(label.split()) <= 4
    assert not {unicodedata.category(c) for c in label} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(max_size=100))
def test_cleaning_twice_is_cleaning_once(text):
    assert clean(clean(text)) == clean(text)


def test_a_huge_emoji_title_is_capped_at_once():
    assert len(topic_label("🍕" * 5000)) <= 28


@pytest.mark.parametrize(
    ("shouted", "said"),
    [
        ("FRZN ICE", "Frozen Ice"),
        ("CHILDREN'S", "Children's"),
        ("FITNESS&DIET", "Fitness & Diet"),
        ("MEAT - SHELF STABLE", "Shelf Stable Meat"),
        ("VEGETABLES - ALL OTHERS", "Vegetables"),
        ("ORGANICS FRUIT & VEGETABLES", "Organics Fruit & Vegetables"),
        ("GREETING CARDS/WRAP/PARTY SPLY", "Greeting Cards/Wrap"),
        ("DRUG GM", "Drug GM"),
        ("Home > Kitchen > Knives", "Knives"),
        ("One Flew Over the Cuckoo's Nest", "One Flew Over"),
        ("Lord of the Rings: The Two Towers", "Lord"),
        ("烘焙", "烘焙"),
    ],
)
def test_labels(shouted, said):
    assert topic_label(shouted) == said


def test_only_shouting_is_calmed():
    assert calm("iPhone USB-C") == "iPhone USB-C"
    assert calm("USA") == "USA"


def test_whole_labels_carry_every_word():
    assert is_whole(topic_label("SEAFOOD - FROZEN"), "SEAFOOD - FROZEN")
    assert not is_whole(topic_label("FRZN SS PREMIUM ENTREES/DNRS/N"), "FRZN SS PREMIUM ENTREES/DNRS/N")


@pytest.mark.parametrize(
    ("shouted", "said"),
    [
        ("PWDR/CRYSTL DRNK MX", "Powder/Crystal Drink Mix"),
        ("FACIAL TISS/DNR NAPKIN", "Facial Tissue/Dinner Napkin"),
        ("REFRGRATD JUICES/DRNKS", "Refrigerated Juices/Drinks"),
        ("CRACKERS/MISC BKD FD", "Crackers"),
        ("Bg Fd", "Bg Fd"),
    ],
)
def test_abbreviations_of_a_catalogue_are_said_in_full(shouted, said):
    assert topic_label(shouted) == said


@pytest.mark.parametrize("text", ["COUPON/MISC ITEMS", "Other", "SGL SV", "其他食品", "unknown"])
def test_murky_texts(text):
    assert is_murky(text)


@pytest.mark.parametrize("text", ["FRZN ICE", "TV & DVD", "Hmm Pff", "烘焙", "MOTHERS DAY", "BBB", ""])
def test_texts_that_a_reader_understands(text):
    assert not is_murky(text)


def test_qualifiers_stand_for_labels_that_would_be_the_same():
    texts = [
        "remittance to another bank - insurance payment",
        "remittance to another bank - loan payment",
        "remittance to another bank",
        "withdrawal in cash - loan payment",
    ]
    said = ["insurance payment", "loan payment", "remittance to another bank", "withdrawal in cash"]
    assert topic_labels(texts, 4) == said
