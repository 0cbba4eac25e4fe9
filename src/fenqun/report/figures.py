"""Plotly figures of the comparison and the trials, shared by the report, notebooks and the page.

Texts from the data are untrusted: Plotly reads a part of HTML in them, so they are escaped here.
Backgrounds are transparent and lines half-transparent grey, so that a figure fits light and dark.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import plotly.graph_objects as go
import pyarrow as pa

from fenqun.evaluation.comparison import verdicts
from fenqun.explanation.wording import clean
from fenqun.report.numbers import count, number, span
from fenqun.report.palette import ACCENT, CONTRAST, MUTED, mark
from fenqun.report.said import Said
from fenqun.report.terms import CLUSTERERS, STRATEGIES, metric_term, term
from fenqun.report.words import say

Language = Literal["en", "zh"]

_FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', "
    "'Noto Sans CJK SC', sans-serif"
)
_LINE = "rgba(128,134,148,0.22)"
_FIND_K = ("dbscan", "hdbscan")  # they find their own number of segments: no line joins their trials


def plotly_text(text: str, limit: int = 80) -> str:
    """Return untrusted text fit for Plotly: cleaned, shortened, nothing in it read as HTML.

    >>> plotly_text("a <b>c</b>")
    'a &lt;b&gt;c&lt;/b&gt;'
    """
    return html.escape(clean(text, limit), quote=False)


def _pick(said: Said, language: Language) -> str:
    return said.en if language == "en" else said.zh


def blank(height: int, **layout: Any) -> go.Figure:
    """Return a figure without data that fits light and dark pages."""
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
    figure = blank(
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


def trials_figure(
    trials: pa.Table, strategy: str, decides: str = "lift", one_item: bool = False, language: Language = "en"
) -> go.Figure:
    """Draw the deciding figure of every clustering tried for a strategy by its number of segments.

    Parameters
    ----------
    trials
        Schema :data:`fenqun.schema.TRIALS`.
    strategy
        Whose trials.
    decides
        The goal's first figure.
    one_item
        Whether the log is about one item, where lift is not of lists.
    language
        Of names and texts.
    """
    rows = [row | {"figures": json.loads(row["metrics"])} for row in trials.to_pylist()]
    rows = [row for row in rows if row["strategy"] == strategy and row["figures"].get(decides) is not None]
    axis = say("lift_axis_one" if one_item else "lift_axis") if decides == "lift" else metric_term(decides)
    figure = blank(
        360,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        xaxis={"title": {"text": _pick(say("segments_axis"), language)}, "gridcolor": _LINE, "zeroline": False,
               "automargin": True, "fixedrange": True, "ticks": ""},
        yaxis={"title": {"text": _pick(axis, language)}, "gridcolor": _LINE, "zeroline": False,
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
                x=[row["k"] for row in mine], y=[row["figures"][decides] for row in mine],
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
            x=[row["k"] for row in chosen], y=[row["figures"][decides] for row in chosen], mode="markers",
            name=_pick(say("verdict_chosen"), language), hoverinfo="skip",
            marker={"size": 17, "symbol": "circle-open", "color": CONTRAST, "line": {"width": 2.5}},
        )
    )  # fmt: skip
    return figure
