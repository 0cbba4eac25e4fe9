"""Go on from an earlier segmentation, so that users who did not change stay where they are.

A refit from scratch finds another of many cuts that are equally good, and moves people for no reason of theirs. A refresh
keeps the earlier choice (clusterer and number of segments) unless validation time speaks clearly against it, and moves the
earlier centroids by one step of Lloyd's algorithm: to the mean of the users whom they take in. More steps move more users
and gain almost nothing; none lets the segments lag behind the people (figures: docs/decisions/identity.md).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fenqun.segmentation.clusterers.base import Clusterer
from fenqun.segmentation.clusterers.kmeans import settle_centres
from fenqun.segmentation.rule import Floats, euclidean_rule, means
from fenqun.segmentation.segmentation import Segmentation
from fenqun.segmentation.selection import Selection, Trial

CLEARLY = 2.0
"""Standard errors by which the best trial must lead before the earlier choice is given up."""

SLACK = 0.05
"""Share by which spread within segments may exceed that of a fit from scratch."""

_NEAREST_CENTROID = ("kmeans", "minibatch_kmeans", "ward")
"""Clusterers whose segments are centroids and nothing else, whatever found them."""


class Continued(Clusterer):
    """One step of Lloyd's algorithm from given centroids, (k, d); a centroid that nobody is nearest to is dropped."""

    def __init__(self, centroids: Floats, *, seed: int = 0, threads: int = 1) -> None:
        self.centroids = centroids
        self.seed = seed
        self.threads = threads

    def _fit(self, X: Floats) -> None:
        centroids = np.asarray(self.centroids, dtype=np.float64)
        labels = euclidean_rule(X, np.zeros(len(X), dtype=np.int64), centroids).labels(X)
        taken = np.unique(labels)
        settle_centres(self, X, means(X, labels, len(centroids))[taken])


@dataclass(frozen=True)
class Going:
    """A clusterer to publish, and how it came about.

    Attributes
    ----------
    clusterer
        Fitted.
    way
        ``continued``: from the earlier centroids; ``fresh``: from scratch.
    why
        Code: ``near`` (continued), ``choice`` (another clusterer or number of segments), ``shape`` (the earlier segments
        are no centroids), ``small`` (a segment would be below the least size), ``spread`` (segments would be wider than
        those from scratch by more than :data:`SLACK`).
    spread
        Mean squared distance to the centroid over that of the fit from scratch, where both were made.
    """

    clusterer: Clusterer
    way: str
    why: str
    spread: float | None = None


def is_choice(trial: Trial, earlier: Segmentation) -> bool:
    """Whether a trial is the clusterer and the settings that an earlier segmentation came from."""
    return trial.clusterer == earlier.clusterer and _plain(trial.parameters) == _plain(earlier.parameters)


def keep_choice(selection: Selection, earlier: Segmentation, order: Sequence[str]) -> Selection:
    """Return the selection with the earlier choice in the first place, unless it is clearly worse.

    It stays where it passed the gates and its first figure lies at most :data:`CLEARLY` standard errors below that of
    the trial chosen on its own merits.

    Parameters
    ----------
    selection
        Trials on validation time; the earlier choice is one of them where the settings still offer it.
    earlier
        The segmentation to go on from.
    order
        Figures that ranked the trials, the first first.
    """
    chosen = selection.chosen
    place = next((i for i, trial in enumerate(selection.trials) if is_choice(trial, earlier)), None)
    if place is None or selection.trials[place] is chosen:
        return selection
    trial = selection.trials[place]
    figure = next((name for name in order if math.isfinite(chosen.metrics.get(name, math.nan))), None)
    if trial.verdict == "rejected" or figure is None or not _asked_for(trial, selection.trials):
        return selection
    best, value = chosen.metrics[figure], trial.metrics.get(figure, math.nan)
    error = chosen.metrics.get(f"{figure}_se", math.nan)
    error = error if math.isfinite(error) else 0.0
    if not value >= best - CLEARLY * error:
        return selection
    kept = replace(
        trial,
        verdict="chosen",
        why=f"the earlier run's choice stays: {figure} {value:.4g} is not clearly below {best:.4g}",
    )
    trials = tuple(
        kept
        if one is trial
        else replace(one, verdict="lost", why="the earlier run's choice stays")
        if one is chosen
        else one
        for one in selection.trials
    )
    return replace(selection, trials=trials, chosen=kept, marked=False)


def go_on(
    earlier: Segmentation | None, centroids: Floats, selection: Selection, X: Floats, least: int, *, seed: int
) -> Going:
    """Fit the chosen clustering, from the earlier centroids where that does the data justice.

    Parameters
    ----------
    earlier
        The segmentation to go on from; None: it was of another strategy, and nothing of it is kept but ids.
    centroids
        (k, d) its centroids in the space of ``X``.
    selection
        What was chosen.
    X
        (n, d) features of users.
    least
        Users in the smallest segment.
    seed
        Of a fit from scratch.
    """
    fresh = selection.refit(X, seed=seed, threads=1)
    if earlier is None or not is_choice(selection.chosen, earlier):
        return Going(fresh, "fresh", "choice")
    if selection.chosen.clusterer not in _NEAREST_CENTROID:
        return Going(fresh, "fresh", "shape")
    continued = Continued(centroids, seed=seed).fit(X)
    spread = _spread(continued, X) / max(_spread(fresh, X), np.finfo(float).tiny)
    if np.bincount(continued.labels_).min() < min(least, np.bincount(fresh.predict(X)).min()):
        return Going(fresh, "fresh", "small", spread)
    if spread > 1.0 + SLACK:
        return Going(fresh, "fresh", "spread", spread)
    return Going(continued, "continued", "near", spread)


def _asked_for(trial: Trial, trials: Sequence[Trial]) -> bool:
    asked = [one.asked for one in trials if one.asked is not None]
    return trial.asked is not None or not asked or min(asked) <= trial.k <= max(asked)


def _spread(clusterer: Clusterer, X: Floats) -> float:
    gaps = X - clusterer.centroids_[clusterer.predict(X)]
    return float(np.square(gaps).sum(axis=1).mean())


def _plain(parameters: dict[str, object]) -> str:
    """Parameters as they read back from JSON."""
    return json.dumps(parameters, sort_keys=True)
