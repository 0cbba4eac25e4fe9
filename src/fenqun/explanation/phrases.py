"""Rules as short sentences in English and Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fenqun.data.traits import trait
from fenqun.explanation.topic_list import match_topics
from fenqun.explanation.wording import capitalise, clean, topic_label
from fenqun.schema import RuleCondition, SegmentRule


class Phrase(NamedTuple):
    """One text in both languages."""

    en: str
    zh: str


_WEEKS = 52
_MOSTLY = 0.5  # share from which a user does mostly one thing
_HARDLY = 0.005  # share up to which a user hardly does it
_LEAST_RIGHT = 0.5  # F1 below which a rule says more of other people than of the segment's

_COUNTED: dict[str, Phrase] = {
    "frequency": Phrase("events a year", "次事件（每年）"),
    "n_events": Phrase("events", "次事件"),
    "n_items": Phrase("different items", "种不同物品"),
    "n_days": Phrase("active days", "个活跃日"),
    "n_sessions": Phrase("sessions", "次会话"),
    "n_categories": Phrase("different categories", "种不同类别"),
    "events_per_session": Phrase("events a session", "次事件（每会话）"),
    "session_minutes": Phrase("minutes a session", "分钟（每会话）"),
}
"""What can be counted: ``more than 12 events``."""
_WHEN: dict[str, Phrase] = {
    "share_night": Phrase("at night", "夜间"),
    "share_morning": Phrase("in the morning", "上午"),
    "share_afternoon": Phrase("in the afternoon", "下午"),
    "share_evening": Phrase("in the evening", "晚间"),
    "share_weekend": Phrase("on weekends", "周末"),
    "repeat_share": Phrase("the same items again", "重复的物品"),
    "top_category_share": Phrase("in one category", "同一类别"),
}
"""Of what a share is one: ``mostly at night``."""
_AGO: dict[str, Phrase] = {
    "recency_days": Phrase("last seen", "最近一次活动在"),
    "tenure_days": Phrase("first seen", "首次活动在"),
}


def say_conditions(conditions: Sequence[RuleCondition]) -> Phrase:
    """Return conditions joined by *and*; ``everyone`` where there are none.

    >>> say_conditions([RuleCondition(kind="trait", feature="n_events", above=12),
    ...                 RuleCondition(kind="category", feature="PRODUCE", above=0.5)]).en
    'More than 12 events and mostly Produce'
    """
    said = [say_condition(condition) for condition in conditions]
    if not said:
        return Phrase("Everyone", "所有人")
    en = listed([p.en for p in said])
    return Phrase(
        capitalise(en), "，且".join(p.zh for p in said) if len(said) < 3 else "，".join(p.zh for p in said)
    )


def say_condition(condition: RuleCondition) -> Phrase:
    """Return one condition in words."""
    if condition.kind == "attribute":
        column, _, level = condition.feature.partition("=")
        name, level = clean(column.replace("_", " "), 24), clean(level, 24)
        has = condition.above is not None
        return Phrase(
            f"{name} {level}" if has else f"not {name} {level}", f"{name}{'为' if has else '不是'} {level}"
        )
    if condition.kind == "category":
        return _share(condition, say_topic(condition.feature))
    if condition.feature in _WHEN:
        return _share(condition, _WHEN[condition.feature])
    if condition.feature in _COUNTED:
        scale = _WEEKS if condition.feature == "frequency" else 1
        return _count(condition, _COUNTED[condition.feature], scale)
    if condition.feature in _AGO:
        return _ago(condition, _AGO[condition.feature])
    return _amount(condition)


def say_topic(topic: str) -> Phrase:
    """Return a topic as sentences say it, in Chinese where the list of topics has it.

    >>> say_topic("SEAFOOD - FROZEN")
    Phrase(en='Frozen Seafood', zh='冷冻海鲜')
    """
    label = topic_label(topic)
    matched = match_topics([label]).get(label)
    return Phrase(label, label) if matched is None else Phrase(matched.en, matched.zh)


def _share(condition: RuleCondition, of: Phrase) -> Phrase:
    low, high = condition.above, condition.at_most
    if high is None and low is not None and low >= _MOSTLY:
        return Phrase(f"mostly {of.en}", f"以{of.zh}为主")
    if low is None and high is not None and high <= _HARDLY:
        return Phrase(f"hardly any {of.en}", f"几乎没有{of.zh}")
    return Phrase(
        f"{_between(low, high, _percent).en} {of.en}", f"{of.zh}{_between(low, high, _percent).zh.rstrip()}"
    )


def _count(condition: RuleCondition, of: Phrase, scale: int) -> Phrase:
    low, high = (None if x is None else x * scale for x in (condition.above, condition.at_most))
    said = _between(low, high, _number)
    return Phrase(f"{said.en} {of.en}", f"{said.zh}{of.zh}")


def _ago(condition: RuleCondition, of: Phrase) -> Phrase:
    said = _between(condition.above, condition.at_most, _number)
    return Phrase(f"{of.en} {said.en} days ago", f"{of.zh}{said.zh}天前")


def _amount(condition: RuleCondition) -> Phrase:
    name, said = trait(condition.feature), _between(condition.above, condition.at_most, _number)
    return Phrase(f"{name.en} {said.en}", f"{name.zh}{said.zh.rstrip()}")


def _between(low: float | None, high: float | None, write: Callable[[float], str]) -> Phrase:
    if low is None:
        text = write(high or 0.0)
        return Phrase(f"at most {text}", f"不超过 {text} ")
    if high is None:
        text = write(low)
        return Phrase(f"more than {text}", f"超过 {text} ")
    return Phrase(f"{write(low)} to {write(high)}", f"介于 {write(low)} 与 {write(high)} 之间 ")


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 1 else "100%"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"


def best_rule(rules: Sequence[SegmentRule], segment: str) -> SegmentRule | None:
    """Return the rule that tells a segment best by F1 on users held out; None where none is worth saying."""
    own = [rule for rule in rules if rule.segment_id == segment and rule.conditions]
    best = max(own, key=lambda rule: (round(rule_f1(rule), 9), -len(rule.conditions)), default=None)
    return None if best is None or rule_f1(best) < _LEAST_RIGHT else best


def rule_f1(rule: SegmentRule) -> float:
    """Return the harmonic mean of a rule's precision and recall, 0 where it finds nobody."""
    p, r = rule.precision or 0.0, rule.recall or 0.0
    return 2 * p * r / (p + r) if p + r else 0.0


def say_segment(segment: str, names: Mapping[str, Phrase]) -> Phrase:
    """Return a segment's id with its name."""
    name = names[segment]
    return Phrase(f"{segment} ({clean(name.en, 60)})", f"{segment}（{clean(name.zh, 60)}）")


def listed(parts: Sequence[str]) -> str:
    """Return an enumeration of one part or more.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
