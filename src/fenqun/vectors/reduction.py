"""Reduction before clustering: principal components, as they are or whitened."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]
Method = Literal["pca", "whitened", "none"]

LEADING = 10
"""Components whose correlation with activity is reported."""


class Reducer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Principal component analysis by the covariance matrix, with axes that always point the same way.

    Parameters
    ----------
    components
        Most components kept; fewer where the data have fewer directions.
    seed
        Kept for the contract of reducers; the decomposition draws nothing.
    method
        ``pca``: distances among the leading components; ``whitened``: each of them divided by its standard deviation,
        so that all count the same; ``none``: every direction is kept, which turns the space and changes no distance.

    Attributes
    ----------
    mean_
        float64 (d,).
    components_
        float64 (k, d): rows at right angles, by falling variance; of length 1, unless whitened.
    explained_variance_ratio_
        float64 (k,).
    activity_correlation_
        Pearson correlation of the leading components with log-activity, where it was given. Segments
        found in components that follow activity are volume deciles.
    """

    def __init__(self, components: int = 32, seed: int = 0, method: Method = "pca") -> None:
        self.components = components
        self.seed = seed
        self.method = method

    def fit(self, X: npt.ArrayLike, y: object = None, *, activity: npt.ArrayLike | None = None) -> Self:
        """Learn the axes.

        Parameters
        ----------
        X
            Shape (n, d).
        y
            Not used.
        activity
            Shape (n,): log-activity of each user, to be correlated with the leading components.
        """
        rows = np.asarray(X, dtype=np.float64)
        n, d = rows.shape
        self.n_features_in_ = d
        with threadpool_limits(1):
            self.mean_: Floats = rows.mean(axis=0)
            centred = rows - self.mean_
            variances, axes = np.linalg.eigh(centred.T @ centred / max(n - 1, 1))
        variances, axes = np.maximum(variances[::-1], 0.0), axes[:, ::-1].T
        alive = int((variances > 1e-10 * max(float(variances.max(initial=0.0)), 1e-30)).sum())
        most = d if self.method == "none" else self.components
        k = max(1, min(most, d, max(n - 1, 1), alive))
        signs = np.sign(axes[np.arange(k), np.abs(axes[:k]).argmax(axis=1)])
        self.components_: Floats = axes[:k] * np.where(signs == 0, 1.0, signs)[:, None]
        if self.method == "whitened" and alive:
            self.components_ /= np.sqrt(variances[:k])[:, None]
        total = float(variances.sum())
        self.explained_variance_ratio_: Floats = variances[:k] / total if total > 0 else np.zeros(k)
        self.activity_correlation_: list[float] = []
        if activity is not None:
            told = np.asarray(activity, dtype=np.float64)
            scores = self.transform(rows)
            self.activity_correlation_ = [_correlation(scores[:, j], told) for j in range(min(k, LEADING))]
        return self

    def transform(self, X: npt.ArrayLike) -> Floats:
        """Project, float64 (n, k)."""
        with threadpool_limits(1):
            return np.asarray((np.asarray(X, dtype=np.float64) - self.mean_) @ self.components_.T)

    @property
    def figures(self) -> dict[str, Any]:
        """What is worth recording: components, variance they explain, correlation with activity."""
        return {
            "components": len(self.components_),
            "explained_variance": float(self.explained_variance_ratio_.sum()),
            "explained_variance_ratio": [float(r) for r in self.explained_variance_ratio_],
            "activity_correlation": self.activity_correlation_,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "components": self.components,
            "seed": self.seed,
            "method": self.method,
            "mean": self.mean_.tolist(),
            "axes": self.components_.tolist(),
            "explained_variance_ratio": self.explained_variance_ratio_.tolist(),
            "activity_correlation": self.activity_correlation_,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        reducer = cls(values["components"], values["seed"], values.get("method", "pca"))
        reducer.mean_ = np.asarray(values["mean"], dtype=np.float64)
        reducer.components_ = np.asarray(values["axes"], dtype=np.float64)
        reducer.explained_variance_ratio_ = np.asarray(values["explained_variance_ratio"], dtype=np.float64)
        reducer.activity_correlation_ = list(values["activity_correlation"])
        reducer.n_features_in_ = len(reducer.mean_)
        return reducer


def _correlation(a: Floats, b: Floats) -> float:
    if len(a) < 3 or np.ptp(a) < 1e-12 or np.ptp(b) < 1e-12:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
