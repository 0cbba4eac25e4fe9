"""Words for behaviour: what a high or a low trait is called in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass

from fenqun.scenarios import Scenario, ScenarioName


@dataclass(frozen=True)
class Word:
    """How a trait is said.

    Attributes
    ----------
    family
        Traits of one family say the same thing; a name uses one of them.
    en, zh
        The words; ``after`` tells whether the English word follows the noun.
    """

    family: str
    en: str
    zh: str
    after: bool = False


_ACTIVE = (Word("activity", "frequent", "高频"), Word("activity", "occasional", "低频"))
_SPEND = (Word("money", "high-spending", "高消费"), Word("money", "low-spending", "低消费"))
_PRICE = (Word("price", "premium", "高单价"), Word("price", "budget", "低单价"))
_DIVERSE = (Word("diversity", "wide-ranging", "多元"), Word("diversity", "focused", "专一"))
_GAPS = (Word("activity", "occasional", "低频"), Word("activity", "frequent", "高频"))

_PLAIN: dict[str, tuple[Word | None, Word | None]] = {
    "n_events": _ACTIVE,
    "n_days": _ACTIVE,
    "n_sessions": _ACTIVE,
    "frequency": _ACTIVE,
    "gap_mean_days": _GAPS,
    "gap_median_days": _GAPS,
    "category_entropy": _DIVERSE,
    "top_category_share": (_DIVERSE[1], _DIVERSE[0]),
    "recency_days": (Word("recency", "lapsed", "沉睡"), Word("recency", "active", "近期活跃")),
    "tenure_days": (Word("tenure", "long-standing", "资深"), Word("tenure", "new", "新晋")),
    "gap_cv": (Word("regularity", "bursty", "阵发"), Word("regularity", "steady", "规律")),
    "trend": (Word("trend", "growing", "活跃上升"), Word("trend", "cooling", "活跃下降")),
    "share_night": (Word("hours", "nights", "深夜", after=True), None),
    "share_morning": (Word("hours", "mornings", "早间", after=True), None),
    "share_afternoon": (Word("hours", "afternoons", "午后", after=True), None),
    "share_evening": (Word("hours", "evenings", "晚间", after=True), None),
    "share_weekend": (Word("week", "weekends", "周末", after=True), Word("week", "weekdays", "工作日", after=True)),
    "hour_entropy": (
        Word("hours", "all hours", "全天", after=True),
        Word("hours", "fixed hours", "固定时段", after=True),
    ),
    "events_per_session": (Word("session", "long-session", "长会话"), Word("session", "quick-visit", "短会话")),
    "session_minutes": (Word("duration", "long-stay", "久留"), Word("duration", "short-stay", "快进快出")),
    "duration_mean": (Word("duration", "long-stay", "久留"), Word("duration", "short-stay", "快进快出")),
    "repeat_share": (Word("repeat", "repeat", "复访"), Word("repeat", "exploring", "尝新")),
    "monetary": _SPEND,
    "mean_value": _PRICE,
    "value_p50": _PRICE,
    "value_p90": _PRICE,
    "value_p25": _PRICE,
}
_RATING = (Word("price", "enthusiastic", "热情"), Word("price", "picky", "挑剔"))
_SCORE = (Word("price", "high-scoring", "高分"), Word("price", "low-scoring", "低分"))
_SUM = (Word("price", "large-sum", "单笔大额"), Word("price", "small-sum", "单笔小额"))
_VALUES = ("mean_value", "value_p25", "value_p50", "value_p90")

_BY_SCENARIO: dict[ScenarioName, dict[str, tuple[Word | None, Word | None]]] = {
    "ecommerce": {
        "events_per_session": (Word("session", "big-basket", "大单"), Word("session", "small-basket", "小单")),
        "repeat_share": (Word("repeat", "loyal", "复购"), Word("repeat", "exploring", "尝新")),
    },
    "social": {
        **dict.fromkeys(_VALUES, _RATING),
        # a sum of ratings is activity by another name
        "monetary": (None, None),
        "events_per_session": (Word("session", "binge", "沉浸"), Word("session", "quick-visit", "浅尝")),
    },
    "education": {
        **dict.fromkeys(_VALUES, _SCORE),
        "monetary": (None, None),
        "events_per_session": (Word("session", "intensive", "集中学习"), Word("session", "piecemeal", "零散学习")),
    },
    "finance": {
        **dict.fromkeys(_VALUES, _SUM),
        "events_per_session": (Word("session", "busy-day", "集中办理"), Word("session", "one-off", "零散办理")),
        "repeat_share": (Word("repeat", "routine", "业务固定"), Word("repeat", "varied", "业务多样")),
        "monetary": (Word("money", "high-value", "高交易额"), Word("money", "low-value", "低交易额")),
    },
}

FOLLOWERS: dict[ScenarioName, tuple[str, str]] = {
    "ecommerce": ("{topic} buyers", "买家"),
    "social": ("{topic} fans", "爱好者"),
    "education": ("{topic} learners", "学员"),
    "finance": ("clients: {topic}", "客户"),
}
"""How people are called by what they choose, in English and Chinese."""


def topic_words(domain: Scenario) -> int:
    """Words that a topic may have in a name: more where it stands at the end."""
    return 4 if FOLLOWERS[domain.name][0].endswith("{topic}") else 3


def word(domain: Scenario, trait: str, high: bool) -> Word | None:
    """Return how a high or low trait is said in a scenario, None if there is no good word."""
    if trait.startswith("value_heat_"):
        trait = "monetary"
    elif trait.startswith("heat_"):
        trait = "n_events"
    pair = _BY_SCENARIO[domain.name].get(trait) or _PLAIN.get(trait) or (None, None)
    return pair[0 if high else 1]
