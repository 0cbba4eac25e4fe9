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
from fenqun.explanation.wording import clean, topic_label
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
_LABEL = 28  # characters of a name on the map
_FIND_K = ("dbscan", "hdbscan")  # they find their own number of segments: no line joins their trials
_NAMED = 14  # segments up to which the map shows names; above, names would hide the users, and ids are shown
_MAP_WIDTH, _MAP_HEIGHT, _LABEL_HEIGHT = 660.0, 400.0, 21.0  # pixels
_EDGE = 6.0  # pixels between a label and the edge
_STEPS = (0.0, 24.0, 48.0, 72.0, 96.0, 120.0)
"""How many pixels a label may move from its centroid."""
_DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))


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
        430,
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
    names = _short(segments[f"name_{language}"].to_pylist(), ids)
    at = {
        p: (float(np.median(x[labels == p])), float(np.median(y[labels == p])))
        for p in range(len(names))
        if (labels == p).any()
    }
    if not at:
        return []
    scale = min(_MAP_WIDTH / (float(np.ptp(x)) or 1.0), _MAP_HEIGHT / (float(np.ptp(y)) or 1.0))
    middle = (float(x.min() + x.max()) / 2, float(y.min() + y.max()) / 2)
    points = {p: ((px - middle[0]) * scale, (py - middle[1]) * scale) for p, (px, py) in at.items()}
    texts = {p: (names[p], ids[p]) if len(names) <= _NAMED else (ids[p],) for p in at}
    placed = _place(points, texts)
    return [
        {
            "x": at[p][0], "y": at[p][1], "name": ids[p],
            "text": f"<b>{html.escape(placed[p][0], quote=False)}</b>",
            "showarrow": True, "arrowhead": 6, "arrowsize": 1.5, "arrowwidth": 1.2, "arrowcolor": mark(p).colour,
            "ax": placed[p][1], "ay": -placed[p][2], "font": {"size": 11}, "bgcolor": "rgba(255,255,255,0.82)",
            "bordercolor": mark(p).colour, "borderwidth": 1, "borderpad": 2,
        }
        if p in at
        else {"x": 0, "y": 0, "text": "", "visible": False}
        for p in range(len(names))
    ]  # fmt: skip


def _short(names: Sequence[str], ids: Sequence[str]) -> list[str]:
    """Return names short enough for the map; those that would read alike give way to ids."""
    short = [topic_label(name, limit=_LABEL) for name in names]
    return [name if name and short.count(name) == 1 else i for name, i in zip(short, ids, strict=True)]


def _place(
    points: Mapping[int, tuple[float, float]], texts: Mapping[int, Sequence[str]]
) -> dict[int, tuple[str, float, float]]:
    """Return the text of each label and how far it stands from its point, right and up, in pixels.

    The largest segments choose first, the nearest place that is free of other labels and of centroids;
    where the long text finds none, the short one is taken.
    """
    boxes: list[tuple[float, float, float]] = []
    placed: dict[int, tuple[str, float, float]] = {}
    for p in sorted(points):
        column, row = points[p]
        for text in texts[p]:
            half = 3.4 * sum(1.75 if ord(c) > 0x2E7F else 1.0 for c in text) + 6
            places = [
                (right * (half + 10 if right and not up and not step else 0) + right * step, up * step)
                for step in _STEPS
                for right, up in _DIRECTIONS
            ]
            free = (
                (right, up)
                for right, up in places
                if _is_free(column + right, row + up, half, boxes, [q for o, q in points.items() if o != p])
            )
            found = next(free, None)
            if found is not None or text == texts[p][-1]:
                right, up = found or (0.0, 0.0)
                placed[p] = (text, right, up)
                boxes.append((column + right, row + up, half))
                break
    return placed


def _is_free(
    column: float, row: float, half: float, boxes: Sequence[tuple[float, float, float]],
    points: Sequence[tuple[float, float]],
) -> bool:  # fmt: skip
    inside = abs(column) + half < _MAP_WIDTH / 2 - _EDGE and abs(row) + _LABEL_HEIGHT / 2 < _MAP_HEIGHT / 2
    clear = all(abs(column - c) > half + h or abs(row - r) > _LABEL_HEIGHT for c, r, h in boxes)
    return inside and clear and all(abs(column - c) > half or abs(row - r) > _LABEL_HEIGHT / 2 for c, r in points)


def comparison_figure(table: pa.Table, metric: str, axis: str, k: int, language: Language = "en") -> go.Figure:
    """Draw one metric of every strategy as dots with intervals.

    The best is filled, and coloured and ticked where its lead is established; others are hollow; the null
    of an internal metric is a tick.

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
    found = next((v for v in verdicts(table) if (v.metric, v.axis) == (metric, axis) and v.k == k), None)
    best = found.winner if found else _best(rows)["strategy"] if rows else None
    won = best if found and found.established else None
    names = [_name(row["strategy"], language) for row in rows]
    names = [f"<b>{name} ✓</b>" if row["strategy"] == won else name for name, row in zip(names, rows, strict=True)]
    colours = [ACCENT if row["strategy"] == won else MUTED for row in rows]
    ends = [x for row in rows for x in (row["value"], row["low"], row["high"], row["null"]) if x is not None]
    margin = 0.07 * ((max(ends) - min(ends)) or abs(ends[0]) or 1.0) if ends else 0.0
    figure = _figure(
        44 + 26 * max(len(rows), 1),
        margin={"l": 8, "r": 14, "t": 4, "b": 26},
        xaxis={"gridcolor": _LINE, "zeroline": False, "nticks": 5, "fixedrange": True, "showline": False,
               "range": [min(ends) - margin, max(ends) + margin] if ends else None,
               "ticks": "", "tickfont": {"size": 11}, "exponentformat": "none"},
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
                    "symbol": ["circle" if row["strategy"] == best else "circle-open" for row in rows]},
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
                x=[row["k"] for row in mine], y=[row["figures"]["lift"] for row in mine],
                mode="markers" if clusterer in _FIND_K else "lines+markers",
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
