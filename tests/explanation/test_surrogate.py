"""Rules that say segments: they partition users, are judged on others, and find what was planted."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.errors import MissingExtraError
from fenqun.explanation.fidelity import tell_in_rules
from fenqun.explanation.phrases import best_rule, rule_f1, say_conditions, say_topic
from fenqun.explanation.population import Population
from fenqun.explanation.readable import readable_features
from fenqun.explanation.surrogate import grow_rules, held_out_users
from fenqun.explanation.topics import find_topics
from fenqun.schema import RuleCondition, RuleTable, SegmentRule


def table_of(population: Population, **how: object) -> RuleTable:
    readable = readable_features(population, find_topics(population))
    found = tell_in_rules(
        readable,
        population.labels,
        population.segment_ids,
        resamples=200,
        **how,  # type: ignore[arg-type]
    )
    assert found is not None
    return found


@given(
    seed=st.integers(0, 50),
    n=st.integers(30, 120),
    k=st.integers(2, 5),
    depth=st.integers(1, 4),
    whole=st.booleans(),
)
@settings(max_examples=25)
def test_leaves_hold_every_user_once(seed: int, n: int, k: int, depth: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.0, 30.0, size=(n, 4))
    values = np.floor(values) if whole else values
    labels = rng.integers(0, k, n)
    tree = grow_rules(values, labels, depth, seed)
    held = np.stack([leaf.holds(values) for leaf in tree.leaves])
    assert (held.sum(axis=0) == 1).all()
    assert (tree.predict(values) == np.array([leaf.segment for leaf in tree.leaves])[held.argmax(axis=0)]).all()
    assert all(len(leaf.bounds) <= depth for leaf in tree.leaves)


@given(seed=st.integers(0, 50), sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_three_in_ten_of_each_segment_judge(seed: int, sizes: list[int]) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    learned, judged = held_out_users(labels, seed)
    assert sorted([*learned, *judged]) == list(range(len(labels)))
    for g, size in enumerate(sizes):
        assert abs((labels[judged] == g).sum() - 0.3 * size) < 1


def test_planted_segments_are_said_by_their_categories(planted: Callable[..., Population]) -> None:
    table = table_of(planted(), seed=1)
    assert table.tree.balanced > 0.7 > table.majority.balanced
    assert table.majority.balanced == pytest.approx(0.25)
    assert table.tree.balanced_low <= table.tree.balanced <= table.tree.balanced_high
    assert table.learned_on + table.judged_on == 240 and not table.unsaid
    for segment, category in zip(("S02", "S03", "S04"), ("Frozen Ice", "甜品", "HOME CARE"), strict=True):
        rule = best_rule(table.rules, segment)
        assert rule is not None and rule_f1(rule) > 0.6
        assert any(c.feature == category and c.above is not None for c in rule.conditions), rule
    assert {one.feature for one in table.importance[:4]} <= {
        "BAKERY",
        "Frozen Ice",
        "甜品",
        "HOME CARE",
        "n_events",
    }
    assert all(one.low <= one.fall <= one.high for one in table.importance)


def test_segments_that_mean_nothing_cannot_be_said(planted: Callable[..., Population]) -> None:
    table = table_of(planted(shuffle=True), seed=1)
    assert table.tree.balanced_low < 0.3 and table.forest.balanced_low < 0.3
    assert max(one.low for one in table.importance) < 0.1


def test_the_same_twice_and_sensitive_attributes_unsaid(planted: Callable[..., Population]) -> None:
    population = planted()
    assert table_of(population, seed=4) == table_of(population, seed=4)
    readable = readable_features(population, find_topics(population), unsaid={"region"})
    assert not any(name.startswith("region=") for name in readable.features)
    assert any(name.startswith("age=") for name in readable.features)
    assert np.isfinite(readable.values).all()


def test_one_segment_or_too_few_users_say_nothing(planted: Callable[..., Population]) -> None:
    readable = readable_features(planted(), find_topics(planted()))
    assert tell_in_rules(readable, np.zeros(240, dtype=np.int64), ["S01"]) is None


def test_shap_is_given_on_request_or_says_which_extra(planted: Callable[..., Population]) -> None:
    if importlib.util.find_spec("shap") is None:
        with pytest.raises(MissingExtraError, match=r"fenqun\[shap\]"):
            table_of(planted(), shap=True)
        return
    first = table_of(planted(), shap=True).importance[0]
    assert first.shap is not None and set(first.shap) == {"S01", "S02", "S03", "S04"}
    assert all(value >= 0 for value in first.shap.values())


# -- words ---------------------------------------------------------------------------------------


def condition(kind: str, feature: str, above: float | None = None, at_most: float | None = None) -> RuleCondition:
    return RuleCondition(kind=kind, feature=feature, above=above, at_most=at_most)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "en", "zh"),
    [
        (condition("trait", "n_events", above=12), "More than 12 events", "超过 12 次事件"),
        (condition("trait", "frequency", above=0.25), "More than 13 events a year", "超过 13 次事件（每年）"),
        (condition("category", "Drama", above=0.6), "Mostly Drama", "以剧情为主"),
        (condition("category", "Drama", at_most=0.001), "Hardly any Drama", "几乎没有剧情"),
        (condition("category", "Drama", 0.1, 0.25), "10% to 25% Drama", "剧情介于 10% 与 25% 之间"),
        (
            condition("trait", "recency_days", above=30),
            "Last seen more than 30 days ago",
            "最近一次活动在超过 30 天前",
        ),
        (condition("trait", "share_weekend", above=0.5), "Mostly on weekends", "以周末为主"),
        (condition("trait", "mean_value", at_most=4), "Value per event at most 4", "单次平均价值不超过 4"),
        (condition("attribute", "region=north", above=0), "Region north", "region为 north"),
        (condition("attribute", "region=north", at_most=0), "Not region north", "region不是 north"),
    ],
)
def test_conditions_in_words(one: RuleCondition, en: str, zh: str) -> None:
    assert tuple(say_conditions([one])) == (en, zh)


def test_rules_join_their_conditions() -> None:
    said = say_conditions([condition("trait", "n_events", above=12), condition("category", "Drama", above=0.5)])
    assert tuple(said) == ("More than 12 events and mostly Drama", "超过 12 次事件，且以剧情为主")
    assert say_conditions([]).en == "Everyone"
    assert say_topic("SEAFOOD - FROZEN").zh == "冷冻海鲜"


def test_a_rule_that_finds_next_to_nobody_is_not_said() -> None:
    rules = [
        SegmentRule(
            segment_id="S01", source="tree", conditions=[condition("trait", "n_events", above=1)], users=1,
            precision=1.0, recall=0.01,
        )
    ]  # fmt: skip
    assert best_rule(rules, "S01") is None and best_rule(rules, "S02") is None
