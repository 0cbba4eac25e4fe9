"""Judge groups of users by the fold that the phase did not learn from."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.data.sequences import future_outcomes
from fenqun.data.splits import JUDGED, Phase
from fenqun.errors import ConfigError
from fenqun.evaluation.goals import figures_of, target_of
from fenqun.evaluation.intervals import bootstrap
from fenqun.evaluation.probes import Probe, probe_groups
from fenqun.evaluation.ranking import group_scores, list_metrics, rank_lists, smoothing_mass, weigh
from fenqun.evaluation.readability import readability
from fenqun.evaluation.user_scores import class_scores, outcome_scores
from fenqun.evaluation.value import explained_variance, variance_statistic
from fenqun.pipeline.phases import Phases

Labels = npt.NDArray[np.integer[Any]]
PerUser = npt.NDArray[np.float64]

RESAMPLES = 100
"""Resamples of users for the standard error of what groups explain."""

MOST_CLASSES = 10
"""Different numbers of a target up to which each is a class of its own."""


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
        self.order = figures_of(settings.goal)
        self.seed = settings.run.seed

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

    # -- figures -------------------------------------------------------------------------------

    def __call__(self, labels: Labels) -> dict[str, float]:
        """Return the figures of labels with their standard errors (``NAME_se``).

        ``lift`` and ``probe`` (accuracy of the future category) always, and those that the goal ranks by; NaN where the log
        cannot say.
        """
        figures = {"lift": float("nan"), "lift_se": float("nan"), "probe": float("nan")}
        if self.ranks_items:
            figures |= self._lift(labels)
            figures |= _told("probe", probe_groups(labels, self.future_category, self.seed))
        elif "future_events" in self.outcomes:
            value, error = self._explained(labels, "future_events")
            figures |= {"lift": 1.0 + value, "lift_se": error}
        for name in self.order:
            if name not in ("lift", "probe"):
                figures |= self.figure(name, labels)
        return figures

    def criterion(self, labels: Labels) -> float:
        """The one figure that blocks and trials are first compared by."""
        return self(labels)[self.order[0]]

    def gain(self, larger: Labels, smaller: Labels) -> tuple[float, float]:
        """Return by how much the criterion is better for the first labels, and the standard error of that over users."""
        return self._gain(self.order[0], larger, smaller)

    def lead(self, name: str, labels: Labels, other: Labels) -> tuple[float, float]:
        """Return the same of a figure by name, in the units of the figure."""
        gain, error = self._gain(name, labels, other)
        if name == "lift" and self.ranks_items:
            base = float(np.nanmean(self.popularity["ndcg"]))
            gain, error = gain / base, error / base
        return gain, error

    def judges(self, name: str) -> bool:
        """Whether the log can say anything about a figure."""
        if name == "lift" and self.ranks_items:
            ndcg = self.popularity["ndcg"]
            return bool(np.isfinite(ndcg).any()) and float(np.nanmean(ndcg)) > 0
        if name == "probe":
            return self.ranks_items
        return bool(self.outcomes) if name in ("lift", "value", "retention") else True

    def _gain(self, name: str, larger: Labels, smaller: Labels) -> tuple[float, float]:
        if name in ("lift", "probe") and not self.ranks_items and not self.judges(name):
            return math.nan, math.nan
        if name == "lift" and self.ranks_items:
            difference = self.lists(larger)[1]["ndcg"] - self.lists(smaller)[1]["ndcg"]
            difference = difference[np.isfinite(difference)]
            if len(difference) < 2:
                return 0.0, 0.0
            return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))
        if name in ("lift", "value"):
            outcome = self.outcomes["future_events" if name == "lift" else self.value_outcome]
            both = [variance_statistic(labels, outcome) for labels in (larger, smaller)]
            drawn = bootstrap(both, len(outcome), RESAMPLES, self.seed)
            ones = np.ones((1, len(outcome)))
            return float(both[0](ones)[0] - both[1](ones)[0]), float((drawn[0] - drawn[1]).std(ddof=1))
        first, second = self(larger), self(smaller)
        # Folds are the same, users' hits are not kept: the errors add up as if the two were independent.
        return first[name] - second[name], float(np.hypot(first[f"{name}_se"], second[f"{name}_se"]))

    def scores(self, labels: Labels) -> PerUser:
        """Return the goal's first figure of each active user, (n,), higher is better; NaN where the log cannot say.

        NDCG of the group's list; less the squared error of the future value or activity; the logarithm of the share of the
        user's class (:mod:`fenqun.evaluation.user_scores`).
        """
        name = self.order[0]
        if name == "lift" and self.ranks_items:
            return self.lists(labels)[1]["ndcg"]
        if name == "lift":
            unknown = np.full(len(labels), np.nan)
            return outcome_scores(labels, self.outcomes.get("future_events", unknown))
        if name == "value":
            return outcome_scores(labels, self.outcomes[self.value_outcome])
        return class_scores(labels, self.future_category if name == "probe" else self._target)

    @property
    def value_outcome(self) -> str:
        """What stands for value: its sum, or events where the log carries none.

        Raises
        ------
        ConfigError
            If the split of the log cannot judge it.
        """
        if not self.outcomes:
            raise ConfigError(
                "the split of this log cannot judge future value",
                where="goal",
                mend="choose another goal, or set splits.method to time",
            )
        return "future_value" if "future_value" in self.outcomes else "future_events"

    @cached_property
    def _target(self) -> npt.NDArray[np.object_]:
        """The goal's target, one value an active user; numbers in fifths, so that guessing them is a class too."""
        name = target_of(self.phases.config.goal)
        assert name is not None
        (target,) = [each for each in self.phases.config.targets if each.name == name]
        if target.of in ("value", "events"):
            outcome = "future_value" if target.of == "value" else "future_events"
            if outcome not in self.outcomes:
                raise ConfigError(
                    f"the split of this log cannot judge target {name}", where="goal", mend="choose another goal"
                )
            return _fifths(self.outcomes[outcome])
        values = self.phases.targets[name][self.active]
        known = np.array([value is not None for value in values])
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values[known]):
            numbers = np.full(len(values), np.nan)
            numbers[known] = values[known].astype(np.float64)
            return _fifths(numbers) if len(np.unique(numbers[known])) > MOST_CLASSES else values
        return values

    @cached_property
    def _readable(self) -> npt.NDArray[np.float64]:
        return np.asarray(self.phases.readable(self.phase)[self.active], dtype=np.float64)

    def _lift(self, labels: Labels) -> dict[str, float]:
        ours, base = self.lists(labels)[1]["ndcg"], self.popularity["ndcg"]
        judged = np.isfinite(ours) & np.isfinite(base)
        if not judged.any() or base[judged].mean() <= 0:
            return {}
        mean = base[judged].mean()
        return {
            "lift": float(ours[judged].mean() / mean),
            "lift_se": float((ours - base)[judged].std() / np.sqrt(judged.sum()) / mean),
        }

    def _explained(self, labels: Labels, outcome: str) -> tuple[float, float]:
        found = explained_variance(labels, self.outcomes[outcome], repeats=RESAMPLES, seed=self.seed)
        return float(found.value), float(found.high - found.low) / (2 * 1.96)

    def figure(self, name: str, labels: Labels) -> dict[str, float]:
        """Return a figure beside ``lift`` and ``probe``, with its standard error (``NAME_se``)."""
        if name == "readability":
            return _told(name, readability(self._readable, labels, self.seed))
        if name == "target":
            return _told(name, probe_groups(labels, self._target, self.seed))
        outcome = self.value_outcome if name == "value" else "retained"
        value, error = self._explained(labels, outcome)
        return {name: value, f"{name}_se": error}


def _told(name: str, found: Probe) -> dict[str, float]:
    return {name: float(found.value), f"{name}_se": float(found.se)}


def _fifths(values: PerUser) -> npt.NDArray[np.object_]:
    known = np.isfinite(values)
    classes = np.full(len(values), None, dtype=object)
    edges = np.unique(np.quantile(values[known], [0.2, 0.4, 0.6, 0.8])) if known.any() else np.empty(0)
    classes[known] = [f"{code}" for code in np.searchsorted(edges, values[known], side="left")]
    return classes
