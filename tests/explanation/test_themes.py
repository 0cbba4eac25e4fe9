from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fenqun.explanation.themes import find_themes
from fenqun.explanation.topic_list import FIELDS
from fenqun.explanation.topics import find_topics
from fenqun.pipeline.text_space import multilingual

TITLES = {
    "股票": [
        "沪指大涨收复三千点 银行股领涨",
        "两市放量反弹 券商股全线涨停",
        "沪深股市午后跳水 创业板股票跌停",
        "港股收盘上涨 内银股走强",
    ],
    "篮球": [
        "湖人加时险胜火箭 科比砍下40分",
        "NBA季后赛:热火横扫老鹰晋级",
        "姚明复出首战得到18分9个篮板",
        "NBA常规赛:篮网客场负于公牛",
    ],
    "教育": [
        "考研英语阅读理解答题技巧",
        "2011年高考数学模拟试题及答案",
        "公务员考试报名今日截止",
        "高校招生计划公布 考生填报志愿",
    ],
}


@pytest.fixture(scope="module")
def encode():
    return multilingual().encode


def test_groups_of_titles_are_told_by_the_nearest_entry_in_their_own_language(encode):
    texts = [title for titles in TITLES.values() for title in titles]
    themes = find_themes(texts, np.ones(len(texts)), encode, "social")
    for t, topic in enumerate(TITLES):
        found = themes[4 * t : 4 * t + 4]
        assert max(set(found), key=found.count) == topic, found
    assert find_themes(texts, np.ones(len(texts)), encode, "social", seed=0) == themes
    english = ["Cheap flights to Rome", "Grilled salmon with lemon", "Quarterback injured"]
    assert all(theme is None or theme.isascii() for theme in find_themes(english, np.ones(3), encode, "social"))


def test_a_scenario_speaks_of_its_own_fields(encode):
    titles = [title for titles in TITLES.values() for title in titles]
    goods = {topic.zh for topic in FIELDS["goods"]}
    assert {theme for theme in find_themes(titles, np.ones(12), encode, "ecommerce") if theme} <= goods
    assert not {theme for theme in find_themes(titles, np.ones(12), encode, "finance") if theme} & goods


def test_texts_alike_have_one_theme_and_those_without_have_none(encode):
    texts = ["英超曼联三比零完胜", None, "", "英超曼联三比零完胜", "央行宣布下调存款准备金率"]
    themes = find_themes(texts, np.ones(5), encode, "social")
    assert themes[0] == themes[3] and themes[1] is None and themes[2] is None
    assert find_themes([None, "one text alone"], np.ones(2), encode, "social") == [None, None]


def test_only_the_most_frequent_texts_are_read(encode, monkeypatch):
    monkeypatch.setattr("fenqun.explanation.themes.MOST", 2)
    texts = [TITLES["股票"][0], TITLES["篮球"][0], TITLES["教育"][0]]
    assert find_themes(texts, np.array([3.0, 1.0, 2.0]), encode, "social")[1] is None


def test_themes_stand_in_where_there_are_no_categories_and_no_tags(planted):
    people = replace(planted(None), themes=["股票" if i < 16 else None if i < 20 else "篮球" for i in range(32)])
    topics = find_topics(people)
    assert (topics.kind, topics.names) == ("theme", ["篮球", "股票"])
    assert topics.items.sum() == 28
    assert find_topics(replace(planted(), themes=people.themes)).kind == "category"
    assert find_topics(replace(people, themes=["股票"] * 32)).kind == "item"
