"""What impressions say: clicks by policy, position and segment, and what the segments' lists would have got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fenqun.report.artifacts import Artifacts
from fenqun.report.numbers import count, number, percent, signed
from fenqun.report.said import NOTHING, Said, same, together
from fenqun.report.terms import STRATEGIES, term
from fenqun.report.words import say

NOTES: dict[str, Said] = {
    "no_overlap": Said("nothing that was shown agrees with it", "没有与之一致的展示"),
    "few_effective": Said("too few impressions agree with it", "与之一致的曝光过少"),
    "few_outcomes": Said("too few of those that agree were clicked", "与之一致的曝光中点击过少"),
    "clipped": Said("large weights were cut", "已截断过大的权重"),
    "weights_off": Said(
        "weights do not average to one: propensities are wrong, or items on the list could not be shown",
        "权重均值不为一：展示概率有误，或列表中的物品无法展示",
    ),
    "positions_apart": Said("no item ties it to the first position", "没有物品将其与首位相连"),
}
_LEAST_Q = 0.001
_METRICS = ("ctr", "conversion", "value")

Row = dict[str, Any]
Cell = tuple[Said, Said]


@dataclass(frozen=True)
class ClickTable:
    """One table: its title, what must be said of it, the names of its columns, and rows of a head and cells."""

    title: Said
    columns: list[Said]
    rows: list[tuple[Said, list[Cell]]]
    note: Said = NOTHING


@dataclass(frozen=True)
class ClicksView:
    """What the section shows."""

    lead: Said
    tables: list[ClickTable]
    how: Said


def clicks_view(found: Artifacts) -> ClicksView | None:
    """Return the section, None where the run has no impressions."""
    told = found.figures("clicks")
    if not told:
        return None
    if found.clicks is None:
        return ClicksView(say("clicks_none", n=count(told["impressions"]), start=told["from"][:10]), [], NOTHING)
    rows = found.clicks.to_pylist()
    key = "clicks_final" if told["fit"] == "final" else "clicks_lead"
    lead = Said(*say(key, n=count(told["judged"]), start=told["from"][:10]))
    limits = found.config.off_policy
    how = say(
        "clicks_how",
        effective=number(limits.least_effective),
        outcomes=limits.least_outcomes,
        unnamed=told["segments_without_id"],
        strangers=count(told["without_segment"]),
    )
    tables = [_shown(rows), _places(rows), _segments(rows, found), _lists(rows, told.get("reason", ""))]
    return ClicksView(lead, [table for table in tables if table.rows or table.note.en], how)


def _shown(rows: list[Row]) -> ClickTable:
    """Everyone, by policy."""
    own = [row for row in rows if _is(row, estimator="observed", segment_id=None, position=None)]
    metrics = _metrics(own)
    lines = [
        (_policy(policy), [*(_cell(_find(own, policy=policy, metric=m)) for m in metrics), _n(own, policy=policy)])
        for policy in dict.fromkeys(row["policy"] for row in own)
    ]
    return ClickTable(
        say("clicks_shown"), [say("clicks_policy"), *_titles(metrics), say("clicks_impressions")], lines
    )


def _places(rows: list[Row]) -> ClickTable:
    own = [row for row in rows if row["position"] is not None]
    metrics = [m for m in _metrics(own) if m != "value"]
    lines = [
        (
            same(place),
            [
                *(_cell(_find(own, position=place, metric=m)) for m in metrics),
                _cell(_find(own, position=place, metric="examination")),
                _n(own, position=place, metric="ctr"),
            ],
        )
        for place in dict.fromkeys(row["position"] for row in own)
    ]
    columns = [say("clicks_position"), *_titles(metrics), say("clicks_looks"), say("clicks_impressions")]
    return ClickTable(say("clicks_places"), columns, lines)


def _segments(rows: list[Row], found: Artifacts) -> ClickTable:
    names = _names(found)
    own = [row for row in rows if row["segment_id"] is not None and row["policy"] is None]
    shown = [row for row in own if row["estimator"] == "observed"]
    metrics = _metrics(shown)
    corrected = any(row["estimator"] == "position_corrected" for row in own)
    lists = _own_lists(rows)
    lines = []
    for segment in (name for name in names if any(row["segment_id"] == name for row in shown)):
        cells = [_tested(_find(shown, segment_id=segment, metric=m)) for m in metrics]
        if corrected:
            cells.append(_tested(_find(own, segment_id=segment, estimator="position_corrected")))
        if lists:
            cells.append(_cell(_find(lists, segment_id=segment)))
        cells.append(_n(shown, segment_id=segment))
        lines.append((names[segment], cells))
    columns = [say("clicks_segment"), *_titles(metrics)]
    columns += [say("clicks_corrected")] if corrected else []
    columns += [say("clicks_own")] if lists else []
    return ClickTable(say("clicks_segments"), [*columns, say("clicks_impressions")], lines)


def _own_lists(rows: list[Row]) -> list[Row]:
    """Estimates of segments' own lists, from the policy that says most of them."""
    own = [row for row in rows if _is(row, estimator="snips", metric="ctr") and row["segment_id"] is not None]
    weight: dict[str | None, float] = {}
    for row in own:
        weight[row["policy"]] = weight.get(row["policy"], 0.0) + (row["effective_n"] or 0.0)
    if not weight:
        return []
    best = max(weight, key=lambda policy: weight[policy])
    return [row for row in own if row["policy"] == best]


def _lists(rows: list[Row], reason: str) -> ClickTable:
    if reason == "no_propensities":
        return ClickTable(say("clicks_lists"), [], [], say("clicks_no_propensities"))
    if reason == "one_item":
        return ClickTable(say("clicks_lists"), [], [], say("clicks_one_item"))
    own = [row for row in rows if row["segment_id"] is None and row["strategy"] is not None]
    own = [row for row in own if row["estimator"] == "snips"]
    metrics = _metrics(own)
    lines = []
    for strategy, policy in dict.fromkeys((row["strategy"], row["policy"]) for row in own):
        who = term(STRATEGIES, strategy)
        clicked = _find(own, strategy=strategy, policy=policy, metric="ctr")
        cells = [_cell(_find(own, strategy=strategy, policy=policy, metric=m)) for m in metrics]
        cells += [_difference(clicked), (same(number(clicked["effective_n"] if clicked else None)), NOTHING)]
        lines.append((who if policy is None else say("clicks_by", who=who, policy=policy), cells))
    columns = [say("clicks_list_of"), *_titles(metrics), say("clicks_less"), say("clicks_effective")]
    return ClickTable(say("clicks_lists"), columns, lines, say("clicks_lists_note") if lines else NOTHING)


def _names(found: Artifacts) -> dict[str, Said]:
    if found.segments is None:
        return {}
    columns = ("segment_id", "name_en", "name_zh")
    return {
        segment: Said(f"{segment} {en}", f"{segment} {zh}")
        for segment, en, zh in zip(*(found.segments[c].to_pylist() for c in columns), strict=True)
    }


def _policy(policy: str | None) -> Said:
    return say("clicks_all") if policy is None else same(policy)


def _metrics(rows: list[Row]) -> list[str]:
    return [metric for metric in _METRICS if any(row["metric"] == metric for row in rows)]


def _titles(metrics: list[str]) -> list[Said]:
    titles = {"ctr": say("clicks_ctr"), "conversion": say("clicks_conversion"), "value": say("clicks_value")}
    return [titles[metric] for metric in metrics]


def _is(row: Row, **wanted: Any) -> bool:
    return all(row[name] == value for name, value in wanted.items())


def _find(rows: list[Row], **wanted: Any) -> Row | None:
    return next((row for row in rows if _is(row, **wanted)), None)


def _n(rows: list[Row], **wanted: Any) -> Cell:
    row = _find(rows, **wanted)
    return same(count(row["n"]) if row else "–"), NOTHING


def _cell(row: Row | None) -> Cell:
    """Return a figure with its interval, or why it is refused."""
    if row is None:
        return same("–"), NOTHING
    notes = [NOTES[code] for code in row["note"].split()]
    if row["value"] is None:
        return same("–"), notes[0] if notes else NOTHING
    written: Callable[[float], str] = percent if row["metric"] in ("ctr", "conversion") else number
    parts = [] if row["low"] is None else [same(f"{written(row['low'])} – {written(row['high'])}")]
    return same(written(row["value"])), together([*parts, *notes])


def _tested(row: Row | None) -> Cell:
    figure, small = _cell(row)
    if row is None or row["q"] is None:
        return figure, small
    return figure, together([small, Said(" · ", " · "), _q(row["q"])])


def _q(q: float) -> Said:
    return say("clicks_q_small") if q < _LEAST_Q else say("clicks_q", q=f"{q:.3f}")


def _difference(row: Row | None) -> Cell:
    if row is None or row["difference"] is None:
        return same("–"), NOTHING
    ends = f"{_points(row['difference_low'])} – {_points(row['difference_high'])}"
    return same(_points(row["difference"])), same(ends)


def _points(share: float) -> str:
    """Return a difference of rates in percentage points."""
    return signed(round(100 * share, 4))
