"""Judge groups of users by the fold that the phase did not learn from."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.data.sequences import future_outcomes
from fenqun.data.splits import JUDGED, Phase
from fenqun.evaluation.probes import probe_groups
from fenqun.evaluation.ranking import group_scores, list_metrics, rank_lists, smoothing_mass, weigh
from fenqun.evaluation.value import explained_variance
from fenqun.pipeline.phases import Phases

Labels = npt.NDArray[np.integer[Any]]
PerUser = npt.NDArray[np.float64]

RESAMPLES = 100
"""Resamples of users for the standard error of a trial without lists."""


class PhaseJudge:
    """Judges labels of the phase's active users.

    Where the log has one item only, lists say nothing: the criterion is then how much of the
    users' future activity the groups explain.
    """

    def __init__(self, phases: Phases, phase: Phase) -> None:
        self.phases, self.phase = phases, phase
        self.active = phases.active(phase)
        settings = phases.config
        self.length = settings.evaluation.list_length
        self.recommendation = settings.recommendation
        self.ranks_items = len(phases.store.items) > 1

    @cached_property
    def _counts(self) -> Any:
        counts = self.phases.decayed_counts(self.phase)[self.active]
        return weigh(counts, self.recommendation.weighting)

    @cached_property
    def _seen(self) -> Any:
        return None if self.phases.repeats else self.phases.counts(self.phase)[self.active]

    @cached_property
    def truth(self) -> Any:
        """Held-out items of the active users."""
        return self.phases.truth(self.phase)[self.active]

    @cached_property
    def outcomes(self) -> dict[str, PerUser]:
        """Future value, activity and retention of the active users; empty where the split cannot say."""
        if not self.phases.splits.judges_value:
            return {}
        outcomes = future_outcomes(self.phases.store, JUDGED[self.phase])
        return {name: np.asarray(values, dtype=np.float64)[self.active] for name, values in outcomes.items()}

    @cached_property
    def future_category(self) -> npt.NDArray[np.object_]:
        """Category in which each active user does most in the held-out fold; None where unknown."""
        codes, names = self.phases.store.categories
        known = np.flatnonzero(codes >= 0)
        result = np.full(int(self.active.sum()), None, dtype=object)
        if not len(known):
            return result
        truth = self.truth[:, known].tocoo()
        mass = np.zeros((len(result), len(names)))
        np.add.at(mass, (truth.row, codes[known][truth.col]), truth.data)
        rows = mass.sum(axis=1) > 0
        result[rows] = [names[code] for code in mass[rows].argmax(axis=1)]
        return result

    def lists(self, labels: Labels) -> tuple[npt.NDArray[np.int32], dict[str, PerUser]]:
        """Lists of the segments, one a user, and their figures per user."""
        k = int(labels.max()) + 1
        mass = smoothing_mass(self._counts, k, self.recommendation.smoothing)
        scores = group_scores(self._counts, labels, k, mass)
        lists = rank_lists(scores, labels, self._seen, self.length)
        return lists, list_metrics(lists, self.truth)

    @cached_property
    def popularity(self) -> dict[str, PerUser]:
        """Figures of one list for everyone."""
        return self.lists(np.zeros(int(self.active.sum()), dtype=np.int64))[1]

    def __call__(self, labels: Labels) -> dict[str, float]:
        """Return ``lift`` with its standard error, and ``probe``: F1 of the future category."""
        figures = {"lift": float("nan"), "lift_se": float("nan"), "probe": float("nan")}
        if self.ranks_items:
            ours, base = self.lists(labels)[1]["ndcg"], self.popularity["ndcg"]
            judged = np.isfinite(ours) & np.isfinite(base)
            if judged.any() and base[judged].mean() > 0:
                mean = base[judged].mean()
                figures["lift"] = float(ours[judged].mean() / mean)
                figures["lift_se"] = float((ours - base)[judged].std() / np.sqrt(judged.sum()) / mean)
            probe = probe_groups(labels, self.future_category, self.phases.config.run.seed)
            figures["probe"], figures["probe_se"] = float(probe.value), float(probe.se)
        elif "future_events" in self.outcomes:
            found = explained_variance(
                labels, self.outcomes["future_events"], repeats=RESAMPLES, seed=self.phases.config.run.seed
            )
            figures["lift"] = 1.0 + found.value
            figures["lift_se"] = (found.high - found.low) / (2 * 1.96)
        return figures

    def criterion(self, labels: Labels) -> float:
        """The one figure that blocks and trials are first compared by."""
        return self(labels)["lift"]
