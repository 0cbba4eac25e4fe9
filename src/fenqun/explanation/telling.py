"""The reasons of a user as sentences in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fenqun.explanation.counterfactual import Change
from fenqun.explanation.phrases import Phrase, listed, say_segment, say_topic
from fenqun.explanation.reasons import Contribution, Depth, UserReasons
from fenqun.explanation.wording import clean

_SHOWN = 3

_DEPTHS: dict[Depth, Phrase] = {
    "edge": Phrase("On the edge of it: {surer} of its members are surer.", "处于边缘：本群 {surer} 的成员更确定。"),
    "near": Phrase(
        "Rather near the edge: {surer} of its members are surer.", "较靠近边缘：本群 {surer} 的成员更确定。"
    ),
    "inside": Phrase("Well inside: {surer} of its members are surer.", "位置稳固：本群 {surer} 的成员更确定。"),
    "deep": Phrase("Deep inside: {surer} of its members are surer.", "处于深处：本群 {surer} 的成员更确定。"),
}


def tell_reasons(reasons: UserReasons, names: Mapping[str, Phrase]) -> list[Phrase]:
    """Return the reasons as sentences, the first who and where.

    Parameters
    ----------
    reasons
        Of one user.
    names
        Names of the segments by id, in both languages.
    """
    user, here = clean(reasons.user_id, 60), say_segment(reasons.segment_id, names)
    if reasons.runner_up_id is None:
        return [
            Phrase(f"{user} is in {here.en}, the only segment.", f"{user} 属于{here.zh}，这是唯一的分群。"),
        ]
    there = say_segment(reasons.runner_up_id, names)
    surer = f"{1 - reasons.surer_than:.0%}"
    depth = _DEPTHS[reasons.depth]
    return [
        Phrase(f"{user} is in {here.en}; the next is {there.en}.", f"{user} 属于{here.zh}；其次是{there.zh}。"),
        Phrase(depth.en.format(surer=surer), depth.zh.format(surer=surer)),
        *_speaking(reasons, there),
        *_moving(reasons, names),
    ]


def _speaking(reasons: UserReasons, there: Phrase) -> list[Phrase]:
    told = []
    for_it = _parts([one for one in reasons.contributions if one.margin > 0])
    against = _parts([one for one in reversed(reasons.contributions) if one.margin < 0])
    if for_it:
        told.append(
            Phrase(
                f"For it, rather than {there.en}, speak {for_it.en}.",
                f"与{there.zh}相比，支持本群的是{for_it.zh}。",
            )
        )
    if against:
        told.append(Phrase(f"Against it speak {against.en}.", f"不支持本群的是{against.zh}。"))
    if not told:
        told.append(
            Phrase(
                "No item or topic of theirs weighs on it: leaving out any one changes nothing.",
                "其任何单个物品或类别都不影响归属：去掉任何一个均无变化。",
            )
        )
    return told


def _parts(found: Sequence[Contribution]) -> Phrase | None:
    """Return the strongest topics or months, then the strongest items."""
    wide = sorted((one for one in found if one.kind != "item"), key=lambda one: -abs(one.margin))[:_SHOWN]
    items = sorted((one for one in found if one.kind == "item"), key=lambda one: -abs(one.margin))[:_SHOWN]
    said = [_part(one) for one in wide + items]
    return None if not said else Phrase(listed([p.en for p in said]), "、".join(p.zh for p in said))


def _part(one: Contribution) -> Phrase:
    what = (
        say_topic(one.what) if one.kind == "topic" else _quoted(one.text) if one.kind == "item" else _same(one.what)
    )
    return Phrase(
        f"{what.en} ({one.events:,} event{'s' if one.events != 1 else ''})", f"{what.zh}（{one.events:,} 次）"
    )


def _quoted(text: str) -> Phrase:
    return _same(f"“{clean(text, 60)}”")


def _same(text: str) -> Phrase:
    return Phrase(text, text)


def _moving(reasons: UserReasons, names: Mapping[str, Phrase]) -> list[Phrase]:
    if not reasons.changes:
        return [
            Phrase(
                f"Nothing small moves them: none of {reasons.tried:,} changes that were tried does.",
                f"没有小的变化能使其换群：已尝试 {reasons.tried:,} 种变化，均未成功。",
            )
        ]
    first, *rest = [tell_change(change, names) for change in reasons.changes]
    told = [Phrase(f"The smallest change that moves them: {first.en}.", f"能使其换群的最小变化：{first.zh}。")]
    if rest:
        told.append(Phrase(f"Or: {'; '.join(p.en for p in rest)}.", f"或者：{'；'.join(p.zh for p in rest)}。"))
    return told


def tell_change(change: Change, names: Mapping[str, Phrase]) -> Phrase:
    """Return a change, and where it leads, in words."""
    said, there = _said(change), say_segment(change.to_id, names)
    return Phrase(f"{said.en}, to {there.en}", f"{said.zh}，则进入{there.zh}")


def _said(change: Change) -> Phrase:
    what, n = _what(change), int(change.size)
    more = "event" if n == 1 else "events"
    match change.kind:
        case "add_item":
            return Phrase(f"{n} more {more} of {what.en}", f"再有 {n} 次{what.zh}")
        case "add_topic":
            return Phrase(f"{n} more {more} of {what.en}", f"再有 {n} 次{what.zh}类事件")
        case "add_list":
            return Phrase(
                f"{n} more {more}, of the items on {what.en}'s list", f"再有 {n} 次 {what.zh} 列表中的物品"
            )
        case "leave":
            return Phrase(f"without {what.en} ({n} {more})", f"没有{what.zh}（{n} 次）")
        case "leave_items":
            some = _some(change.texts)
            return Phrase(f"without {some.en} ({n} {more})", f"没有{some.zh}（{n} 次）")
        case "wait":
            return Phrase(f"no event for {n} more days", f"再过 {n} 天没有事件")
        case "worth":
            return Phrase(
                f"each event worth {change.size:g} times as much", f"每次事件的价值变为 {change.size:g} 倍"
            )


def _what(change: Change) -> Phrase:
    if change.kind == "add_item":
        return _quoted(change.what)
    if change.kind == "add_topic":
        return say_topic(change.what)
    if change.kind == "leave":
        return _quoted(change.what) if change.texts == [change.what] else say_topic(change.what)
    return _same(change.what)


def _some(texts: Sequence[str]) -> Phrase:
    shown = [_quoted(text).en for text in texts[:_SHOWN]]
    rest = len(texts) - len(shown)
    if rest:
        return Phrase(f"{', '.join(shown)} and {rest} more", f"{'、'.join(shown)}等 {len(texts)} 种")
    return Phrase(listed(shown), "、".join(shown))
