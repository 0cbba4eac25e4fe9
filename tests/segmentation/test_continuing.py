"""Going on from earlier segments: they stay where that does the data justice, and only there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fenqun.segmentation.clusterers.kmeans import KMeans
from fenqun.segmentation.continuing import Continued, go_on, is_choice, keep_choice
from fenqun.segmentation.segmentation import Segmentation
from fenqun.segmentation.selection import Selection, Trial

ORDER = ("lift", "probe")


def trial(k: int, lift: float, verdict: str = "lost", **more: Any) -> Trial:
    metrics = {"lift": lift, "lift_se": 0.01}
    return Trial("kmeans", {"n_clusters": k, "n_init": 5, "max_iter": 300}, k, k, metrics, verdict=verdict, **more)


def selection(*trials: Trial) -> Selection:
    (chosen,) = [one for one in trials if one.verdict == "chosen"]
    return Selection(trials, chosen, False, "learned", "pca")


def segments(X: np.ndarray, k: int) -> Segmentation:
    clusterer = KMeans(k, seed=1).fit(X)
    parameters = {"n_clusters": k, "n_init": 5, "max_iter": 300}
    return Segmentation.from_clusterer(clusterer, X, name="kmeans", parameters=parameters)


@pytest.mark.parametrize(("lift", "k"), [(1.0, 6), (0.981, 6), (0.979, 4)])
def test_the_earlier_choice_stays_unless_clearly_worse(continuum: np.ndarray, lift: float, k: int) -> None:
    kept = keep_choice(selection(trial(4, 1.0, "chosen"), trial(6, lift)), segments(continuum, 6), ORDER)
    assert kept.chosen.k == k
    assert [one.verdict for one in kept.trials].count("chosen") == 1
    assert ("earlier run's choice" in kept.chosen.why) == (k == 6)


def test_a_choice_that_fails_or_is_not_offered_is_given_up(continuum: np.ndarray) -> None:
    earlier = segments(continuum, 6)
    for trials in ([trial(4, 1.0, "chosen"), trial(6, 1.0, "rejected")], [trial(4, 1.0, "chosen"), trial(8, 1.0)]):
        assert keep_choice(selection(*trials), earlier, ORDER).chosen.k == 4


def test_without_a_figure_the_new_choice_stands(continuum: np.ndarray) -> None:
    nan = float("nan")
    assert (
        keep_choice(selection(trial(4, nan, "chosen"), trial(6, nan)), segments(continuum, 6), ORDER).chosen.k == 4
    )


def test_nobody_moves_without_a_reason(continuum: np.ndarray) -> None:
    earlier = segments(continuum, 6)
    going = go_on(earlier, earlier.centroids, selection(trial(6, 1.0, "chosen")), continuum, 5, seed=9)
    assert (going.way, going.why) == ("continued", "near")
    assert np.array_equal(going.clusterer.predict(continuum), earlier.assign(continuum).labels)


def test_what_makes_a_fresh_fit(blobs: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = blobs
    earlier = segments(X, 6)
    chosen = selection(trial(6, 1.0, "chosen"))
    assert go_on(None, earlier.centroids, chosen, X, 5, seed=0).why == "choice"
    assert go_on(earlier, earlier.centroids, selection(trial(5, 1.0, "chosen")), X, 5, seed=0).why == "choice"
    off = earlier.centroids.copy()
    off[5] = off[0] + 0.1  # two centres in one group, none in another
    assert go_on(earlier, off, chosen, X, 5, seed=0).why == "spread"
    far = earlier.centroids.copy()
    far[5] = 1e6
    assert len(Continued(far).fit(X).centroids_) == 5
    lonely = earlier.centroids.copy()
    lonely[5] = X[0]
    assert go_on(earlier, lonely, chosen, X, 30, seed=0).why in ("small", "spread")


def test_parameters_are_compared_as_they_are_stored(continuum: np.ndarray) -> None:
    earlier = segments(continuum, 6)
    assert is_choice(trial(6, 1.0), earlier) and not is_choice(trial(5, 1.0), earlier)
