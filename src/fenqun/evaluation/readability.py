"""Readability: whether a short list of rules on plain features tells the segments apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.agreement import dense
from fenqun.evaluation.probes import Probe

LEAVES = 2
"""Leaves of the tree for each segment: a card has room for about two rules."""

MOST = 4_000
"""Users that a tree is grown on and judged by."""


def readability(features: npt.ArrayLike, labels: npt.ArrayLike, seed: int = 0, folds: int = 3) -> Probe:
    """Macro F1 of a shallow decision tree that guesses the segment from plain features, cross-validated.

    A tree with :data:`LEAVES` leaves a segment is what a person could keep in mind (as in Dasgupta et al. 2020,
    "Explainable k-means clustering", where a tree has one leaf a cluster). It is grown with balanced classes, so that small
    segments count as much as large ones.

    Parameters
    ----------
    features
        (n, d): aggregates and shares that a card could name; NaN where unknown.
    labels
        (n,): segments.
    seed, folds
        Of the draw of users, and of the cross-validation.

    Returns
    -------
    Probe
        1: every user's segment can be told by the rules; NaN where there are fewer users than folds, or one segment.
    """
    from sklearn.metrics import f1_score
    from sklearn.model_selection import KFold
    from sklearn.tree import DecisionTreeClassifier

    rows = np.nan_to_num(np.asarray(features, dtype=np.float32), nan=-1.0)
    segment, k = dense(np.asarray(labels))
    generator = np.random.default_rng([seed, len(rows)])
    kept = np.sort(generator.permutation(len(rows))[:MOST])
    rows, segment = rows[kept], segment[kept]
    if k < 2 or len(kept) < 2 * folds:
        return Probe(float("nan"), float("nan"), len(kept), "accuracy")
    tree: Any = DecisionTreeClassifier(max_leaf_nodes=LEAVES * k, class_weight="balanced", random_state=seed)
    found = []
    for learn, judge in KFold(folds, shuffle=True, random_state=seed).split(rows):
        told = tree.fit(rows[learn], segment[learn]).predict(rows[judge])
        found.append(f1_score(segment[judge], told, average="macro", zero_division=0.0))
    figures = np.array(found)
    return Probe(float(figures.mean()), float(figures.std(ddof=1) / np.sqrt(folds)), len(kept), "accuracy")
