"""A shallow tree that says in rules which users are in which segment, and how well that works on others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fenqun.explanation.readable import Array, Readable
from fenqun.schema import RuleCondition, SegmentRule

Ints = NDArray[np.int64]

MOST = 20_000
"""Users that rules are learned on and judged by."""

_HELD = (1, 4, 7)  # of ten users of a segment, those that judge
_LEAST_LEAF = 0.005  # share of the learning users that a leaf must hold
_GAIN = 0.001  # least fall of impurity for which a rule grows longer


@dataclass(frozen=True)
class Leaf:
    """Users between bounds, and the segment that the tree gives them.

    Attributes
    ----------
    bounds
        Index of a feature to (above, at most); infinite where there is none.
    segment
        Index of the segment.
    """

    bounds: dict[int, tuple[float, float]]
    segment: int

    def holds(self, values: Array) -> NDArray[np.bool_]:
        """Return which of ``(n, p)`` users lie within the bounds."""
        inside = np.ones(len(values), dtype=bool)
        for j, (low, high) in self.bounds.items():
            inside &= (values[:, j] > low) & (values[:, j] <= high)
        return inside


@dataclass(frozen=True)
class RuleTree:
    """A tree as its leaves, whose thresholds are the round numbers that a sentence says.

    Attributes
    ----------
    leaves
        Apart from each other; together they hold every user.
    """

    leaves: list[Leaf]

    def predict(self, values: Array) -> Ints:
        """Return the segment of each of ``(n, p)`` users."""
        found = np.zeros(len(values), dtype=np.int64)
        for leaf in self.leaves:
            found[leaf.holds(values)] = leaf.segment
        return found


def held_out_users(labels: Ints, seed: int, most: int = MOST) -> tuple[Ints, Ints]:
    """Return the users to learn on and the three in ten of each segment to judge by.

    Parameters
    ----------
    labels
        ``(n,)`` segments.
    seed
        Of the draw, which goes by the order of users.
    most
        Users at most, of all together.
    """
    order = np.random.default_rng([seed, len(labels)]).permutation(len(labels))[:most]
    order = order[np.argsort(labels[order], kind="stable")]
    sizes = np.bincount(labels[order])
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    judges = np.isin(place % 10, _HELD)
    return np.sort(order[~judges]), np.sort(order[judges])


def grow_rules(values: Array, labels: Ints, depth: int, seed: int) -> RuleTree:
    """Grow a tree with balanced segments and say its thresholds in round numbers.

    Segments count alike, whatever their size, so that small ones get a rule too. A threshold of a whole number is
    rounded down, another one to two digits; siblings that then say the same become one leaf.

    Parameters
    ----------
    values
        ``(n, p)`` readable features.
    labels
        ``(n,)`` segments.
    depth
        Longest rule, in conditions.
    seed
        Of ties between features.
    """
    from sklearn.tree import DecisionTreeClassifier

    if not values.shape[1]:
        return RuleTree([Leaf({}, int(np.bincount(labels).argmax()))])
    grown: Any = DecisionTreeClassifier(
        max_depth=depth,
        min_samples_leaf=max(3, int(_LEAST_LEAF * len(labels))),
        min_impurity_decrease=_GAIN,
        class_weight="balanced",
        random_state=seed,
    ).fit(values, labels)
    whole = (values == np.floor(values)).all(axis=0)
    return RuleTree(_leaves(grown.tree_, grown.classes_, whole, 0, {}))


def _leaves(
    tree: Any, classes: Ints, whole: NDArray[np.bool_], node: int, bounds: dict[int, tuple[float, float]]
) -> list[Leaf]:
    if tree.children_left[node] < 0:
        return [Leaf(bounds, int(classes[int(tree.value[node][0].argmax())]))]
    j = int(tree.feature[node])
    low, high = bounds.get(j, (-math.inf, math.inf))
    cut = round_threshold(float(tree.threshold[node]), bool(whole[j]))
    below = _leaves(tree, classes, whole, int(tree.children_left[node]), {**bounds, j: (low, min(high, cut))})
    over = _leaves(tree, classes, whole, int(tree.children_right[node]), {**bounds, j: (max(low, cut), high)})
    if len(below) == len(over) == 1 and below[0].segment == over[0].segment:
        return [Leaf(bounds, below[0].segment)]
    return [leaf for leaf in below + over if all(lo < hi for lo, hi in leaf.bounds.values())]


def round_threshold(threshold: float, whole: bool) -> float:
    """Return a threshold as a sentence says it.

    >>> round_threshold(12.5, True), round_threshold(0.12345, False), round_threshold(1234.5, False)
    (12.0, 0.12, 1200.0)
    """
    if whole:
        return float(math.floor(threshold))
    return float(f"{threshold:.2g}")


def rules_of(
    tree: RuleTree, readable: Readable, labels: Ints, judged: Ints, segment_ids: Sequence[str]
) -> list[SegmentRule]:
    """Return the tree's rules by segment, with how many held-out users each finds and how often it is right.

    Parameters
    ----------
    tree
        Grown on other users than ``judged``.
    readable, labels
        Of all users.
    judged
        Users that judge.
    segment_ids
        Ids of the segments.
    """
    rules = [
        _judged(leaf, readable, labels[judged], judged, leaf.segment, segment_ids[leaf.segment], "tree")
        for leaf in tree.leaves
    ]
    place = {segment: i for i, segment in enumerate(segment_ids)}
    return sorted(rules, key=lambda rule: (place[rule.segment_id], -(rule.recall or 0.0)))


def rules_alone(
    readable: Readable,
    labels: Ints,
    learned: Ints,
    judged: Ints,
    segment_ids: Sequence[str],
    depth: int,
    seed: int,
) -> list[SegmentRule]:
    """Return one rule a segment that tells it from everyone else: the best leaf of a tree of its own.

    One tree has sixteen leaves at depth four, so that among many segments some get none and others share the room;
    here each is told alone. The best leaf has the highest F1 among the users that it was learned on.
    """
    rules = []
    values = readable.values[learned]
    for g, segment in enumerate(segment_ids):
        inside = (labels[learned] == g).astype(np.int64)
        if inside.any() and not inside.all():
            leaves = grow_rules(values, inside, depth, seed).leaves
            best = max(leaves, key=lambda leaf: (round(_f1(leaf.holds(values), inside), 9), -len(leaf.bounds)))
            rules.append(_judged(best, readable, labels[judged], judged, g, segment, "alone"))
    return rules


def _f1(told: NDArray[np.bool_], truth: Ints) -> float:
    return 2 * float(truth[told].sum()) / max(float(told.sum() + truth.sum()), 1.0)


def _judged(
    leaf: Leaf,
    readable: Readable,
    truth: Ints,
    judged: Ints,
    g: int,
    segment: str,
    source: Literal["tree", "alone"],
) -> SegmentRule:
    inside = leaf.holds(readable.values[judged])
    right, size = int((truth[inside] == g).sum()), int((truth == g).sum())
    return SegmentRule(
        segment_id=segment,
        source=source,
        conditions=[_condition(readable, j, *bounds) for j, bounds in leaf.bounds.items()],
        users=int(inside.sum()),
        precision=round(right / int(inside.sum()), 6) if inside.any() else None,
        recall=round(right / size, 6) if size else None,
    )


def _condition(readable: Readable, j: int, low: float, high: float) -> RuleCondition:
    return RuleCondition(
        kind=readable.kinds[j],
        feature=readable.features[j],
        above=low if math.isfinite(low) else None,
        at_most=high if math.isfinite(high) else None,
    )
