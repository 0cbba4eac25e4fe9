"""Who behaves differently where, as sentences in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fenqun.explanation.phrases import Phrase, listed, say_segment, say_topic
from fenqun.explanation.wording import clean
from fenqun.schema import SEGMENT, ContextValue, SegmentContext

_CATEGORIES = 3

_BY: dict[str, Phrase] = {
    "daypart": Phrase("by part of the day", "按时段"),
    "weekend": Phrase("between weekdays and weekends", "按工作日与周末"),
    "session": Phrase("by what a visit is for", "按访问目的"),
}
_WHERE: dict[tuple[str, str], Phrase] = {
    ("daypart", "night"): Phrase("at night", "夜间"),
    ("daypart", "morning"): Phrase("in the morning", "上午"),
    ("daypart", "afternoon"): Phrase("in the afternoon", "下午"),
    ("daypart", "evening"): Phrase("in the evening", "晚间"),
    ("weekend", "weekday"): Phrase("on weekdays", "工作日"),
    ("weekend", "weekend"): Phrase("on weekends", "周末"),
    ("session", "browse"): Phrase("when browsing", "随意浏览时"),
    ("session", "one_thing"): Phrase("when looking for one thing", "专找一类时"),
    ("session", "stock_up"): Phrase("when stocking up", "集中补货时"),
}


def say_context(context: str) -> Phrase:
    """Return by what users are looked at, as sentences say it.

    >>> say_context("weekend").en, say_context("device").zh
    ('between weekdays and weekends', '按device')
    """
    name = clean(context.replace("_", " "), 40)
    return _BY.get(context) or Phrase(f"by {name}", f"按{name}")


def say_where(context: str, value: str) -> Phrase:
    """Return one value of a context as sentences say it.

    >>> say_where("daypart", "evening").en, say_where("device", "laptop").en
    ('in the evening', 'with device laptop')
    """
    name, text = clean(context.replace("_", " "), 40), clean(value, 40)
    return _WHERE.get((context, value)) or Phrase(f"with {name} {text}", f"{name}为 {text} 时")


def tell_segment_context(found: SegmentContext, names: Mapping[str, Phrase]) -> Phrase | None:
    """Return one sentence on a segment in one context; None where nobody was tested or nobody differs.

    Parameters
    ----------
    found
        What was found.
    names
        Names of the segments by id, in both languages.
    """
    if not found.tested or not found.differ:
        return None
    by = say_context(found.context)
    parts = [part for value in found.values if (part := _value(found.context, value, names))]
    low, high = (f"{100 * (bound or 0.0):.1f}%" for bound in (found.low, found.high))
    en = f"{found.differ:,} of the {found.tested:,} users who could be tested ({low} to {high}) behave differently {by.en}"
    zh = f"可检验的 {found.tested:,} 名用户中有 {found.differ:,} 名（{low} 至 {high}）{by.zh}行为不同"
    if parts:
        en += f": {'; '.join(part.en for part in parts)}"
        zh += f"：{'；'.join(part.zh for part in parts)}"
    return Phrase(f"{en}.", f"{zh}。")


def _value(context: str, value: ContextValue, names: Mapping[str, Phrase]) -> Phrase | None:
    where = say_where(context, value.value)
    more = [say_topic(one.category) for one in value.categories[:_CATEGORIES]]
    en, zh = [], []
    if more:
        en.append(f"more {listed([p.en for p in more])} {where.en}")
        zh.append(f"{where.zh}更多{'、'.join(p.zh for p in more)}")
    if value.to_id is not None:
        there = say_segment(value.to_id, names)
        counted = f"{value.elsewhere:,} of {value.users:,}"
        en.append(f"{counted} {'then' if more else where.en} like another segment, mostly {there.en}")
        zh.append(
            f"{'此时' if more else where.zh} {value.users:,} 名中有 {value.elsewhere:,} 名更像其他分群，主要是{there.zh}"
        )
    return Phrase(", ".join(en), "，".join(zh)) if en else None


def tell_user_contexts(rows: Sequence[Mapping[str, Any]], names: Mapping[str, Phrase]) -> list[Phrase]:
    """Return a sentence a context in which a user differs.

    Parameters
    ----------
    rows
        The user's rows of ``contexts.parquet``.
    names
        Names of the segments by id, in both languages.
    """
    told = []
    for context in dict.fromkeys(row["context"] for row in rows if row["differs"]):
        by = say_context(context)
        parts = [_placed(row, names) for row in rows if row["context"] == context]
        p = next(row["p"] for row in rows if row["context"] == context)
        told.append(
            Phrase(
                f"Behaves differently {by.en} (p = {p:.2g}): {'; '.join(part.en for part in parts)}.",
                f"{by.zh}行为不同（p = {p:.2g}）：{'；'.join(part.zh for part in parts)}。",
            )
        )
    return told


def _placed(row: Mapping[str, Any], names: Mapping[str, Phrase]) -> Phrase:
    where, there = say_where(row["context"], row["value"]), say_segment(row[SEGMENT], names)
    n = row["events"]
    return Phrase(f"{where.en} ({n:,} events) in {there.en}", f"{where.zh}（{n:,} 次）属于{there.zh}")
