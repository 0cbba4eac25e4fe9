from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fenqun.explanation.themes import find_themes
from fenqun.explanation.topics import find_topics
from fenqun.pipeline.text_space import multilingual

TITLES = {
    "股票": ["沪指大涨收复三千点 银行股领涨", "两市放量反弹 券商股全线涨停", "外资连续三日净买入A股"],
    "篮球": ["湖人加时险胜火箭 科比砍下40分", "NBA季后赛:热火横扫老鹰晋级", "姚明复出首战得到18分9个篮板"],
    "考试": ["考研英语阅读理解答题技巧", "2011年高考数学模拟试题及答案", "公务员考试报名今日截止"],
}


@pytest.fixture(scope="module")
def encode():
    return multilingual().encode


def test_titles_are_told_by_the_nearest_entries_in_their_own_language(encode):
    texts = [title for titles in TITLES.values() for title in titles]
    themes = find_themes(texts, np.ones(len(texts)), encode)
    for t, topic in enumerate(TITLES):
        assert topic in themes[3 * t : 3 * t + 3]
    english = find_themes(
        ["Cheap flights to Rome", "Grilled salmon with lemon", "Quarterback injured"], np.ones(3), encode
    )
    assert all(theme is None or theme.isascii() for theme in english)


def test_texts_alike_have_one_theme_and_those_without_have_none(encode):
    texts = ["英超曼联三比零完胜", None, "  ", "英超曼联三比零完胜", "央行宣布下调存款准备金率"]
    themes = find_themes(texts, np.ones(5), encode)
    assert themes[0] == themes[3] and themes[1] is None and themes[2] is None
    assert find_themes([None, "one text alone"], np.ones(2), encode) == [None, None]


def test_only_the_most_frequent_texts_are_read(encode, monkeypatch):
    monkeypatch.setattr("fenqun.explanation.themes.MOST", 2)
    texts = [TITLES["股票"][0], TITLES["篮球"][0], TITLES["考试"][0]]
    themes = find_themes(texts, np.array([3.0, 1.0, 2.0]), encode)
    assert themes[1] is None


def test_themes_stand_in_where_there_are_no_categories_and_no_tags(planted):
    people = replace(planted(None), themes=["股票" if i < 16 else None if i < 20 else "篮球" for i in range(32)])
    topics = find_topics(people)
    assert (topics.kind, topics.names) == ("theme", ["篮球", "股票"])
    assert topics.items.sum() == 28
    assert find_topics(replace(planted(), themes=people.themes)).kind == "category"
    assert find_topics(replace(people, themes=["股票"] * 32)).kind == "item"
