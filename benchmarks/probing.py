"""Probes of the representation benchmark: what frozen vectors know, with everything chosen inside the learning part.

Five outer folds, the same for every row. In each, three inner folds of its learning part choose between a linear
probe (logistic or ridge regression; strength; columns standardised one by one, or the whole vector brought to one
scale so that the proportions of a fused vector are kept) and LightGBM (number of rounds). The winner learns again
on the whole learning part and predicts the outer fold. So a row's figure is that of the better of the two probes, and
no judged user had a say in which.

A figure is the mean over the outer folds (accuracy: over users). Its error, and that of a difference, is a bootstrap
over users with folds and seeds held fixed and resamples shared between rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier

from fenqun.evaluation.intervals import Statistic, around, auc_statistic, bootstrap, mean_statistic
from tasks import Measure, Task

FOLDS, INNER = 5, 3
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
BAG_STRENGTHS = (0.1, 1.0, 10.0, 100.0)
PENALTIES = (1.0, 10.0, 100.0, 1e3, 1e4)
BAG_PENALTIES = (0.1, 1.0, 10.0, 100.0)
ROUNDS = {"auc": (20, 50, 100, 200), "r2": (20, 50, 100, 200), "accuracy": (10, 30, 60)}
RATES = {"auc": 0.05, "r2": 0.05, "accuracy": 0.1}  # a round of many classes is as many trees
REPEATS = 1000

Fit = Callable[[Any, np.ndarray], "Predict"]
Predict = Callable[[Any], np.ndarray]


@dataclass(frozen=True)
class Held:
    """What a probe said of users that it had not learned from.

    Attributes
    ----------
    score
        float32, one a user of the log: probability, class or number; NaN where the outcome is unknown.
    fold
        int8: the outer fold that judged the user; -1 for none.
    chosen
        Winner of each outer fold.
    """

    score: np.ndarray
    fold: np.ndarray
    chosen: tuple[str, ...]


def probe(X: Any, task: Task, seed: int, threads: int) -> Held:
    """Predict every user with a known outcome from a probe that has not seen them."""
    known = np.flatnonzero(np.isfinite(task.outcome))
    y = task.outcome[known] if task.measure == "r2" else task.outcome[known].astype(np.int64)
    rows = sparse.csr_matrix(X)[known] if sparse.issparse(X) else np.asarray(X, dtype=np.float64)[known]
    score = np.full(len(task.outcome), np.nan, np.float32)
    fold = np.full(len(task.outcome), -1, np.int8)
    chosen = []
    for number, (learn, judge) in enumerate(_folds(y, task.measure, FOLDS, seed)):
        name, fit = _best(rows[learn], y[learn], task.measure, seed, threads)
        score[known[judge]] = fit(rows[learn], y[learn])(rows[judge])
        fold[known[judge]] = number
        chosen.append(name)
    return Held(score, fold, tuple(chosen))


def _folds(y: np.ndarray, measure: Measure, n: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    kind = KFold if measure == "r2" else StratifiedKFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class of fewer members than folds
        return list(kind(n, shuffle=True, random_state=seed).split(np.zeros((len(y), 1)), y))


def _best(X: Any, y: np.ndarray, measure: Measure, seed: int, threads: int) -> tuple[str, Fit]:
    """Choose probe and setting by inner folds; a tie goes to the first, the simplest."""
    totals: dict[str, float] = {}
    fits: dict[str, Fit] = {}
    for learn, judge in _folds(y, measure, INNER, seed + 1):
        for name, fit, predicted in _tried(X[learn], y[learn], X[judge], measure, seed, threads):
            totals[name] = totals.get(name, 0.0) + quality(predicted, y[judge], y[learn].mean(), measure)
            fits[name] = fit
    name = max(totals, key=lambda key: totals[key])
    return name, fits[name]


def _tried(
    X: Any, y: np.ndarray, unseen: Any, measure: Measure, seed: int, threads: int
) -> list[tuple[str, Fit, np.ndarray]]:
    """Return name, how to fit again, and predictions of every candidate."""
    found: list[tuple[str, Fit, np.ndarray]] = []
    wide = sparse.issparse(X)
    for view in ("bag",) if wide else ("columns", "whole"):
        for strength in _strengths(wide, measure):
            fit = _linear(view, strength, measure)
            found.append((f"linear {view} {strength:g}", fit, fit(X, y)(unseen)))
    if not wide:
        boosted = _booster(X, y, max(ROUNDS[measure]), measure, seed, threads)
        found += [
            (f"boosted {rounds}", _boosted(rounds, measure, seed, threads), _say(boosted, unseen, measure, rounds))
            for rounds in ROUNDS[measure]
        ]
    return found


def _strengths(wide: bool, measure: Measure) -> Sequence[float]:
    if measure == "r2":
        return BAG_PENALTIES if wide else PENALTIES
    return BAG_STRENGTHS if wide else STRENGTHS


def _linear(view: str, strength: float, measure: Measure) -> Fit:
    def fit(X: Any, y: np.ndarray) -> Predict:
        scale = _scaler(X, view)
        if measure == "r2":
            solver = "lsqr" if view == "bag" else "auto"
            ridge = Ridge(strength, solver=solver).fit(scale(X), y)
            return lambda rows: ridge.predict(scale(rows))
        # Sparse rows of many columns: liblinear knows two classes, so one against the rest.
        model: Any = LogisticRegression(C=strength, max_iter=200)
        if view == "bag":
            model = LogisticRegression(C=strength, solver="liblinear")
            model = OneVsRestClassifier(model) if measure == "accuracy" else model
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(scale(X), y)
        if measure == "auc":
            return lambda rows: model.predict_proba(scale(rows))[:, 1]
        return lambda rows: model.predict(scale(rows))

    return fit


def _scaler(X: Any, view: str) -> Predict:
    """Bring columns, or the whole vector, to a mean variance of one a column; a bag stays as it is."""
    if view == "bag":
        return lambda rows: rows
    center, spread = X.mean(axis=0), X.std(axis=0)
    if view == "whole":
        spread = np.full_like(spread, np.sqrt((spread**2).mean()))
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    return lambda rows: (rows - center) * inverse


def _boosted(rounds: int, measure: Measure, seed: int, threads: int) -> Fit:
    def fit(X: Any, y: np.ndarray) -> Predict:
        model = _booster(X, y, rounds, measure, seed, threads)
        return lambda rows: _say(model, rows, measure, rounds)

    return fit


def _booster(X: Any, y: np.ndarray, rounds: int, measure: Measure, seed: int, threads: int) -> Any:
    objective: dict[str, Any] = {"auc": {"objective": "binary"}, "r2": {"objective": "regression"}}.get(
        measure, {"objective": "multiclass", "num_class": int(y.max()) + 1}
    )
    settings = {
        "learning_rate": RATES[measure],
        "num_leaves": 15,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "max_bin": 63,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbose": -1,
    }
    return lightgbm.train(objective | settings, lightgbm.Dataset(X, y), rounds)


def _say(model: Any, rows: Any, measure: Measure, rounds: int) -> np.ndarray:
    told = model.predict(rows, num_iteration=rounds)
    return np.asarray(told.argmax(axis=1) if measure == "accuracy" else told)


def quality(score: np.ndarray, y: np.ndarray, base: float, measure: Measure) -> float:
    """AUC, accuracy, or R2 against predicting ``base``."""
    if measure == "auc":
        return float(roc_auc_score(y, score))
    if measure == "accuracy":
        return float(np.mean(score == y))
    return float(1.0 - ((y - score) ** 2).sum() / ((y - base) ** 2).sum())


# -- figures and intervals over users ----------------------------------------------------------


def statistic(held: Held, task: Task) -> Statistic:
    """Return a row's figure as a statistic of user weights, over the users with a known outcome."""
    known = np.isfinite(task.outcome)
    y, score, fold = task.outcome[known], held.score[known].astype(np.float64), held.fold[known]
    if task.measure == "accuracy":
        return mean_statistic((score == y).astype(np.float64))
    one = _auc if task.measure == "auc" else _r2
    each = [one(score, y, np.flatnonzero(fold == number), fold != number) for number in range(FOLDS)]
    return lambda weights: np.mean([figure(weights) for figure in each], axis=0)


def _auc(score: np.ndarray, y: np.ndarray, judged: np.ndarray, learned: np.ndarray) -> Statistic:
    figure = auc_statistic(y[judged], score[judged])
    return lambda weights: figure(weights[:, judged])


def _r2(score: np.ndarray, y: np.ndarray, judged: np.ndarray, learned: np.ndarray) -> Statistic:
    missed = (y[judged] - score[judged]) ** 2
    spread = (y[judged] - y[learned].mean()) ** 2
    return lambda weights: 1.0 - (weights[:, judged] @ missed) / (weights[:, judged] @ spread)


def over_seeds(held: Sequence[Held], task: Task) -> Statistic:
    """Mean over seeds of a row's figure."""
    each = [statistic(one, task) for one in held]
    return lambda weights: np.mean([figure(weights) for figure in each], axis=0)


def intervals(
    rows: dict[str, Sequence[Held]], pairs: Sequence[tuple[str, str]], task: Task
) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Return difference, low and high of pairs of rows on shared resamples of the users."""
    n = int(np.isfinite(task.outcome).sum())
    names = sorted({name for pair in pairs for name in pair})
    figures = [over_seeds(rows[name], task) for name in names]
    draws = bootstrap(figures, n, REPEATS, 0)
    points = [float(figure(np.ones((1, n)))[0]) for figure in figures]
    found = {}
    for first, second in pairs:
        one, other = names.index(first), names.index(second)
        gap = points[one] - points[other]
        found[first, second] = (gap, *around(gap, draws[one] - draws[other]))
    return found
