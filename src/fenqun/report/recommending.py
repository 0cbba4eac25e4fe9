"""What is recommended to whom in the report: the recommender of each segment, and what it gains on held-out time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fenqun.report.artifacts import Artifacts
from fenqun.report.numbers import count, number, signed, span
from fenqun.report.said import Said, same, together
from fenqun.report.terms import RECOMMENDERS, term
from fenqun.report.words import say
from fenqun.schema import SEGMENT

METRICS = ("ndcg", "recall", "hit_rate", "mrr", "coverage", "novelty", "miscalibration", "gini")
"""Columns of the table of all recommenders."""

_Q = 0.05


@dataclass(frozen=True)
class SegmentRow:
    """One segment: what its list is made by, and what a list of one's own would gain."""

    id: str
    name: Said
    recommender: Said
    value: str
    lead: Said
    interval: str
    n: str
    personal: Said
    gain: str
    gain_interval: str


@dataclass(frozen=True)
class RecommenderRow:
    """One recommender over all users; ``values`` are by :data:`METRICS`."""

    scope: Said
    recommender: Said
    values: list[str]
    lead: str
    interval: str
    chosen: bool


@dataclass(frozen=True)
class RecommendingView:
    """The section, ready to print."""

    lead: Said
    rows: list[SegmentRow]
    metrics: Sequence[str]
    overall: list[RecommenderRow]


def recommending_view(found: Artifacts) -> RecommendingView | None:
    """Return the section of the recommendations; None where the run made none, or nobody judged them."""
    figures = found.figures("recommendation")
    table = found.recommendation_figures
    if table is None or found.segments is None:
        why = figures.get("why_not")
        return None if why is None else RecommendingView(say(f"recommending_unjudged_{why}"), [], METRICS, [])
    rows = table.to_pylist()
    names = {
        row[SEGMENT]: Said(row["name_en"], row["name_zh"])
        for row in found.segments.select([SEGMENT, "name_en", "name_zh"]).to_pylist()
    }
    return RecommendingView(
        lead=_lead(found, rows, figures.get("personal_lead") or {}),
        rows=[_segment(segment, name, rows, figures) for segment, name in names.items()],
        metrics=[metric for metric in METRICS if any(row["metric"] == metric for row in rows)],
        overall=_overall(rows),
    )


def _lead(found: Artifacts, rows: list[dict[str, Any]], own: Mapping[str, Any]) -> Said:
    everyone = [
        row for row in rows if row[SEGMENT] is None and row["metric"] == "ndcg" and row["scope"] == "segment"
    ]
    chosen = next(row for row in everyone if row["recommender"] == "chosen")
    base = next(row for row in everyone if row["recommender"] == "popularity")
    winners = {
        row["recommender"]
        for row in rows
        if row[SEGMENT] is not None and row["chosen"] and row["scope"] == "segment"
    }
    if winners <= {"popularity"} or chosen["difference_low"] is None:
        said = [say("recommending_none")]
    else:
        key = "ahead" if chosen["difference_low"] > 0 else "behind" if chosen["difference_high"] < 0 else "level"
        said = [
            say(
                "recommending_lead",
                than=say(f"recommending_{key}"),
                gain=signed(chosen["difference"]),
                low=number(chosen["difference_low"]),
                high=number(chosen["difference_high"]),
                length=found.config.evaluation.list_length,
                base=number(base["value"]),
                n=count(chosen["n"]),
            )
        ]
    if (all_users := own.get("all")) is not None:
        key = "recommending_own" if all_users["low"] > 0 else "recommending_own_level"
        ends = {end: number(all_users[end]) for end in ("low", "high")}
        said.append(say(key, gain=signed(all_users["value"]), n=count(all_users["n"]), **ends))
    return together(said)


def _segment(segment: str, name: Said, rows: list[dict[str, Any]], figures: Mapping[str, Any]) -> SegmentRow:
    choices = {scope: chosen[segment]["recommender"] for scope, chosen in figures["choices"].items()}
    row = next(
        (
            row
            for row in rows
            if (row[SEGMENT], row["scope"], row["recommender"], row["metric"])
            == (segment, "segment", choices["segment"], "ndcg")
        ),
        None,
    )
    own = (figures.get("personal_lead") or {}).get(segment)
    popular = choices["segment"] == "popularity"
    same_list = choices["user"] in (choices["segment"], "popularity") and (own is None or own["low"] == own["high"])
    established = row is not None and row["q"] is not None and row["q"] < _Q and row["difference"] > 0
    lead = "" if row is None else f"{signed(row['difference'])}{' ✓' if established else ''}"
    return SegmentRow(
        id=segment,
        name=name,
        recommender=term(RECOMMENDERS, choices["segment"]),
        value="" if row is None else number(row["value"]),
        lead=say("recommending_nothing_beats") if popular else same(lead),
        interval="" if row is None else span(row["difference_low"], row["difference_high"]),
        n="" if row is None else count(row["n"]),
        personal=say("recommending_same_list") if same_list else term(RECOMMENDERS, choices["user"]),
        gain="" if own is None or same_list else signed(own["value"]),
        gain_interval="" if own is None or same_list else span(own["low"], own["high"]),
    )


def _overall(rows: list[dict[str, Any]]) -> list[RecommenderRow]:
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in rows:
        if row[SEGMENT] is None:
            found.setdefault((row["scope"], row["recommender"]), {})[row["metric"]] = row
    shown = [metric for metric in METRICS if any(metric in metrics for metrics in found.values())]
    return [
        RecommenderRow(
            scope=say(f"scope_{scope}"),
            recommender=term(RECOMMENDERS, name),
            values=[number(metrics[metric]["value"]) if metric in metrics else "–" for metric in shown],
            lead="" if metrics["ndcg"]["difference"] is None else signed(metrics["ndcg"]["difference"]),
            interval=span(metrics["ndcg"]["difference_low"], metrics["ndcg"]["difference_high"]),
            chosen=name == "chosen",
        )
        for (scope, name), metrics in found.items()
    ]
