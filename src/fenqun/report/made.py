"""How a run came to its figures: agreement of its two fits, protocols, stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fenqun.explanation.wording import clean
from fenqun.report import terms
from fenqun.report.artifacts import Artifacts
from fenqun.report.notices import notice
from fenqun.report.numbers import count, memory, number, span
from fenqun.report.said import NOTHING, Said, joined
from fenqun.report.terms import metric_term, term
from fenqun.report.words import say

_AGREEMENTS = ((0.8, "agree_same"), (0.6, "agree_largely"), (0.4, "agree_partly"), (-1.0, "agree_little"))
_LOW_AGREEMENT = 0.4
_VALUES_SHOWN = 8  # of a list among the figures of a stage


@dataclass(frozen=True)
class Agreement:
    """How far the judged and the published fit agree: their adjusted Rand index, in words."""

    ari: str
    words: Said
    low: bool
    n: str


def agreement(found: Artifacts) -> Agreement | None:
    """Return the agreement of the judged and the published fit, None where it was not computed."""
    value = found.figures("segmentation").get("agreement")
    if not isinstance(value, int | float) or value != value:
        return None
    key = next(key for least, key in _AGREEMENTS if value >= least)
    judged = found.metrics.metrics if found.metrics else []
    n = next((count(metric.n) for metric in judged if metric.name == "published.activity_explained"), "")
    return Agreement(number(value), say(key), value < _LOW_AGREEMENT, n)


def split_words(found: Artifacts) -> Said:
    """Say on which time figures were judged, empty where the run does not tell."""
    figures = found.figures("profiles")
    if figures.get("method") == "per_user":
        return say("split_per_user")
    if figures.get("method") != "time" or not figures.get("test_start"):
        return NOTHING
    as_of = found.manifest.as_of or ""
    return say(
        "split_time",
        validation=str(figures.get("validation_start", ""))[:10],
        test=str(figures["test_start"])[:10],
        end=as_of[:10],
    )


def protocols(found: Artifacts) -> dict[str, Said]:
    """Return how the figures of each axis were obtained, by axis."""
    told: dict[str, Said] = {}
    for metric in found.metrics.metrics if found.metrics else ():
        told.setdefault(metric.name.partition(".")[0], notice(clean(metric.protocol, 400)))
    return told


def metric_rows(found: Artifacts) -> list[dict[str, Any]]:
    """Return the headline figures, each with its interval, n and protocol."""
    if found.metrics is None:
        return []
    return [
        {
            "name": _of_whom(metric.name),
            "value": number(metric.value),
            "interval": span(metric.low, metric.high),
            "n": count(metric.n),
            "protocol": notice(clean(metric.protocol, 400)),
        }
        for metric in found.metrics.metrics
    ]


def _of_whom(name: str) -> Said:
    """Return the term of a headline figure, and whom it is about where that is not the judged segments."""
    about = {"published": "of_published", "tiers": "of_tiers"}.get(name.partition(".")[0])
    return say(about, what=metric_term(name)) if about else metric_term(name)


def quiet_rules(found: Artifacts) -> Said | None:
    """Return the rules that touched no row, None where there is none."""
    rules = found.quality.rules if found.quality else []
    touched = {rule.rule for rule in rules if rule.rows}
    quiet = dict.fromkeys(rule.rule for rule in rules if rule.rule not in touched)
    return joined([term(terms.RULES, rule) for rule in quiet]) if quiet else None


def stages(found: Artifacts) -> dict[str, Any]:
    """Return time and memory of each stage, and what it recorded."""
    records = found.manifest.stages
    longest = max((record.seconds for record in records), default=0.0) or 1.0
    return {
        "rows": [
            {
                "name": term(terms.STAGES, record.name),
                "seconds": _duration(record.seconds),
                "memory": memory(record.peak_mb),
                "bar": 100 * record.seconds / longest,
                "figures": list(_flat(record.figures)),
            }
            for record in records
        ],
        "seconds": _duration(sum(record.seconds for record in records)),
        "memory": memory(max((record.peak_mb for record in records), default=0.0)),
    }


def _duration(seconds: float) -> Said:
    if seconds < 60:
        return say("n_seconds", s=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    return say("n_minutes", m=minutes, s=rest)


def _flat(figures: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Walk through figures of a stage as (path, text), as they stand in ``run.json``."""
    rows: list[tuple[str, str]] = []
    for key, value in figures.items():
        path = f"{prefix}{clean(str(key), 60)}"
        if isinstance(value, Mapping) and value:
            rows += _flat(value, f"{path}.")
        elif isinstance(value, list | tuple):
            shown = ", ".join(_scalar(one) for one in value[:_VALUES_SHOWN])
            rows.append((path, (shown + (" …" if len(value) > _VALUES_SHOWN else "")) or "–"))
        elif value not in (None, "", {}):
            rows.append((path, _scalar(value)))
    return rows


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return number(float(value))
    return clean(str(value), 200)
