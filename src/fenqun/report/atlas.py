"""The map of users, coloured by segment, with labels that do not cover each other."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa

from fenqun.explanation.wording import topic_label
from fenqun.report.figures import Language, blank, plotly_text
from fenqun.report.palette import mark

MAP_POINTS = 20_000
"""Most users drawn on a map."""

_LABEL = 28  # characters of a name on the map
_NAMED = 14  # segments up to which the map shows names; above, names would hide the users, and ids are shown
_MAP_WIDTH, _MAP_HEIGHT, _LABEL_HEIGHT = 660.0, 400.0, 21.0  # pixels
_EDGE = 6.0  # pixels between a label and the edge
_STEPS = (0.0, 24.0, 48.0, 72.0, 96.0, 120.0)
"""How many pixels a label may move from its centroid."""
_DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))


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
    figure = blank(
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
