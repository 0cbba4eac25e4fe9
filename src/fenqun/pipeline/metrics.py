"""The headline figures of a run, each with its protocol and sample size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from fenqun.evaluation.stability import Stability
from fenqun.evaluation.value import activity_agreement, activity_r2
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.schema import Metric, Metrics

_AXIS_PROTOCOL = {
    "lists": "segments fitted before the cut, their lists judged on what each user took after it",
    "value": "variance of each user's outcome after the cut that segments fitted before it explain, adjusted",
    "shape": "one common space of all strategies' features with equal weight",
    "stability": "refits on bootstrap samples of users against the judged fit",
    "labels": "segments read as the majority label of half the users, scored on the other half",
}


def headline(comparison: pa.Table, labels: Any, published: Stability, judge: PhaseJudge, phases: Phases) -> Metrics:
    """Collect the figures of the published strategy and what a reader must know about them."""
    strategy = phases.config.strategy
    metrics = [
        Metric(
            name=f"{row['axis']}.{row['metric']}",
            value=row["value"],
            low=row["low"],
            high=row["high"],
            n=row["n"],
            protocol=_AXIS_PROTOCOL[row["axis"]],
        )
        for row in comparison.to_pylist()
        if row["strategy"] == strategy
    ]
    metrics.append(
        Metric(
            name="published.bootstrap_ari",
            value=_finite(published.ari),
            low=_finite(published.low),
            high=_finite(published.high),
            n=published.n,
            protocol="refits of the published segmentation on bootstrap samples of users",
        )
    )
    activity = np.log1p(phases.store.n_events((0, 1, 2)))[judge.active]
    metrics.append(
        Metric(
            name="published.activity_explained",
            value=_finite(activity_r2(labels, activity)),
            n=len(labels),
            protocol="variance of log activity that the judged segments explain: near 1, "
            "they are little but volume",
        )
    )
    metrics.append(
        Metric(
            name="published.activity_agreement",
            value=_finite(activity_agreement(labels, activity)),
            n=len(labels),
            protocol="adjusted Rand index with deciles of activity",
        )
    )
    return Metrics(metrics=metrics, notes=[note for note in (phases.splits.notice,) if note])


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
