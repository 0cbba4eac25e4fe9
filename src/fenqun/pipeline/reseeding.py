"""What another seed leaves of the published segments: how many people stay together, and how many ids survive."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fenqun.schema import Metric
from fenqun.segmentation.clusterers.base import Clusterer
from fenqun.segmentation.identity import Grouping, seed_agreement
from fenqun.segmentation.rule import Floats
from fenqun.segmentation.segmentation import Segmentation

SEEDS = 3
"""Fits with other seeds."""

_PROTOCOL = "the published clusterer fitted to the same vectors with other seeds; mean of 3"


def reseeded(
    fit: Callable[[Floats, int], Clusterer], published: Segmentation, X: Floats, seed: int
) -> list[Metric]:
    """Fit the published clusterer with other seeds and match what comes to the published segments.

    Parameters
    ----------
    fit
        Takes features and a seed.
    published
        The segments, in the space of ``X``.
    X
        (n, d) features of the users.
    seed
        Of the run; the others follow it.

    Returns
    -------
    list of Metric
        ``published.new_seed_ari``: mean adjusted Rand index; ``published.new_seed_ids``: mean share of the ids that survive.
    """
    first = Grouping(published.ids, published.rule.labels(X), X, published.centroids)
    fitted = (Segmentation.from_clusterer(fit(X, seed + step), X) for step in range(1, SEEDS + 1))
    again = [Grouping(one.ids, one.rule.labels(X), X, one.centroids) for one in fitted]
    found = seed_agreement(first, again)
    return [
        Metric(
            name="published.new_seed_ari",
            value=float(np.mean([one.agreement for one in found])),
            n=len(X),
            protocol=_PROTOCOL,
        ),
        Metric(
            name="published.new_seed_ids",
            value=float(np.mean([one.survived / one.k for one in found])),
            n=len(X),
            protocol=_PROTOCOL,
        ),
    ]
