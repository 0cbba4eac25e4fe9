"""Tables of the report: warnings, the comparison by axis, trials, quality, stages, settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fenqun.evaluation.comparison import AXES
from fenqun.explanation.wording import clean
from fenqun.report.artifacts import Artifacts
from fenqun.report.figures import rows_at
from fenqun.report.numbers import count, number, percent, signed, span
from fenqun.report.reasons import reason
from fenqun.report.terms import AXES as AXIS_TERMS
from fenqun.report.terms import (
    CLUSTERERS,
    METRICS,
    STRATEGIES,
    TABLES,
    metric_meaning,
    metric_term,
    term,
)
from fenqun.report.verdict import verdicts_at
from fenqun.report.words import Said, same, say

_MANY_REJECTED = 0.05  # share of a table's rows from which their loss is a warning
_LOW_AGREEMENT = 0.5
_LOST_SHOWN = 5
_VALUES_SHOWN = 8  # of a list among the figures of a stage

_CREDENTIALS = re.compile(r"(://)[^/\s'\"]*@|((?:password|secret|token|key)\s*[=:]\s*)[^\s;&'\"]+", re.IGNORECASE)


@dataclass(frozen=True)
class ChartView:
    """One metric of the comparison: a chart, who won, and the table behind it."""

    plot: str
    metric: str
    axis: str
    title: Said
    meaning: Said
    direction: Said
    winner: Said
    ours: bool
    established: bool
    sure: Said
    n: str
    has_null: bool
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class AxisView:
    """One axis of the comparison."""

    axis: str
    title: Said
    charts: list[ChartView]

    @property
    def has_null(self) -> bool:
        """Whether any chart shows a null."""
        return any(chart.has_null for chart in self.charts)


def warnings(found: Artifacts) -> list[Said]:
    """Return what a reader must know before any figure."""
    said: list[Said] = []
    segmentation = found.figures("segmentation")
    if segmentation.get("rejected"):
        said.append(say("warn_trial"))
    for table in found.quality.tables if found.quality else ():
        if table.read and table.rejected / table.read > _MANY_REJECTED:
            share, rows = percent(table.rejected / table.read), count(table.rejected)
            said.append(say("warn_rejected", share=share, rows=rows, table=term(TABLES, table.table)))
    agreement = _agreement(found)
    if agreement is not None and agreement < _LOW_AGREEMENT:
        said.append(say("warn_agreement", ari=number(agreement)))
    if found.figures("evaluation").get("kind") == "constructive":
        said.append(say("warn_constructive"))
    if segmentation.get("noise"):
        said.append(say("warn_noise", n=count(segmentation["noise"])))
    for name, why in (segmentation.get("not_available") or {}).items():
        said.append(say("warn_unavailable", who=term(STRATEGIES, name), why=clean(str(why), 300).rstrip(".")))
    notices = [record.figures["notice"] for record in found.manifest.stages if record.figures.get("notice")]
    notices += found.quality.notices if found.quality else []
    notices += found.metrics.notes if found.metrics else []
    return said + [same(clean(str(notice), 400)) for notice in dict.fromkeys(notices)]


def _agreement(found: Artifacts) -> float | None:
    """Return the ARI of the judged and the published fit."""
    value = found.figures("segmentation").get("agreement")
    if value is None and found.metrics is not None:
        value = next((m.value for m in found.metrics.metrics if m.name.startswith("agreement")), None)
    return float(value) if isinstance(value, int | float) and value == value else None


def agreement(found: Artifacts) -> str | None:
    """Return the ARI of the judged and the published fit as text, None where it was not computed."""
    value = _agreement(found)
    return None if value is None else number(value)


def comparison_axes(found: Artifacts) -> list[AxisView]:
    """Return the comparison by axis; axes without a row are left out."""
    table = found.comparison
    if table is None:
        return []
    winners = {(one.axis, one.metric): one for one in verdicts_at(table, found.k)}
    axes = []
    for axis in AXES:
        charts: list[ChartView] = []
        for metric in dict.fromkeys(row["metric"] for row in table.to_pylist() if row["axis"] == axis):
            rows = rows_at(table, metric, axis, found.k)
            won = winners.get((axis, metric))
            if not rows or won is None:
                continue
            lower = rows[0]["better"] == "lower"
            charts.append(
                ChartView(
                    plot=f"plot-{axis}-{len(charts)}",
                    metric=metric,
                    axis=axis,
                    title=metric_term(metric),
                    meaning=metric_meaning(metric, axis),
                    direction=say("lower_better" if lower else "higher_better"),
                    winner=term(STRATEGIES, won.winner),
                    ours=won.winner == found.config.strategy,
                    established=won.established,
                    sure=say(_sure(won.established, rows)),
                    n=_sizes(rows),
                    has_null=any(row["null"] is not None for row in rows),
                    rows=[_printed(row, row["strategy"] == won.winner) for row in rows],
                )
            )
        if charts:
            axes.append(AxisView(axis, term(AXIS_TERMS, axis), charts))
    return axes


def _sure(established: bool, rows: list[dict[str, Any]]) -> str:
    if established:
        return "established"
    return "untested" if all(row["difference_low"] is None for row in rows) else "not_established"


def _sizes(rows: list[dict[str, Any]]) -> str:
    sizes = sorted({row["n"] for row in rows})
    return count(sizes[0]) if len(sizes) == 1 else f"{count(sizes[0])}–{count(sizes[-1])}"


def _printed(row: Mapping[str, Any], won: bool) -> dict[str, Any]:
    difference = signed(row["difference"])
    return {
        "strategy": term(STRATEGIES, row["strategy"]),
        "k": row["k"],
        "value": number(row["value"]),
        "interval": span(row["low"], row["high"]),
        "n": count(row["n"]),
        "null": "" if row["null"] is None else number(row["null"]),
        "difference": "" if row["difference"] is None else difference,
        "difference_interval": span(row["difference_low"], row["difference_high"]),
        "won": won,
    }


def trial_rows(found: Artifacts) -> dict[str, Any]:
    """Return the trials of the published strategy: the chosen one, the best that lost, and all."""
    if found.trials is None:
        return {}
    rows = []
    for row in found.trials.to_pylist():
        if row["strategy"] != found.config.strategy:
            continue
        figures = json.loads(row["metrics"])
        lift = figures.get("lift")
        rows.append(
            {
                "clusterer": term(CLUSTERERS, row["clusterer"]),
                "k": row["k"],
                "verdict": row["verdict"],
                "why": reason(clean(row["why"], 300)),
                "lift": lift if isinstance(lift, int | float) else None,
                "parameters": clean(row["parameters"], 200),
                "figures": [
                    (term(METRICS, name), number(value))
                    for name, value in figures.items()
                    if isinstance(value, int | float)
                ],
            }
        )
    if not rows:
        return {}
    rows.sort(key=lambda row: (row["lift"] is None, -(row["lift"] or 0.0), row["k"], row["clusterer"].en))
    for row in rows:
        row["lift_text"] = number(row["lift"])
    return {
        "all": rows,
        "chosen": next((row for row in rows if row["verdict"] == "chosen"), None),
        "lost": [row for row in rows if row["verdict"] != "chosen"][:_LOST_SHOWN],
        "drawn": any(row["lift"] is not None for row in rows),
    }


def flat(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Walk through figures of a stage as (path, text).

    >>> list(flat({"a": {"b": 0.5}, "c": [1, 2]}))
    [('a · b', '0.500'), ('c', '1, 2')]
    """
    for key, value in figures.items():
        path = f"{prefix}{clean(str(key), 60).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{path} · ")
        elif isinstance(value, list | tuple):
            shown = ", ".join(_scalar(one) for one in value[:_VALUES_SHOWN])
            yield path, shown + (" …" if len(value) > _VALUES_SHOWN else "")
        else:
            yield path, _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(float(value))
    if isinstance(value, Mapping):
        return "; ".join(f"{path} {text}" for path, text in flat(value))
    return clean(str(value), 200)


def without_credentials(settings: str) -> str:
    """Return settings as text, with what looks like a credential in an address struck out.

    >>> without_credentials("path: postgres://me:secret@host/db")
    'path: postgres://***@host/db'
    """
    return _CREDENTIALS.sub(lambda found: f"{found[1]}***@" if found[1] else f"{found[2]}***", settings)
