"""Who behaves differently where: how many users do, and what the users of each segment do in which context."""

from __future__ import annotations

from dataclasses import dataclass

from fenqun.explanation.context_words import say_context, tell_segment_context
from fenqun.explanation.contexts import wilson_interval
from fenqun.explanation.phrases import Phrase
from fenqun.explanation.wording import capitalise
from fenqun.report.artifacts import Artifacts
from fenqun.report.numbers import count, percent
from fenqun.report.said import Said
from fenqun.report.words import say


@dataclass(frozen=True)
class ContextLine:
    """All users in one context."""

    label: Said
    users: str
    tested: str
    differ: str
    share: str
    interval: str


@dataclass(frozen=True)
class SegmentLines:
    """What is said of one segment: its id, its name and a sentence a context."""

    id: str
    name: Said
    sentences: list[Said]


@dataclass(frozen=True)
class ContextsView:
    """Who behaves differently where.

    Attributes
    ----------
    how
        How it was found out.
    lines
        All users, by context.
    segments
        Segments of which anything is said.
    """

    how: Said
    lines: list[ContextLine]
    segments: list[SegmentLines]


def contexts_view(found: Artifacts) -> ContextsView | None:
    """Return the contexts, None where the run looked at none."""
    table = found.contexts
    if table is None or found.segments is None:
        return None
    columns = ("segment_id", "name_en", "name_zh")
    names = {
        segment: Phrase(en, zh)
        for segment, en, zh in zip(*(found.segments[c].to_pylist() for c in columns), strict=True)
    }
    lines = []
    for total in table.totals:
        label, (low, high) = say_context(total.context), wilson_interval(total.differ, total.tested)
        lines.append(
            ContextLine(
                Said(capitalise(label.en), label.zh),
                count(total.users),
                count(total.tested),
                count(total.differ),
                percent(total.differ / total.tested) if total.tested else "–",
                "" if low is None or high is None else f"{percent(low)} – {percent(high)}",
            )
        )
    segments = []
    for segment, name in names.items():
        own = [one for one in table.segments if one.segment_id == segment]
        told = [Said(*said) for one in own if (said := tell_segment_context(one, names))]
        if told:
            segments.append(SegmentLines(segment, Said(*name), told))
    how = say(
        "contexts_how",
        draws=count(table.draws),
        rate=percent(table.false_discovery),
        events=table.min_events,
        visits=table.min_visits,
        least=table.least_users,
    )
    return ContextsView(how, lines, segments)
