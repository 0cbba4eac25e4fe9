from __future__ import annotations

from dataclasses import replace

import numpy as np

from fenqun.explanation.topics import find_tags, find_topics, split_packed, user_shares


def test_labels_packed_into_one_column_are_split():
    assert split_packed(["Drama", "Action|Drama", "Action"]) == [["Drama"], ["Action", "Drama"], ["Action"]]
    assert split_packed(["War", "Sci-Fi", "Sci-Fi War"])[2] == ["Sci-Fi", "War"]


def test_names_of_several_words_are_not_lists():
    names = ["Frozen Food", "Food", "Dog Food", "Baby, Food & Care"]
    assert split_packed(names) == [[name] for name in names]


def test_shares_of_single_labels_sum_to_one(planted):
    population = planted()
    topics = find_topics(population)
    assert topics.kind == "category" and len(topics.names) == 4
    np.testing.assert_allclose(user_shares(population.counts, topics).sum(axis=1), 1.0)


def test_recurring_phrases_stand_in_for_categories(planted):
    texts = [f"Singer {i} | {'rock' if i < 16 else 'jazz'}, live" for i in range(32)]
    population = replace(planted(None), texts=texts)
    topics = find_topics(population)
    assert (topics.kind, topics.names) == ("tag", ["jazz", "rock"])
    assert find_tags(population, widest=0.05) is None


def test_a_small_catalogue_is_its_own_topics(planted):
    topics = find_topics(planted(None))
    assert topics.kind == "item" and len(topics.names) == 32


def test_nothing_to_read_gives_no_topics(planted):
    assert find_topics(planted(None, texts=False)).names == []


def test_labels_that_a_text_lists_are_topics_of_the_item_too(planted):
    texts = ["Some Title, Home甜品" if i else "Some Title, BAKERY 甜品" for i in range(32)]
    topics = find_topics(replace(planted(("BAKERY", "War", "甜品", "HOME CARE")), texts=texts))
    assert [topics.names[j] for j in topics.items[0].indices] == ["BAKERY", "甜品"]
    assert [topics.names[j] for j in topics.items[1].indices] == ["BAKERY"]
    assert topics.items.max() == 1


def test_phrases_that_only_list_categories_are_no_finer_topics(planted):
    texts = [f"Title {i} | {'War Drama' if i < 16 else 'samurai'}" for i in range(32)]
    population = replace(planted(None), texts=texts)
    tags = find_tags(population, widest=0.6, beside=["War", "Drama"])
    assert tags is None
    assert find_tags(population, widest=0.6, beside=["War"]).names == ["War Drama", "samurai"]
