"""How segments are joined and divided, and in how many: geometry proposes, held-out time decides.

Joining is Ward's method on the segments' centroids, each weighing as much as its users, so that a merge costs what it costs
the users themselves (Ward 1963; weighted as by Murtagh and Contreras 2012). Dividing is k-means within one segment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fenqun.segmentation.clusterers.kmeans import KMeans
from fenqun.segmentation.clusterers.ward import cut_tree, ward_tree
from fenqun.segmentation.rule import Floats, Ints

LEAST_SEGMENTS = 6
"""Segments from which on macro-segments are looked for: with fewer, the list is short enough to read."""

PART_COUNTS = (2, 3, 4)
"""Numbers of parts that a segment may be divided into; the first says whether it is divided at all."""

LARGE = 4
"""Least sizes that a segment must hold to be divided."""

CHANCE = 0.05
"""Chance of any division at all where none means anything, over all segments together."""


@dataclass(frozen=True)
class Gain:
    """Mean of a paired difference over users, its standard error, and the users behind it."""

    mean: float
    error: float
    n: int

    @classmethod
    def of(cls, differences: NDArray[Any]) -> Gain:
        """Summarise differences, one a user; NaN where the user is not judged."""
        known = differences[np.isfinite(differences)]
        if len(known) < 2:
            return cls(math.nan, math.nan, len(known))
        return cls(float(known.mean()), float(known.std(ddof=1) / math.sqrt(len(known))), len(known))

    def above_zero(self, z: float) -> bool:
        """Whether the lower end of the interval, ``z`` standard errors below the mean, lies above zero."""
        return self.error > 0 and self.mean - z * self.error > 0


def join(centroids: Floats, sizes: Ints, groups: int) -> Ints:
    """Join segments by Ward's method.

    Parameters
    ----------
    centroids
        (k, d) of the segments.
    sizes
        (k,) users in each.
    groups
        Macro-segments to end with, at most k.

    Returns
    -------
    ndarray
        (k,) group of each segment, the one with most users first, ties by their first segment.
    """
    cut = cut_tree(ward_tree(np.asarray(centroids, dtype=np.float64), sizes.astype(np.float64)), groups)
    users = np.bincount(cut, weights=sizes, minlength=groups)
    order = sorted(range(groups), key=lambda g: (-users[g], int(np.flatnonzero(cut == g)[0])))
    place = np.empty(groups, dtype=np.int64)
    place[order] = np.arange(groups)
    return np.asarray(place[cut], dtype=np.int64)


def divide(X: Floats, counts: Sequence[int], seed: int) -> dict[int, Floats]:
    """Divide the users of one segment by k-means.

    Parameters
    ----------
    X
        (n, d) of its users.
    counts
        Numbers of parts to try.
    seed
        Of the run.

    Returns
    -------
    dict
        (p, d) centroids by the number of parts p, the largest part first, ties by content; numbers that the rows cannot fill
        are left out.
    """
    # Rows in an order of their own content, so that what k-means starts from does not hang on the order of users.
    rows = X[np.lexsort(np.round(X, 9).T[::-1])]
    found = {}
    for fitted in KMeans.fit_many([KMeans(p, seed=seed) for p in counts if p <= len(rows)], rows):
        if fitted.n_clusters_ == fitted.n_clusters:
            sizes = np.bincount(fitted.predict(rows), minlength=fitted.n_clusters)
            content = [tuple(np.round(row, 9) + 0.0) for row in fitted.centroids_]
            order = sorted(range(len(sizes)), key=lambda s: (-sizes[s], content[s]))
            found[fitted.n_clusters] = fitted.centroids_[order]
    return found


def choose_groups(scores: Mapping[int, NDArray[Any]], earlier: int | None = None) -> int | None:
    """Choose the number of macro-segments: where more of them begin to gain less than segments do on average.

    Parameters
    ----------
    scores
        By number of groups, one score a user on held-out time, higher is better, NaN where the user is not judged; among them
        those of one group (the smallest number) and of the segments themselves (the largest), which are not chosen.
    earlier
        The number in the run before, which stays where it is level: its excess within one standard error of the best.

    Returns
    -------
    int or None
        The number whose mean lies highest above the straight line from one group to the segments; None where nobody is
        judged or there is none between.

    Notes
    -----
    The knee of Satopää et al. (2011, Finding a "Kneedle" in a haystack, section III). The one-standard-error rule, which chooses the
    segments, would not do: finer groups gain all the way to the segments, so it ends at the most that are offered.
    """
    lowest, highest = min(scores, default=0), max(scores, default=0)
    inside = [groups for groups in sorted(scores) if lowest < groups < highest]
    means = {groups: Gain.of(values).mean for groups, values in scores.items()}
    if not inside or not all(math.isfinite(mean) for mean in means.values()):
        return None
    slope = (means[highest] - means[lowest]) / (highest - lowest)
    excess = {groups: means[groups] - slope * (groups - lowest) for groups in inside}
    best = max(inside, key=lambda groups: (excess[groups], -groups))
    if earlier in excess:
        error = Gain.of(scores[best] - scores[earlier]).error
        return earlier if excess[best] - excess[earlier] <= error else best
    return best


def pays(over_whole: Gain, over_lot: Gain, tests: int) -> bool:
    """Whether two parts are better than the segment as a whole, and than two parts drawn by lot.

    Parameters
    ----------
    over_whole, over_lot
        Gains on held-out time.
    tests
        Segments that are looked at: the chance of error is shared among them (Bonferroni), so that where no division means
        anything, none is made in 95 of 100 runs.
    """
    from scipy.stats import norm

    z = float(norm.isf(CHANCE / max(tests, 1)))
    return over_whole.above_zero(z) and over_lot.above_zero(z)


def choose_parts(gains: Mapping[int, Gain], earlier: int | None = None) -> int:
    """Choose into how many parts a segment is divided whose division pays.

    Parameters
    ----------
    gains
        By number of parts, the gain over the segment as a whole on held-out time.
    earlier
        The number in the run before, which stays where it is level.

    Returns
    -------
    int
        The smallest number whose gain is within one standard error of the best.
    """
    best = max(gains.values(), key=lambda gain: gain.mean)
    level = [parts for parts, gain in gains.items() if gain.mean >= best.mean - best.error]
    return earlier if earlier in level else min(level)
