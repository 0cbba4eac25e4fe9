"""Linear heads on standardised vectors, their strength chosen inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
_PENALTIES = np.logspace(-1, 4, 11)
_INNER = 3


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


def logistic(X: Floats, codes: Ints, classes: int, seed: int) -> Linear:
    """Multinomial logistic regression, its strength chosen by log loss on inner folds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    center, scale = _standards(X)
    rows = (X - center) / scale
    least = int(np.bincount(codes, minlength=classes).min())
    strength = _STRENGTHS[1]
    if least >= _INNER:
        inner = list(StratifiedKFold(_INNER, shuffle=True, random_state=seed % 2**31).split(rows, codes))
        costs = []
        for candidate in _STRENGTHS:
            cost = 0.0
            for learn, judge in inner:
                fitted = LogisticRegression(C=candidate, max_iter=300).fit(rows[learn], codes[learn])
                cost += log_loss(codes[judge], fitted.predict_proba(rows[judge]), labels=fitted.classes_)
            costs.append(cost)
        strength = _STRENGTHS[int(np.argmin(costs))]
    fitted = LogisticRegression(C=strength, max_iter=300).fit(rows, codes)
    weight, bias = np.zeros((X.shape[1], classes)), np.full(classes, -30.0)
    if len(fitted.classes_) == 2:
        # One score tells two classes apart: half of it for one, half against the other.
        low, high = fitted.classes_
        weight[:, low], weight[:, high] = -fitted.coef_[0] / 2, fitted.coef_[0] / 2
        bias[low], bias[high] = -fitted.intercept_[0] / 2, fitted.intercept_[0] / 2
    else:
        weight[:, fitted.classes_], bias[fitted.classes_] = fitted.coef_.T, fitted.intercept_
    weight /= scale[:, None]
    return Linear(weight, bias - center @ weight)


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
