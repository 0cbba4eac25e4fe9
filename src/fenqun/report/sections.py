"""Tables of the report: warnings, the comparison by axis, trials, settings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fenqun.evaluation.comparison import AXES, Verdict
from fenqun.evaluation.goals import figures_of
from fenqun.explanation.wording import capitalise, clean
from fenqun.report.artifacts import Artifacts
from fenqun.report.fairness import fairness_warnings
from fenqun.report.figures import rows_at
from fenqun.report.made import agreement, protocols, split_words
from fenqun.report.naming import name_warnings
from fenqun.report.notices import notice
from fenqun.report.numbers import count, number, percent, signed, span
from fenqun.report.reasons import reason
from fenqun.report.said import Said, together
from fenqun.report.terms import AXES as AXIS_TERMS
from fenqun.report.terms import (
    CLUSTERERS,
    GOALS,
    METRICS,
    STRATEGIES,
    TABLES,
    metric_meaning,
    metric_parts,
    metric_term,
    term,
)
from fenqun.report.tiers import no_tiers
from fenqun.report.verdict import is_tested, verdicts_at
from fenqun.report.words import say

_MANY_REJECTED = 0.05  # share of a table's rows from which their loss is a warning
_LOST_SHOWN = 5
_DESCRIBING = ("shape", "stability")  # axes without a test, shown last

_CREDENTIALS = re.compile(r"(://)[^/\s'\"]*@|((?:password|secret|token|key)\s*[=:]\s*)[^\s;&'\"]+", re.IGNORECASE)


@dataclass(frozen=True)
class ChartView:
    """One metric of the comparison: a chart, who leads, whether a test says so, and the table behind it."""

    plot: str
    metric: str
    axis: str
    title: Said
    meaning: Said
    direction: Said
    outcome: Said
    state: str
    n: str
    has_null: bool
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class AxisView:
    """One axis of the comparison, and how its figures were obtained."""

    axis: str
    title: Said
    protocol: Said
    charts: list[ChartView]

    @property
    def has_null(self) -> bool:
        """Whether any chart shows a null."""
        return any(chart.has_null for chart in self.charts)

    @property
    def has_test(self) -> bool:
        """Whether any row of it was tested."""
        return any(chart.state != "untested" for chart in self.charts)


def warnings(found: Artifacts) -> list[Said]:
    """Return what a reader must know before trusting any figure."""
    said: list[Said] = []
    segmentation = found.figures("segmentation")
    if segmentation.get("rejected"):
        said.append(say("warn_trial"))
    for table in found.quality.tables if found.quality else ():
        if table.read and table.rejected / table.read > _MANY_REJECTED:
            share, rows = percent(table.rejected / table.read), count(table.rejected)
            said.append(say("warn_rejected", share=share, rows=rows, table=term(TABLES, table.table)))
    agreed = agreement(found)
    if agreed is not None and agreed.low:
        said.append(say("warn_agreement", ari=agreed.ari))
    if (found.figures("evaluation").get("structure") or {}).get("found") is False:
        said.append(say("warn_no_structure"))
    if found.figures("evaluation").get("kind") == "constructive":
        said.append(say("warn_constructive"))
    leads = [lead["high"] for lead in (found.figures("confirmation").get("leads") or {}).values()]
    if any(high is not None and high < 0 for high in leads):
        said.append(say("warn_refuted"))
    if segmentation.get("noise"):
        said.append(say("warn_noise", n=count(segmentation["noise"])))
    said += [*name_warnings(found), *fairness_warnings(found)]
    for name, why in (segmentation.get("not_available") or {}).items():
        said.append(
            say("warn_unavailable", who=term(STRATEGIES, name), why=notice(clean(str(why), 300).rstrip(".")))
        )
    if (why := no_tiers(found)).en:
        said.append(why)
    notices = [record.figures["notice"] for record in found.manifest.stages if record.figures.get("notice")]
    notices += found.quality.notices if found.quality else []
    notices += found.metrics.notes if found.metrics else []
    return said + [notice(clean(str(text), 600)) for text in dict.fromkeys(notices)]


def comparison_axes(found: Artifacts) -> list[AxisView]:
    """Return the comparison by axis; axes without a row are left out."""
    table = found.comparison
    if table is None:
        return []
    winners = {(one.axis, one.metric): one for one in verdicts_at(table, found.k)}
    told, split = protocols(found), split_words(found)
    order = list(METRICS)
    axes = []
    for axis in sorted(AXES, key=lambda name: (name in _DESCRIBING, AXES.index(name))):
        charts: list[ChartView] = []
        metrics = [metric for name, metric in winners if name == axis]
        metrics.sort(
            key=lambda name: (
                metric_parts(name)[0],
                order.index(m) if (m := metric_parts(name)[1]) in order else 99,
            )
        )
        for metric in metrics:
            rows, won = rows_at(table, metric, axis, found.k), winners[axis, metric]
            state, outcome = _outcome(won, rows, found.config.strategy)
            charts.append(
                ChartView(
                    plot=f"plot-{axis}-{len(charts)}",
                    metric=metric,
                    axis=axis,
                    title=metric_term(metric),
                    meaning=metric_meaning(metric, axis),
                    direction=say("lower_better" if rows[0]["better"] == "lower" else "higher_better"),
                    outcome=outcome,
                    state=state,
                    n=_sizes(rows),
                    has_null=any(row["null"] is not None for row in rows),
                    rows=[_printed(row, row["strategy"] == won.winner) for row in rows],
                )
            )
        if charts:
            parts = [told[axis]] if axis in told else []
            parts += [split] if axis in ("lists", "value") and split.en else []
            protocol = together(
                Said(f"{capitalise(part.en).rstrip('.')}.", f"{part.zh.rstrip('。')}。") for part in parts
            )
            axes.append(AxisView(axis, term(AXIS_TERMS, axis), protocol, charts))
    return axes


def _outcome(won: Verdict, rows: list[dict[str, Any]], published: str) -> tuple[str, Said]:
    """Return ``ours``, ``theirs``, ``open`` or ``untested``, and the words for it."""
    who = term(STRATEGIES, won.winner)
    if not is_tested(rows):
        return "untested", say("best_value", who=who)
    if not won.established:
        return "open", say("leads", who=who)
    return ("ours" if won.winner == published else "theirs"), say("won", who=who)


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
    first, second = figures_of(found.config.goal)
    rows = []
    for row in found.trials.to_pylist():
        if row["strategy"] != found.config.strategy:
            continue
        figures = json.loads(row["metrics"])
        decides = figures.get(first)
        rows.append(
            {
                "clusterer": term(CLUSTERERS, row["clusterer"]),
                "k": row["k"],
                "verdict": row["verdict"],
                "why": reason(clean(row["why"], 300)),
                "decides": decides if isinstance(decides, int | float) else None,
                "parameters": clean(row["parameters"], 200),
                "sampled": _sample(row["parameters"]),
                "figures": [
                    (term(METRICS, name), number(value))
                    for name, value in figures.items()
                    if isinstance(value, int | float)
                ],
            }
        )
    if not rows:
        return {}
    rows.sort(key=lambda row: (row["decides"] is None, -(row["decides"] or 0.0), row["k"], row["clusterer"].en))
    for row in rows:
        row["decides_text"] = "–" if row["decides"] is None else f"{row['decides']:.3f}"
    kind, _, name = found.config.goal.partition(":")
    return {
        "all": rows,
        "chosen": next((row for row in rows if row["verdict"] == "chosen"), None),
        "lost": [row for row in rows if row["verdict"] != "chosen"][:_LOST_SHOWN],
        "drawn": any(row["decides"] is not None for row in rows),
        "goal": Said(*(f"{said}: {name}" if name else said for said in term(GOALS, kind))),
        "first": term(METRICS, first),
        "second": term(METRICS, second),
    }


def _sample(parameters: str) -> str:
    """Return how many users a trial was fitted on where it did not see all of them, else nothing."""
    found = json.loads(parameters).get("sampled")
    return count(found) if isinstance(found, int) else ""


def without_credentials(settings: str) -> str:
    """Return settings as text, with what looks like a credential in an address struck out.

    >>> without_credentials("path: postgres://me:secret@host/db")
    'path: postgres://***@host/db'
    """
    return _CREDENTIALS.sub(lambda found: f"{found[1]}***@" if found[1] else f"{found[2]}***", settings)
