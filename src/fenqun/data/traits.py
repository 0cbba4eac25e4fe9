"""What each column of a profile is called, in which unit, and whether it is skewed."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Trait:
    """One readable column of a profile.

    Attributes
    ----------
    en, zh
        Name shown to people.
    unit
        ``days``, ``events``, ``value``, ``share``, ``nats``, ``minutes`` or empty (a count or a ratio).
    skewed
        Whether it is taken by logarithm before it is scaled.
    """

    en: str
    zh: str
    unit: str = ""
    skewed: bool = False


TRAITS: dict[str, Trait] = {
    "n_events": Trait("events", "事件数", "events", True),
    "n_items": Trait("different items", "不同物品数", "", True),
    "n_days": Trait("active days", "活跃天数", "days", True),
    "n_sessions": Trait("sessions", "会话数", "", True),
    "recency_days": Trait("days since the last event", "距上次活动天数", "days", True),
    "tenure_days": Trait("days since the first event", "距首次活动天数", "days", True),
    "frequency": Trait("events per week", "每周事件数", "events", True),
    "monetary": Trait("total value", "总价值", "value", True),
    "mean_value": Trait("value per event", "单次平均价值", "value", True),
    "value_p25": Trait("lower quartile of value", "价值下四分位数", "value", True),
    "value_p50": Trait("median value", "价值中位数", "value", True),
    "value_p90": Trait("90th percentile of value", "价值九十分位数", "value", True),
    "gap_mean_days": Trait("mean days between sessions", "会话平均间隔天数", "days", True),
    "gap_median_days": Trait("median days between sessions", "会话间隔天数中位数", "days", True),
    "gap_cv": Trait("irregularity of gaps", "间隔不规律程度"),
    "trend": Trait("trend of activity", "活跃趋势"),
    "value_trend": Trait("trend of value", "价值趋势"),
    "n_categories": Trait("different categories", "不同类别数", "", True),
    "category_entropy": Trait("diversity of categories", "类别多样性", "nats"),
    "top_category": Trait("top category", "首选类别"),
    "top_category_share": Trait("share of the top category", "首选类别占比", "share"),
    "hour_entropy": Trait("spread over the hours of the day", "时段分散程度", "nats"),
    "share_night": Trait("share at night (0-6)", "夜间占比（0-6时）", "share"),
    "share_morning": Trait("share in the morning (6-12)", "上午占比（6-12时）", "share"),
    "share_afternoon": Trait("share in the afternoon (12-18)", "下午占比（12-18时）", "share"),
    "share_evening": Trait("share in the evening (18-24)", "晚间占比（18-24时）", "share"),
    "share_weekend": Trait("share on weekends", "周末占比", "share"),
    "events_per_session": Trait("events per session", "每会话事件数", "events", True),
    "session_minutes": Trait("median length of a session", "会话时长中位数", "minutes", True),
    "duration_mean": Trait("mean duration of an event", "事件平均时长", "", True),
    "duration_total": Trait("total duration", "总时长", "", True),
    "repeat_share": Trait("share of repeated items", "重复物品占比", "share"),
}

_HEAT = re.compile(r"^(value_)?heat_([0-9_]+[dhs])$")
_WINDOW = re.compile(r"^(events|days|value)_([0-9_]+[dhs])$")
_WINDOWED = {
    "events": ("events in the last {}", "最近 {} 事件数", "events"),
    "days": ("active days in the last {}", "最近 {} 活跃天数", "days"),
    "value": ("value in the last {}", "最近 {} 价值", "value"),
}


def trait(name: str) -> Trait:
    """Return the trait of a profile column; columns named by a half-life or a window, and attributes, are derived.

    >>> trait("heat_30d").en
    'recent activity (half-life 30d)'
    >>> trait("attr_age").en
    'age'
    """
    if name in TRAITS:
        return TRAITS[name]
    heat = _HEAT.match(name)
    if heat and heat[1]:
        return Trait(f"recent value (half-life {heat[2]})", f"近期价值（半衰期 {heat[2]}）", "value", True)
    if heat:
        return Trait(f"recent activity (half-life {heat[2]})", f"近期活跃度（半衰期 {heat[2]}）", "events", True)
    if window := _WINDOW.match(name):
        en, zh, unit = _WINDOWED[window[1]]
        return Trait(en.format(window[2]), zh.format(window[2]), unit, True)
    readable = name.removeprefix("attr_").replace("_", " ")
    return Trait(readable, readable)


def is_aggregate(name: str) -> bool:
    """Return whether a profile column is computed from events, and not an attribute.

    >>> is_aggregate("heat_7d"), is_aggregate("attr_age")
    (True, False)
    """
    return name in TRAITS or bool(_HEAT.match(name) or _WINDOW.match(name))


def half_life_name(seconds: float) -> str:
    """Return the short name of a half-life in column names.

    >>> half_life_name(7 * 86400), half_life_name(36 * 3600), half_life_name(90)
    ('7d', '36h', '90s')
    """
    for unit, size in (("d", 86400), ("h", 3600)):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s".replace(".", "_")
