"""Probes: small supervised models on frozen vectors, to see what they know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.agreement import dense, encode
from fenqun.evaluation.intervals import Floats, Ints


@dataclass(frozen=True)
class Probe:
    """What a probe found.

    Attributes
    ----------
    value
        Mean over folds; NaN where it cannot be computed.
    se
        Standard error over folds (their standard deviation over the root of their number).
    n
        Users.
    metric
        ``auc`` (two classes), ``accuracy`` (more) or ``r2`` (numbers).
    """

    value: float
    se: float
    n: int
    metric: Literal["auc", "accuracy", "r2"]


def probe_class(X: npt.ArrayLike, y: Any, seed: int = 0, folds: int = 5) -> Probe:
    """Logistic regression on standardised vectors, cross-validated.

    Parameters
    ----------
    X
        Shape (n, d).
    y
        Shape (n,): classes of any type; None, NaN and empty are unknown. Classes with fewer members
        than folds are left out.
    seed, folds
        Of the cross-validation.
    """
    codes, names = encode(y)
    rows = np.asarray(X, dtype=np.float64)
    enough = np.bincount(codes[codes >= 0], minlength=len(names)) >= folds
    kept = np.flatnonzero((codes >= 0) & np.append(enough, False)[codes])
    target, classes = dense(codes[kept])
    metric: Literal["auc", "accuracy"] = "auc" if classes == 2 else "accuracy"
    if classes < 2:
        return Probe(float("nan"), float("nan"), len(kept), metric)
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = []
    for learn, judge in StratifiedKFold(folds, shuffle=True, random_state=seed).split(kept, target):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
        model.fit(rows[kept[learn]], target[learn])
        if classes == 2:
            found.append(roc_auc_score(target[judge], model.decision_function(rows[kept[judge]])))
        else:
            found.append(np.mean(model.predict(rows[kept[judge]]) == target[judge]))
    return _summary(found, len(kept), metric)


def probe_value(X: npt.ArrayLike, y: npt.ArrayLike, seed: int = 0, folds: int = 5) -> Probe:
    """Ridge regression on standardised vectors, cross-validated; its strength is chosen inside each fold.

    Parameters
    ----------
    X
        Shape (n, d).
    y
        Shape (n,): numbers; NaN is unknown.
    seed, folds
        Of the cross-validation.
    """
    outcome = np.asarray(y, dtype=np.float64)
    rows = np.asarray(X, dtype=np.float64)
    kept = np.flatnonzero(np.isfinite(outcome))
    if len(kept) < 2 * folds or np.ptp(outcome[kept]) == 0:
        return Probe(float("nan"), float("nan"), len(kept), "r2")
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = []
    for learn, judge in KFold(folds, shuffle=True, random_state=seed).split(kept):
        model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-1, 4, 11)))
        model.fit(rows[kept[learn]], outcome[kept[learn]])
        missed = outcome[kept[judge]] - model.predict(rows[kept[judge]])
        total = ((outcome[kept[judge]] - outcome[kept[learn]].mean()) ** 2).sum()
        found.append(1.0 - (missed**2).sum() / total if total > 0 else float("nan"))
    return _summary(found, len(kept), "r2")


def probe_groups(labels: npt.ArrayLike, y: Any, seed: int = 0, folds: int = 5) -> Probe:
    """How often a group's majority class, learned on other users, is a user's class.

    The probe of a segmentation: what a logistic regression on one-hot groups tends to, at the cost
    of counting, so that it can judge every trial.

    Parameters
    ----------
    labels
        Shape (n,): groups.
    y
        Shape (n,): classes of any type; None, NaN and empty are unknown.
    seed, folds
        Of the cross-validation.
    """
    codes, names = encode(y)
    kept = np.flatnonzero(codes >= 0)
    groups, k = dense(np.asarray(labels)[kept])
    target = codes[kept]
    if len(kept) < folds:
        return Probe(float("nan"), float("nan"), len(kept), "accuracy")
    fold = np.random.default_rng(seed).permutation(len(kept)) % folds
    found = []
    for judged in range(folds):
        majority = _majority(groups[fold != judged], target[fold != judged], k, len(names))
        found.append(np.mean(majority[groups[fold == judged]] == target[fold == judged]))
    return _summary(found, len(kept), "accuracy")


def _majority(groups: Ints, target: Ints, k: int, classes: int) -> Ints:
    counts = np.zeros((k, classes))
    np.add.at(counts, (groups, target), 1.0)
    # A hair of everyone's counts breaks ties and fills groups without users.
    return np.asarray((counts + counts.sum(axis=0) * 1e-9).argmax(axis=1), dtype=np.int64)


def _summary(found: list[Any], n: int, metric: Literal["auc", "accuracy", "r2"]) -> Probe:
    figures: Floats = np.array(found, dtype=np.float64)
    figures = figures[np.isfinite(figures)]
    if not len(figures):
        return Probe(float("nan"), float("nan"), n, metric)
    se = figures.std(ddof=1) / np.sqrt(len(figures)) if len(figures) > 1 else float("nan")
    return Probe(float(figures.mean()), float(se), n, metric)
