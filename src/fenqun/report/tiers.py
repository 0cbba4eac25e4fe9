"""Tiers in the report: what they hold, whether the forecast can be trusted, and how they cross the segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa

from fenqun.report.artifacts import Artifacts
from fenqun.report.figures import Language, blank
from fenqun.report.numbers import count, number, percent, signed, span
from fenqun.report.palette import ACCENT, MUTED
from fenqun.report.said import NOTHING, Said, same, together
from fenqun.report.terms import FORETOLD, GROUPINGS, METRICS, column_term, term
from fenqun.report.words import say
from fenqun.schema import SEGMENT, Calibration, Tier, TierContest, TierTable
from fenqun.segmentation.tiers import POTENTIAL

_GREY = "rgba(128,134,148,0.22)"


@dataclass(frozen=True)
class TierRow:
    """One tier; ``bar`` is its share of users in percent."""

    code: str
    name: Said
    size: str
    share: str
    bar: float
    expected: str
    judged: str
    seen: str


@dataclass(frozen=True)
class ContestRow:
    """One way to group users: what it explains of one outcome, and how far tiers are ahead of it.

    ``outcome`` is told on the first row of each outcome alone.
    """

    outcome: Said
    grouping: Said
    value: str
    interval: str
    lead: str
    lead_interval: str


@dataclass(frozen=True)
class ReliabilityView:
    """One reliability diagram and what it comes to."""

    plot: str
    title: Said
    words: Said
    n: str
    found: Calibration


@dataclass(frozen=True)
class GridRow:
    """A segment across the tiers: share of users, share of what is expected, depth of the ground in percent."""

    id: str
    name: Said
    cells: list[tuple[str, str, float]]


@dataclass(frozen=True)
class TierView:
    """The section of the tiers, ready to print."""

    lead: Said
    rows: list[TierRow]
    notes: Said
    contest: list[ContestRow]
    groups: int
    diagrams: list[ReliabilityView]
    grid: list[GridRow]
    grid_words: Said


def tier_view(found: Artifacts) -> TierView | None:
    """Return the section of the tiers; None where the run has none."""
    table = found.tiers
    if table is None:
        return None
    what = _what(found, table.of)
    lead = (
        say("tiers_lead_column", what=what)
        if table.of.startswith("target_")
        else say("tiers_lead", what=what, days=count(table.horizon_days))
    )
    return TierView(
        lead=lead,
        rows=[_row(tier, table.of) for tier in table.tiers],
        notes=together(_notes(table)),
        contest=[_contest(row) for row in table.contest],
        groups=table.contest[0].groups if table.contest else 0,
        diagrams=[_diagram(found, one) for one in table.calibration],
        grid=_grid(found, table),
        grid_words=say("tier_grid_why", what=what) if _adds_up(table.of) else say("tier_grid_chance"),
    )


def no_tiers(found: Artifacts) -> Said:
    """Say why there are no tiers; empty where there are, or where nobody asked for them."""
    why = found.figures("tiers").get("why_not")
    keys = {
        "per_user": "no_tiers_per_user",
        "no_forecasts": "no_tiers_no_forecasts",
        "not_forecast": "no_tiers_not_forecast",
    }
    return say("no_tiers", why=say(keys[why])) if why in keys else NOTHING


def reliability_figure(found: Calibration, language: Language = "en") -> go.Figure:
    """Draw what was seen of users against what was expected of them, in tenths, beside the line of equality.

    Parameters
    ----------
    found
        Of one forecast.
    language
        Of texts.
    """
    chances = found.outcome == "active"
    points = [(one.predicted, one.seen) for one in found.bins]
    top = 1.04 if chances else 1.05 * max((x for point in points for x in point), default=1.0) or 1.0
    axis = {"gridcolor": _GREY, "zeroline": False, "fixedrange": True, "ticks": "", "range": [-0.04 * top, top],
            "nticks": 5, "tickfont": {"size": 11}, "automargin": True, "exponentformat": "none",
            "tickformat": ".0%" if chances else ""}  # fmt: skip
    expected, seen = (said.en if language == "en" else said.zh for said in (say("tier_expected"), say("tier_seen")))
    figure = blank(
        310,
        margin={"l": 8, "r": 14, "t": 6, "b": 8},
        xaxis=axis | {"title": {"text": expected, "font": {"size": 11}, "standoff": 6}},
        yaxis=axis | {"title": {"text": seen, "font": {"size": 11}, "standoff": 6}},
    )
    figure.add_trace(
        go.Scatter(x=[0, top], y=[0, top], mode="lines", hoverinfo="skip", line={"color": MUTED, "dash": "dot", "width": 1.5})
    )  # fmt: skip
    shown = [percent if chances else number] * len(points)
    figure.add_trace(
        go.Scatter(
            x=[x for x, _ in points], y=[y for _, y in points], mode="lines+markers",
            line={"color": ACCENT, "width": 1.5}, marker={"size": 8, "color": ACCENT},
            text=[f"{expected} {f(one.predicted)}<br>{seen} {f(one.seen)}<br>n = {count(one.n)}"
                  for f, one in zip(shown, found.bins, strict=True)],
            hovertemplate="%{text}<extra></extra>",
        )
    )  # fmt: skip
    return figure


def _what(found: Artifacts, of: str) -> Said:
    """Return what is foretold, as a part of a sentence."""
    if of == "value":
        return Said(*found.config.domain.value_name)
    if of.startswith("target_"):
        return same(column_term(of.removeprefix("target_")))
    return say("foretold_active" if of == "active" else "foretold_events")


def _adds_up(of: str) -> bool:
    """Whether predictions of users have a sum that means something."""
    return of in ("value", "events")


def _shown(value: float | None, of: str) -> str:
    return percent(value) if of == "active" and value is not None else number(value)


def _row(tier: Tier, of: str) -> TierRow:
    return TierRow(
        tier.tier,
        Said(tier.name_en, tier.name_zh),
        count(tier.size),
        percent(tier.share),
        100 * tier.share,
        _shown(tier.predicted, of),
        _shown(tier.judged_predicted, of),
        _shown(tier.judged_seen, of),
    )


def _notes(table: TierTable) -> list[Said]:
    potential = next((tier for tier in table.tiers if tier.tier == POTENTIAL), None)
    notes = []
    if potential is not None:
        notes.append(say("tier_potential_why", name=Said(potential.name_en, potential.name_zh)))
    users = sum(tier.judged_users for tier in table.tiers)
    notes.append(
        say("tier_held_out", n=count(users), days=count(table.judged_days)) if users else say("tier_unjudged")
    )
    return notes


def _contest(row: TierContest) -> ContestRow:
    return ContestRow(
        outcome=term(METRICS, f"explained_{row.outcome}") if row.grouping == "tiers" else NOTHING,
        grouping=term(GROUPINGS, row.grouping),
        value=number(row.value),
        interval=span(row.low, row.high),
        lead="" if row.difference is None else signed(row.difference),
        lead_interval=span(row.difference_low, row.difference_high),
    )


def _diagram(found: Artifacts, one: Calibration) -> ReliabilityView:
    what = Said(*found.config.domain.value_name) if one.outcome == "value" else term(FORETOLD, one.outcome)
    title = say("tier_reliability", what=Said(what.en[:1].upper() + what.en[1:], what.zh))
    words = [] if one.total is None else [say("tier_total", total=percent(one.total))]
    if one.brier is not None:
        words.append(say("tier_brier", brier=number(one.brier), ece=number(one.ece)))
    return ReliabilityView(f"plot-tiers-{one.outcome}", title, together(words), count(one.n), one)


def _grid(found: Artifacts, table: TierTable) -> list[GridRow]:
    """Cross segments and tiers, with what each holds in all at the end."""
    if found.memberships is None or found.segments is None or not found.memberships.num_rows:
        return []
    segments = found.segments.select([SEGMENT, "name_en", "name_zh"]).to_pylist()
    ids, codes = [row[SEGMENT] for row in segments], [tier.tier for tier in table.tiers]
    users, expected = _cross(found.memberships, ids, codes)
    deepest = users.max() or 1.0
    names = [Said(row["name_en"], row["name_zh"]) for row in segments]
    adds_up = _adds_up(table.of)
    rows = []
    for i, (segment, name) in enumerate(zip(ids, names, strict=True)):
        rows.append(GridRow(segment, name, _cells(users[i], expected[i], 45 / deepest, adds_up)))
    rows.append(GridRow("", say("tier_all"), _cells(users.sum(axis=0), expected.sum(axis=0), 0.0, adds_up)))
    return rows


def _cross(
    memberships: pa.Table, ids: list[str], codes: list[str]
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Return shares of users and of the sum of predictions, (segments, tiers)."""
    place, tier_place = ({code: i for i, code in enumerate(names)} for names in (ids, codes))
    users, expected = np.zeros((len(ids), len(codes))), np.zeros((len(ids), len(codes)))
    # On one thread: sums of floats depend on their order.
    counted = memberships.group_by([SEGMENT, "tier"], use_threads=False).aggregate(
        [("tier_score", "count"), ("tier_score", "sum")]
    )
    for row in counted.to_pylist():
        if row[SEGMENT] in place and row["tier"] in tier_place:
            at = place[row[SEGMENT]], tier_place[row["tier"]]
            users[at], expected[at] = row["tier_score_count"], row["tier_score_sum"]
    total = expected.sum()
    return users / max(len(memberships), 1), expected / total if total > 0 else expected


def _cells(
    users: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    expected: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    depth: float,
    adds_up: bool,
) -> list[tuple[str, str, float]]:
    whole = (float(users.sum()), float(expected.sum()), 0.0)
    shares = [*zip(users.tolist(), expected.tolist(), (depth * users).tolist(), strict=True), whole]
    return [(_tenth(u), _tenth(e) if adds_up else "", ground) for u, e, ground in shares]


def _tenth(share: float) -> str:
    """Return a share in percent to one decimal, so that columns line up; a dash for none.

    >>> _tenth(0.1234), _tenth(0.0002), _tenth(0.0)
    ('12.3%', '<0.1%', '–')
    """
    if share == 0:
        return "–"
    return f"{100 * share:.1f}%" if share >= 0.0005 else "<0.1%"
