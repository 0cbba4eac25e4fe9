"""Whether a level above or below the segments pays on held-out time, and how much."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from fenqun.evaluation.intervals import Z
from fenqun.pipeline.judging import Labels, PerUser, PhaseJudge
from fenqun.segmentation.hierarchy import nearest
from fenqun.segmentation.levels import PART_COUNTS, Gain, choose_groups, choose_parts, divide, join, pays
from fenqun.segmentation.rule import Floats, Ints, means

LOTS = 3
"""Drawings of groups by lot within the coarser level."""


@dataclass(frozen=True)
class Fit:
    """Users of a phase: their features, the published segment of each, and what judges them.

    Attributes
    ----------
    X
        (n, d) features of the phase's active users.
    labels
        (n,) index of each user's segment.
    judge
        Of the phase.
    """

    X: Floats
    labels: Ints
    judge: PhaseJudge


@dataclass(frozen=True)
class MacroChoice:
    """How many macro-segments: ``groups`` is None where there are none, and ``why`` a code.

    ``why`` is ``knee`` (more groups gain little more), ``no_gain`` (no better than groups drawn by lot), ``unjudged``.
    ``tried`` holds the mean score by number of groups, ``gain`` that over groups drawn by lot.
    """

    groups: int | None
    why: str
    tried: dict[int, float]
    gain: Gain | None = None


@dataclass(frozen=True)
class Advantage:
    """By how much finer groups are better, one figure a user: than coarser ones, and than lots drawn within these."""

    over_whole: PerUser
    over_lot: PerUser


def advantage(judge: PhaseJudge, finer: Labels, coarser: Labels, base: PerUser, seed: int) -> Advantage:
    """Compare groups with the coarser ones that they divide.

    Parameters
    ----------
    judge
        Of the phase that the groups were not fitted on.
    finer, coarser
        (n,) each.
    base
        (n,) scores of ``coarser``.
    seed
        Of the lots: permutations of ``finer`` within each group of ``coarser``. Where people repeat themselves, a list of a
        smaller group holds more of each user's own past, for no merit of how the group was drawn.
    """
    scores = judge.scores(finer)
    random = np.random.default_rng([seed, 23])
    members = [np.flatnonzero(coarser == group) for group in np.unique(coarser)]
    lots = np.zeros(len(scores))
    for _ in range(LOTS):
        drawn = np.array(finer)
        for rows in members:
            drawn[rows] = finer[random.permutation(rows)]
        lots += judge.scores(drawn)
    return Advantage(scores - base, scores - lots / LOTS)


def choose_macro(fit: Fit, seed: int, earlier: int | None = None) -> MacroChoice:
    """Choose the number of macro-segments on the phase that settings are chosen on.

    Two to half as many as there are segments are tried, beside one group and the segments themselves; the knee wins, if it is
    better than groups drawn by lot.
    """
    k = int(fit.labels.max()) + 1
    sizes, centroids = _places(fit, k)
    owners = {groups: join(centroids, sizes, groups) for groups in (*range(1, k // 2 + 1), k)}
    scores = {groups: fit.judge.scores(owner[fit.labels]) for groups, owner in owners.items()}
    tried = {groups: round(float(Gain.of(values).mean), 6) for groups, values in scores.items()}
    groups = choose_groups(scores, earlier)
    if groups is None:
        return MacroChoice(None, "unjudged", {})
    gain = macro_gain(fit, owners[groups], seed)
    found = gain.above_zero(Z)
    return MacroChoice(groups if found else None, "knee" if found else "no_gain", tried, gain)


def macro_gain(fit: Fit, owner: Ints, seed: int) -> Gain:
    """Return what macro-segments gain over groups of their sizes drawn by lot."""
    everyone = np.zeros(len(fit.labels), dtype=np.int64)
    found = advantage(fit.judge, owner[fit.labels], everyone, np.zeros(len(everyone)), seed)
    return Gain.of(found.over_lot)


def macro_owner(fit: Fit, groups: int) -> Ints:
    """Join the segments of a fit by the means of its users, (k,)."""
    k = int(fit.labels.max()) + 1
    sizes, centroids = _places(fit, k)
    return join(centroids, sizes, min(groups, k))


def choose_micro(
    fit: Fit, large: Labels, seed: int, least: int, earlier: dict[int, int]
) -> dict[int, tuple[int, Gain]]:
    """Choose into how many parts each large segment is divided, on the phase that settings are chosen on.

    Parameters
    ----------
    fit
        Features of that phase, under the published segments: both the whole and the parts are judged on the people whom
        the segment has, and the parts know nothing of the time that judges.
    large
        Segments to look at, by index.
    seed
        Of the run.
    least
        Users in the smallest part.
    earlier
        Number of parts in the run before, by segment.

    Returns
    -------
    dict
        By segment that is divided: the number of parts and the gain over the whole. Two parts say whether a segment is
        divided, their gain and that of more parts into how many.
    """
    found = {int(g): divide(fit.X[fit.labels == g], PART_COUNTS, seed) for g in large}
    if not found:
        return {}
    base = fit.judge.scores(fit.labels)

    def gains(parts: int, among: Collection[int]) -> dict[int, tuple[Gain, Gain]]:
        cut = {g: found[g][parts] for g in among if parts in found[g]}
        cut = {g: one for g, one in cut.items() if _smallest(fit, g, one) >= least}
        if not cut:
            return {}
        better = advantage(fit.judge, part_labels(fit, cut), fit.labels, base, seed)
        own = {g: fit.labels == g for g in cut}
        return {g: (Gain.of(better.over_whole[rows]), Gain.of(better.over_lot[rows])) for g, rows in own.items()}

    first, *further = PART_COUNTS
    tested = gains(first, list(found))
    passing = {g: {first: over} for g, (over, lot) in tested.items() if pays(over, lot, len(tested))}
    for parts in further:
        for g, (over, lot) in gains(parts, passing).items():
            if lot.mean > 0:
                passing[g][parts] = over
    chosen = {g: choose_parts(own, earlier.get(g)) for g, own in passing.items()}
    return {g: (parts, passing[g][parts]) for g, parts in chosen.items()}


def part_labels(fit: Fit, cut: dict[int, Floats]) -> Ints:
    """Return labels in which some segments are divided at the nearest of given centroids, (n,)."""
    width = max(PART_COUNTS)
    labels = fit.labels * width
    for g, centroids in cut.items():
        rows = np.flatnonzero(fit.labels == g)
        labels[rows] += nearest(fit.X[rows], centroids)
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def micro_gain(fit: Fit, counts: dict[int, int], seed: int) -> tuple[Gain, Gain]:
    """Return what the parts gain over their segments as wholes and over parts drawn by lot, for their users together.

    The parts are fitted anew on the phase's own features, in the numbers chosen before.
    """
    cut: dict[int, Floats] = {}
    for g, parts in counts.items():
        found = divide(fit.X[fit.labels == g], (parts,), seed)
        cut |= {g: found[parts]} if parts in found else {}
    finer = part_labels(fit, cut)
    better = advantage(fit.judge, finer, fit.labels, fit.judge.scores(fit.labels), seed)
    rows = np.isin(fit.labels, list(cut))
    return Gain.of(better.over_whole[rows]), Gain.of(better.over_lot[rows])


def _smallest(fit: Fit, segment: int, centroids: Floats) -> int:
    own = nearest(fit.X[fit.labels == segment], centroids)
    return int(np.bincount(own, minlength=len(centroids)).min())


def _places(fit: Fit, k: int) -> tuple[Ints, Floats]:
    return np.bincount(fit.labels, minlength=k).astype(np.int64), means(fit.X, fit.labels, k)
