"""Linear heads on standardised vectors, their strength chosen inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
_PENALTIES = np.logspace(-1, 4, 11)
_INNER = 3
_COARSE = 1e-2  # tells strengths apart at a sixth of the time
_WORST = 30.0


@dataclass(frozen=True)
class Linear:
    """Scores ``X @ weight + bias``.

    Attributes
    ----------
    weight
        float64 (d, outputs), on vectors as they are: the standardisation is folded in.
    bias
        float64 (outputs,).
    """

    weight: Floats
    bias: Floats

    def scores(self, X: Floats) -> Floats:
        """Return float64 (n, outputs)."""
        return np.asarray(X @ self.weight + self.bias, dtype=np.float64)


def logistic(X: Floats, codes: Ints, classes: int, seed: int, groups: Ints | None = None) -> Linear:
    """Multinomial logistic regression, its strength chosen by log loss on inner folds.

    Rows of one group (int64 (n,); None: each row is one) lie in one fold.
    """
    from sklearn.linear_model import LogisticRegression

    center, scale = _standards(X)
    rows = (X - center) / scale
    least = int(np.bincount(codes, minlength=classes).min())
    strength = _STRENGTHS[1]
    if least >= _INNER:
        inner = _folds(rows, codes, seed, groups)
        costs = []
        for candidate in _STRENGTHS:
            cost = 0.0
            for learn, judge in inner:
                fitted = LogisticRegression(C=candidate, max_iter=300, tol=_COARSE).fit(rows[learn], codes[learn])
                cost += _cost(fitted, rows[judge], codes[judge])
            costs.append(cost)
        strength = _STRENGTHS[int(np.argmin(costs))]
    fitted = LogisticRegression(C=strength, max_iter=300).fit(rows, codes)
    weight, bias = np.zeros((X.shape[1], classes)), np.full(classes, -_WORST)
    if len(fitted.classes_) == 2:
        # One score tells two classes apart: half of it for one, half against the other.
        low, high = fitted.classes_
        weight[:, low], weight[:, high] = -fitted.coef_[0] / 2, fitted.coef_[0] / 2
        bias[low], bias[high] = -fitted.intercept_[0] / 2, fitted.intercept_[0] / 2
    else:
        weight[:, fitted.classes_], bias[fitted.classes_] = fitted.coef_.T, fitted.intercept_
    weight /= scale[:, None]
    return Linear(weight, bias - center @ weight)


def _folds(rows: Floats, codes: Ints, seed: int, groups: Ints | None) -> list[tuple[Ints, Ints]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    return list(kind(_INNER, shuffle=True, random_state=seed % 2**31).split(rows, codes, groups))


def _cost(fitted: Any, rows: Floats, codes: Ints) -> float:
    """Mean log loss; a class that the fold did not learn counts as all but impossible."""
    told = fitted.predict_log_proba(rows)
    place = np.searchsorted(fitted.classes_, codes)
    known = np.isin(codes, fitted.classes_)
    found = told[np.arange(len(codes)), np.where(known, place, 0)]
    return float(-np.maximum(np.where(known, found, -_WORST), -_WORST).mean())


def ridge(X: Floats, y: Floats) -> Linear:
    """Ridge regression, its penalty chosen by leave-one-out error (Golub, Heath and Wahba 1979)."""
    from sklearn.linear_model import RidgeCV

    center, scale = _standards(X)
    fitted = RidgeCV(alphas=_PENALTIES).fit((X - center) / scale, y)
    weight = (np.asarray(fitted.coef_, dtype=np.float64) / scale)[:, None]
    return Linear(weight, np.atleast_1d(fitted.intercept_) - center @ weight)


def _standards(X: Floats) -> tuple[Floats, Floats]:
    spread = X.std(axis=0)
    return X.mean(axis=0), np.where(spread > 1e-9, spread, np.inf)
