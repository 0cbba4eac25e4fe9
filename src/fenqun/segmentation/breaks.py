"""One-dimensional k-means, solved exactly: where to cut a line of numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fenqun.segmentation.rule import Floats, Ints

Cost = Callable[[Ints, Ints], Floats]


def kmeans_breaks(values: npt.ArrayLike, k: int) -> Floats:
    """Cut numbers into k groups of least squared distance to their means, the optimum over all cuts.

    Groups of an optimum are intervals, so that dynamic programming over sorted numbers finds it (Wang and Song 2011,
    Ckmeans.1d.dp, The R Journal 3/2). The first number of the last group never moves down as numbers are added, hence
    each group is found by divide and conquer over the places of its end: O(k n log n), here for all places of one
    depth at once. Equal numbers stay together, and nothing depends on the order of rows or on chance.

    Parameters
    ----------
    values
        Shape (n,), finite, n at least 1.
    k
        At least 1; fewer groups come out where there are fewer distinct numbers.

    Returns
    -------
    ndarray
        Ascending cuts, one fewer than groups, halfway between two groups: a number at or above a cut is above it.

    Examples
    --------
    >>> kmeans_breaks([1, 2, 10, 11, 12, 50], 3).tolist()
    [6.0, 31.0]
    """
    x, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    k = min(k, len(x))
    cost = _squares(x, counts)
    everything = np.arange(len(x))
    least = cost(np.zeros(len(x), dtype=np.int64), everything)
    starts = []
    for group in range(1, k):
        least, start = _next_group(least, cost, group)
        starts.append(start)
    cuts, end = [], len(x) - 1
    for start in reversed(starts):
        first = int(start[end])
        middle = (x[first - 1] + x[first]) / 2
        cuts.append(middle if middle > x[first - 1] else x[first])
        end = first - 1
    return np.asarray(cuts[::-1], dtype=np.float64)


def _squares(x: Floats, counts: Ints) -> Cost:
    """Return the squared distances of the sorted numbers first..last to their mean, as a function of both ends."""
    mean = np.average(x, weights=counts)
    scale = float(np.abs(x - mean).max()) or 1.0
    z = (x - mean) / scale  # so that squares of large numbers keep their digits
    mass, total, squares = (
        np.concatenate([[0.0], np.cumsum(column)]) for column in (counts, counts * z, counts * z**2)
    )

    def cost(first: Ints, last: Ints) -> Floats:
        n = mass[last + 1] - mass[first]
        spread = squares[last + 1] - squares[first] - (total[last + 1] - total[first]) ** 2 / n
        return np.asarray(np.maximum(spread, 0.0))

    return cost


def _next_group(before: Floats, cost: Cost, group: int) -> tuple[Floats, Ints]:
    """Add a group: least cost of the numbers up to each place, and where the last group then starts.

    ``before`` is the least cost with ``group`` groups. Level costs go to the earliest start.
    """
    n = len(before)
    least, start = np.full(n, np.inf), np.full(n, group, dtype=np.int64)
    low, high = np.asarray([group]), np.asarray([n - 1])  # places still to be solved
    left, right = np.asarray([group]), np.asarray([n - 1])  # where their last group may start
    while len(low):
        place = (low + high) // 2
        sizes = np.minimum(place, right) - left + 1
        offsets = np.cumsum(sizes) - sizes
        owner = np.repeat(np.arange(len(place)), sizes)
        first = np.arange(len(owner)) - offsets[owner] + left[owner]
        total = before[first - 1] + cost(first, place[owner])
        least[place] = np.minimum.reduceat(total, offsets)
        best = np.flatnonzero(total == least[place][owner])
        start[place] = first[best[np.unique(owner[best], return_index=True)[1]]]
        below, above = low < place, place < high
        low, high, left, right = (
            np.concatenate([low[below], place[above] + 1]),
            np.concatenate([place[below] - 1, high[above]]),
            np.concatenate([left[below], start[place][above]]),
            np.concatenate([start[place][below], right[above]]),
        )
    return least, start
