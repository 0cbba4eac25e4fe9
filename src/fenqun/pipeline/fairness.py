"""What the published segments give away of attributes that are declared sensitive."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from fenqun.evaluation.fairness import Figure, GiveAway, give_away
from fenqun.explanation.drivers import ATTRIBUTE
from fenqun.pipeline.context import Context
from fenqun.pipeline.phases import Phases
from fenqun.schema import SEGMENT, Metric

_HOW = {
    "macro_f1": "the attribute of half of the users predicted from their published segment alone, as the other half "
    "has it; chance: the attribute shuffled among users",
    "auc": "macro average over levels, of the level's share in the segment in the other half of the users; chance: "
    "the attribute shuffled among users",
    "cramers_v": "association of published segments and attribute, corrected for chance",
}
_CHANCE = "the same with the attribute shuffled among users"


def sensitive_figures(context: Context, phases: Phases) -> tuple[list[Metric], dict[str, Any]]:
    """Return headline figures, and by attribute what the report shows; both empty where none is declared."""
    settings = context.config.fairness
    if not settings.sensitive:
        return [], {}
    column = context.run.read_table("memberships.parquet", [SEGMENT])[SEGMENT]
    labels = np.unique(np.asarray(column.to_pylist(), dtype=object).astype(str), return_inverse=True)[1]
    metrics: list[Metric] = []
    shown: dict[str, Any] = {}
    for name in settings.sensitive:
        found = give_away(labels, _values(phases, name), context.config.run.seed, settings.permutations)
        shown[name] = None if found is None else _rounded(found)
        if found is not None:
            metrics += _metrics(name, found)
    return metrics, shown


def _values(phases: Phases, name: str) -> list[Any]:
    """Return the attribute of each user, from the labels or the profiles; None where it is unknown."""
    if name not in phases.config.labels:
        profiles = phases.profiles("final")
        column = ATTRIBUTE + name
        return list(profiles[column].to_pylist()) if column in profiles.column_names else [None] * len(profiles)
    return list(phases.user_columns("work/labels.parquet")[name])


def _metrics(name: str, found: GiveAway) -> list[Metric]:
    metrics = []
    for code, how in _HOW.items():
        figure: Figure = getattr(found, code)
        for suffix, (value, low, high), protocol in (
            ("", (figure.value, figure.low, figure.high), how),
            ("_chance", (figure.chance, figure.chance_low, figure.chance_high), _CHANCE),
        ):
            key = f"fairness.{name}.{code}{suffix}"
            metrics.append(Metric(name=key, value=value, low=low, high=high, n=found.n, protocol=protocol))
    return metrics


def _rounded(found: GiveAway) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        return round(value, 4) if isinstance(value, float) else value

    told: dict[str, Any] = plain(asdict(found))
    return told
