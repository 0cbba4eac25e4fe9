"""Plotly figures of a run's tables, shared by the report, notebooks and the page.

Texts from the data are untrusted: Plotly reads a part of HTML in them, so they are escaped here.
Backgrounds are transparent and lines half-transparent grey, so that a figure fits light and dark.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa

from fenqun.evaluation.comparison import verdicts
from fenqun.explanation.wording import clean
from fenqun.report.numbers import count, number, span
from fenqun.report.palette import ACCENT, CONTRAST, MUTED, mark
from fenqun.report.terms import CLUSTERERS, STRATEGIES, metric_term, term
from fenqun.report.words import Said, say

Language = Literal["en", "zh"]

MAP_POINTS = 20_000
"""Most users drawn on a map."""

_FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', "
    "'Noto Sans CJK SC', sans-serif"
)
_LINE = "rgba(128,134,148,0.22)"
_LABEL = 30  # characters of a name on the map
_NAMED = 14  # segments up to which the map shows names; above, names would hide the users, and ids are shown
_MAP_WIDTH, _MAP_HEIGHT, _LABEL_HEIGHT = 1000.0, 560.0, 26.0  # pixels
_STANDS = (26.0, -26.0, 52.0, -52.0, 78.0, -78.0, 104.0, -104.0, 130.0, -130.0)
"""Where a label may stand: pixels above its centroid, the nearest first."""


def plotly_text(text: str, limit: int = 80) -> str:
    """Return untrusted text fit for Plotly: cleaned, shortened, nothing in it read as HTML.

    >>> plotly_text("a <b>c</b>")
    'a &lt;b&gt;c&lt;/b&gt;'
    """
    return html.escape(clean(text, limit), quote=False)


def _pick(said: Said, language: Language) -> str:
    return said.en if language == "en" else said.zh


def _figure(height: int, **layout: Any) -> go.Figure:
    settings = {
        "template": "none",
        "height": height,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _FONT, "size": 12, "color": "#5b6270"},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#8b93a1", "activecolor": ACCENT},
        "hoverlabel": {"font": {"family": _FONT, "size": 12}, "align": "left"},
        "showlegend": False,
    }
    return go.Figure(layout=settings | layout)


def drawn_users(n: int, limit: int = MAP_POINTS) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the rows of a map that are drawn: all, or ``limit`` evenly apart.

    Rows are in canonical order, that of a content hash, so that evenly apart is a random sample.
    """
    return np.arange(n) if n <= limit else np.linspace(0, n - 1, limit).round().astype(np.int64)


def map_figure(
    points: pa.Table, memberships: pa.Table, segments: pa.Table, language: Language = "en", limit: int = MAP_POINTS
) -> go.Figure:
    """Draw the map of users, coloured by segment, with the name of each at its centroid.

    Parameters
    ----------
    points, memberships, segments
        Artifacts ``map.parquet``, ``memberships.parquet`` and ``segments.parquet``.
    language
        Of names and texts.
    limit
        Most users drawn; centroids are taken over all.

    Returns
    -------
    plotly.graph_objects.Figure
        One WebGL trace a segment, in the order of ``segments``, and one annotation a centroid.
    """
    home = dict(zip(memberships["user_id"].to_pylist(), memberships["segment_id"].to_pylist(), strict=True))
    users = points["user_id"].to_pylist()
    order = segments["segment_id"].to_pylist()
    names = [plotly_text(name, 60) for name in segments[f"name_{language}"].to_pylist()]
    place = {segment: position for position, segment in enumerate(order)}
    labels = np.array([place.get(home.get(user, ""), -1) for user in users], dtype=np.int64)
    x, y = (points[axis].to_numpy().astype(np.float32) for axis in ("x", "y"))
    figure = _figure(
        620,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        xaxis={"visible": False, "scaleanchor": "y", "constrain": "domain"},
        yaxis={"visible": False},
        dragmode="pan",
        hovermode="closest",
    )
    drawn = drawn_users(len(users), limit)
    size = 5.5 if len(drawn) <= 3000 else 4.0 if len(drawn) <= 10000 else 3.2
    for position, name in enumerate(names):
        rows = drawn[labels[drawn] == position]
        look = mark(position)
        figure.add_trace(
            go.Scattergl(
                x=x[rows], y=y[rows], mode="markers", name=name,
                text=[plotly_text(str(users[row]), 40) for row in rows],
                marker={"color": look.colour, "symbol": look.symbol, "size": size, "opacity": 0.6},
                hovertemplate="%{text}<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    figure.update_layout(annotations=_centroids(x, y, labels, segments, language))
    return figure


def _centroids(
    x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], segments: pa.Table,
    language: Language,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return one annotation a segment at its median point; labels that would cover each other move apart."""
    ids = segments["segment_id"].to_pylist()
    names = [clean(name, _LABEL) for name in segments[f"name_{language}"].to_pylist()]
    if len(names) > _NAMED:
        names = ids
    at = {
        p: (float(np.median(x[labels == p])), float(np.median(y[labels == p])))
        for p in range(len(names))
        if (labels == p).any()
    }
    if not at:
        return []
    scale = min(_MAP_WIDTH / (float(np.ptp(x)) or 1.0), _MAP_HEIGHT / (float(np.ptp(y)) or 1.0))
    shift = _spread(at, {p: names[p] for p in at}, scale)
    return [
        {
            "x": at[p][0], "y": at[p][1], "name": ids[p], "text": f"<b>{html.escape(names[p], quote=False)}</b>",
            "showarrow": True, "arrowhead": 6, "arrowsize": 1.5, "arrowwidth": 1.2, "arrowcolor": mark(p).colour,
            "ax": 0, "ay": -shift[p], "font": {"size": 11.5}, "bgcolor": "rgba(255,255,255,0.82)",
            "bordercolor": mark(p).colour, "borderwidth": 1, "borderpad": 3,
        }
        if p in at
        else {"x": 0, "y": 0, "text": "", "visible": False}
        for p in range(len(names))
    ]  # fmt: skip


def _spread(at: Mapping[int, tuple[float, float]], names: Mapping[int, str], scale: float) -> dict[int, float]:
    """Return how many pixels above its point each label stands; ``scale`` is pixels a unit of the map."""
    boxes: list[tuple[float, float, float]] = []
    shift: dict[int, float] = {}
    for p in sorted(at, key=lambda p: (-at[p][1], at[p][0])):
        column, row = at[p][0] * scale, -at[p][1] * scale
        half = 4.0 * sum(2 if ord(c) > 0x2E7F else 1 for c in names[p]) + 8
        free = [
            up
            for up in _STANDS
            if all(abs(column - c) > half + h or abs(row - up - r) > _LABEL_HEIGHT for c, r, h in boxes)
        ]
        shift[p] = free[0] if free else _STANDS[0]
        boxes.append((column, row - shift[p], half))
    return shift


def comparison_figure(table: pa.Table, metric: str, axis: str, k: int, language: Language = "en") -> go.Figure:
    """Draw one metric of every strategy as dots with intervals.

    The winner is filled and ticked, others are hollow; the null of an internal metric is a tick.

    Parameters
    ----------
    table
        Schema :data:`fenqun.schema.COMPARISON`.
    metric, axis
        Which rows.
    k
        Number of segments; a strategy that was not judged at it shows its nearest.
    language
        Of names and texts.
    """
    rows = rows_at(table, metric, axis, k)
    winner = next((v.winner for v in verdicts(table) if (v.metric, v.axis) == (metric, axis) and v.k == k), None)
    winner = winner or (_best(rows)["strategy"] if rows else None)
    names = [_name(row["strategy"], language) + (" ✓" if row["strategy"] == winner else "") for row in rows]
    names = [f"<b>{name}</b>" if name.endswith("✓") else name for name in names]
    colours = [ACCENT if row["strategy"] == winner else MUTED for row in rows]
    ends = [x for row in rows for x in (row["value"], row["low"], row["high"], row["null"]) if x is not None]
    margin = 0.07 * ((max(ends) - min(ends)) or abs(ends[0]) or 1.0) if ends else 0.0
    figure = _figure(
        44 + 26 * max(len(rows), 1),
        margin={"l": 8, "r": 14, "t": 4, "b": 26},
        xaxis={"gridcolor": _LINE, "zeroline": False, "nticks": 5, "fixedrange": True, "showline": False,
               "range": [min(ends) - margin, max(ends) + margin] if ends else None,
               "ticks": "", "tickfont": {"size": 11}},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True, "gridcolor": _LINE, "ticks": "",
               "griddash": "dot", "categoryorder": "array", "categoryarray": names},
    )  # fmt: skip
    for row, name, colour in zip(rows, names, colours, strict=True):
        if row["low"] is not None and row["high"] is not None:
            figure.add_trace(
                go.Scatter(x=[row["low"], row["high"]], y=[name, name], mode="lines", hoverinfo="skip",
                           line={"color": colour, "width": 2.5}, opacity=0.75)
            )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[row["value"] for row in rows], y=names, mode="markers",
            marker={"size": 10, "color": colours, "line": {"width": 2, "color": colours},
                    "symbol": ["circle" if row["strategy"] == winner else "circle-open" for row in rows]},
            text=[_hover(row, language) for row in rows], hovertemplate="%{text}<extra></extra>",
        )
    )  # fmt: skip
    nulls = [(row["null"], name) for row, name in zip(rows, names, strict=True) if row["null"] is not None]
    if nulls:
        figure.add_trace(
            go.Scatter(
                x=[value for value, _ in nulls], y=[name for _, name in nulls], mode="markers",
                marker={"symbol": "line-ns", "size": 12, "line": {"width": 2, "color": CONTRAST}},
                hovertemplate=_pick(say("null"), language) + " %{x:.4g}<extra></extra>",
            )
        )  # fmt: skip
    return figure


def rows_at(table: pa.Table, metric: str, axis: str, k: int) -> list[dict[str, Any]]:
    """Return one row a strategy of a metric, at ``k`` segments or the nearest, without empty ones."""
    rows = [row for row in table.to_pylist() if (row["metric"], row["axis"]) == (metric, axis)]
    rows = [row for row in rows if row["value"] is not None]
    return [
        min((row for row in rows if row["strategy"] == strategy), key=lambda row: (abs(row["k"] - k), row["k"]))
        for strategy in dict.fromkeys(row["strategy"] for row in rows)
    ]


def _best(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sign = 1 if rows[0]["better"] == "higher" else -1
    return max(rows, key=lambda row: sign * row["value"])


def _name(strategy: str, language: Language) -> str:
    return plotly_text(_pick(term(STRATEGIES, strategy), language))


def _hover(row: Mapping[str, Any], language: Language) -> str:
    what = f"{_name(row['strategy'], language)} · {plotly_text(_pick(metric_term(row['metric']), language))}"
    return f"{what}<br><b>{number(row['value'])}</b> {span(row['low'], row['high'])}<br>n = {count(row['n'])}"


def trials_figure(trials: pa.Table, strategy: str, language: Language = "en") -> go.Figure:
    """Draw the lift of every clustering tried for a strategy by its number of segments.

    Parameters
    ----------
    trials
        Schema :data:`fenqun.schema.TRIALS`.
    strategy
        Whose trials.
    language
        Of names and texts.
    """
    rows = [row | {"figures": json.loads(row["metrics"])} for row in trials.to_pylist()]
    rows = [row for row in rows if row["strategy"] == strategy and row["figures"].get("lift") is not None]
    figure = _figure(
        360,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        xaxis={"title": {"text": _pick(say("segments_axis"), language)}, "gridcolor": _LINE, "zeroline": False,
               "automargin": True, "fixedrange": True, "ticks": ""},
        yaxis={"title": {"text": _pick(say("lift_axis"), language)}, "gridcolor": _LINE, "zeroline": False,
               "automargin": True, "fixedrange": True, "ticks": ""},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        showlegend=True,
    )  # fmt: skip
    for position, clusterer in enumerate(dict.fromkeys(row["clusterer"] for row in rows)):
        mine = sorted((row for row in rows if row["clusterer"] == clusterer), key=lambda row: row["k"])
        look = mark(position)
        lost = [row["verdict"] == "rejected" for row in mine]
        figure.add_trace(
            go.Scatter(
                x=[row["k"] for row in mine], y=[row["figures"]["lift"] for row in mine], mode="lines+markers",
                name=plotly_text(_pick(term(CLUSTERERS, clusterer), language)), opacity=0.85,
                line={"color": look.colour, "width": 1.6},
                marker={"size": 7, "color": look.colour,
                        "symbol": ["x-thin-open" if x else "circle" for x in lost]},
                hovertemplate="k = %{x}<br>%{y:.3f}<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    chosen = [row for row in rows if row["verdict"] == "chosen"]
    figure.add_trace(
        go.Scatter(
            x=[row["k"] for row in chosen], y=[row["figures"]["lift"] for row in chosen], mode="markers",
            name=_pick(say("verdict_chosen"), language), hoverinfo="skip",
            marker={"size": 17, "symbol": "circle-open", "color": CONTRAST, "line": {"width": 2.5}},
        )
    )  # fmt: skip
    return figure
