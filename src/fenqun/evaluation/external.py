"""External metrics: segments against labels that nothing learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.agreement import (
    adjusted_rand,
    dense,
    encode,
    information_statistic,
    normalized_information,
    rand_statistic,
    tables,
)
from fenqun.evaluation.intervals import Floats, Ints, Statistic


@dataclass(frozen=True)
class External:
    """What labels say about segments.

    Attributes
    ----------
    precision, recall, f1
        Macro averages over the classes, of segments read as their majority class.
    nmi, ari
        Normalised mutual information and adjusted Rand index of segments and classes.
    n
        Users with a label.
    classes
        Users a class.
    """

    precision: float
    recall: float
    f1: float
    nmi: float
    ari: float
    n: int
    classes: dict[str, int]


def external_metrics(labels: npt.ArrayLike, truth: Any, seed: int = 0) -> External:
    """Judge segments by a label.

    Each half of the labelled users is read by the majority classes that the segments have in the
    other half, so that many small segments do not win by memory.

    Parameters
    ----------
    labels
        Shape (n_users,): segments.
    truth
        Shape (n_users,): classes of any type; None, NaN and empty are unknown.
    seed
        Of the halves.

    Returns
    -------
    External
        NaN where nobody has a label.
    """
    classes, names = encode(truth)
    groups, k = dense(labels)
    ones = np.ones((1, len(classes)))
    n = int((classes >= 0).sum())
    if not n:
        nothing = float("nan")
        return External(nothing, nothing, nothing, nothing, nothing, 0, {})
    table = tables(groups, classes, ones, (k, len(names)))
    read = mapped_classes(groups, classes, seed)
    precision, recall, f1 = _macro(tables(classes, read, ones, (len(names), len(names))))
    return External(
        precision=float(precision[0]),
        recall=float(recall[0]),
        f1=float(f1[0]),
        nmi=float(normalized_information(table)[0]),
        ari=float(adjusted_rand(table)[0]),
        n=n,
        classes={name: int((classes == code).sum()) for code, name in enumerate(names)},
    )


def external_statistics(
    labels: npt.ArrayLike, truth: Any, name: str, seed: int = 0
) -> dict[str, tuple[Statistic, int]]:
    """Return the figures of :func:`external_metrics` as statistics over users, for a comparison.

    Parameters
    ----------
    labels, truth
        As in :func:`external_metrics`.
    name
        Name of the label.
    seed
        Of the halves.

    Returns
    -------
    dict
        ``<name>.f1`` and so on to (statistic, users with a label); empty where nobody has a label.
    """
    classes, names = encode(truth)
    groups, _ = dense(labels)
    if not names:
        return {}
    read = mapped_classes(groups, classes, seed)
    shape = (len(names), len(names))

    def macro(which: int) -> Statistic:
        return lambda weights: _macro(tables(classes, read, weights, shape))[which]

    n = int((classes >= 0).sum())
    statistics = {
        "precision": macro(0),
        "recall": macro(1),
        "f1": macro(2),
        "nmi": information_statistic(groups, classes),
        "ari": rand_statistic(groups, classes),
    }
    return {f"{name}.{metric}": (statistic, n) for metric, statistic in statistics.items()}


def mapped_classes(groups: Ints, classes: Ints, seed: int = 0) -> Ints:
    """Read each user's class from their segment's majority in the half that the user is not in.

    Ties go to the class that comes first; a segment unseen in the other half reads as that half's
    majority; users without a class get -1.
    """
    known = np.flatnonzero(classes >= 0)
    read = np.full(len(classes), -1, dtype=np.int64)
    if not len(known):
        return read
    half = np.zeros(len(known), dtype=bool)
    half[np.random.default_rng(seed).permutation(len(known))[: len(known) // 2]] = True
    k, c = int(groups.max()) + 1, int(classes.max()) + 1
    for learn, judge in ((known[half], known[~half]), (known[~half], known[half])):
        if not len(learn):
            learn = judge
        counts = np.zeros((k, c))
        np.add.at(counts, (groups[learn], classes[learn]), 1.0)
        majority = counts.argmax(axis=1)
        majority[counts.sum(axis=1) == 0] = counts.sum(axis=0).argmax()
        read[judge] = majority[groups[judge]]
    return read


def _macro(confusion: Floats) -> tuple[Floats, Floats, Floats]:
    """Macro precision, recall and F1 of tables (repeats, truth, read); absent classes do not count.

    A class that is never read has precision and F1 of 0.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    truth, read = confusion.sum(axis=-1), confusion.sum(axis=-2)
    present = truth > 0
    precision = np.divide(hits, read, out=np.zeros_like(hits), where=read > 0)
    recall = np.divide(hits, truth, out=np.zeros_like(hits), where=present)
    f1 = np.divide(2.0 * hits, truth + read, out=np.zeros_like(hits), where=truth + read > 0)
    count = present.sum(axis=-1).astype(np.float64)

    def mean(figures: Floats) -> Floats:
        total = np.where(present, figures, 0.0).sum(axis=-1)
        out = np.full(len(count), np.nan)
        np.divide(total, count, out=out, where=count > 0)
        return out

    return mean(precision), mean(recall), mean(f1)
