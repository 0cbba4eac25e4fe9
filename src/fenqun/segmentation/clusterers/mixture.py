"""Gaussian mixtures."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import sklearn.cluster as skc

from fenqun.segmentation.clusterers.base import Clusterer, count_distinct
from fenqun.segmentation.clusterers.sampling import SAMPLED_ABOVE, draw_rows, sampled
from fenqun.segmentation.rule import Floats, Rule, euclidean_rule, means

_ROWS_PER_PARAMETER = 5
"""Full covariances are tried only with so many rows a free parameter."""


class GaussianMixture(Clusterer):
    """EM for a mixture of Gaussians whose form of covariance has the lowest BIC (Schwarz, 1978).

    Forms are ``diag``, and ``tied`` and ``full`` where there are rows enough for them. EM starts from k-means and is cut
    off after ``max_iter`` rounds. ``regularisation`` times the mean variance is added to each variance. Above
    ``sample_above`` users EM sees a seeded sample of so many; all others go where the posterior is highest.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        regularisation: float = 1e-3,
        max_iter: int = 25,
        sample_above: int = SAMPLED_ABOVE,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.n_clusters = n_clusters
        self.regularisation = regularisation
        self.max_iter = max_iter
        self.sample_above = sample_above
        self.seed = seed
        self.threads = threads

    def _fit(self, X: Floats) -> None:
        rows = X[draw_rows(X, self.sample_above, self.seed)] if len(X) > self.sample_above else X
        k = count_distinct(rows, self.n_clusters)
        start = skc.KMeans(k, n_init=1, random_state=self.seed).fit_predict(rows).astype(np.int64)
        centroids = means(rows, start, k)
        if k == 1 or len(rows) <= k:
            self.n_iter_ = 1
            rule = euclidean_rule(rows, start, centroids)
            self._settle(rule.labels(X), rule, covariance="none", **sampled(X, rows))
            return
        fits = [self._em(rows, start, centroids, form) for form in self._forms(len(rows), rows.shape[1], k)]
        best = min(fits, key=lambda model: float(model.bic(rows)))
        self.n_iter_ = int(best.n_iter_)
        rule = mixture_rule(best)
        used, labels = np.unique(rule.labels(X), return_inverse=True)
        self._settle(
            labels.astype(np.int64), rule.reordered(used), covariance=best.covariance_type, **sampled(X, rows)
        )

    def _forms(self, n: int, d: int, k: int) -> list[str]:
        pairs = d * (d + 1) // 2
        forms = ["diag"]
        if n >= pairs:  # a tied covariance with fewer rows than entries is mostly its own noise
            forms.append("tied")
        if n >= _ROWS_PER_PARAMETER * k * (d + pairs):
            forms.append("full")
        return forms

    def _em(self, X: Floats, start: Any, centroids: Floats, form: str) -> Any:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture as Mixture

        k, d = centroids.shape
        floor = self.regularisation * float(X.var(axis=0).mean())
        residual = X - centroids[start]
        pooled = residual.T @ residual / len(X) + floor * np.eye(d)
        precision = {
            "diag": np.tile(1.0 / np.diag(pooled), (k, 1)),
            "tied": np.linalg.inv(pooled),
            "full": np.tile(np.linalg.inv(pooled), (k, 1, 1)),
        }[form]
        model = Mixture(
            k,
            covariance_type=form,
            reg_covar=floor,
            max_iter=self.max_iter,
            weights_init=np.bincount(start, minlength=k) / len(X),
            means_init=centroids,
            precisions_init=precision,
            random_state=self.seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # bounded on purpose
            return model.fit(X)


def mixture_rule(model: Any) -> Rule:
    """Return the rule whose weights are the posterior of a fitted scikit-learn mixture."""
    factor = np.asarray(model.precisions_cholesky_, dtype=np.float64)
    k, d = model.means_.shape
    if model.covariance_type == "diag":
        whitening, log_determinant = factor, -2.0 * np.log(factor).sum(axis=1)
    else:
        whitening = np.broadcast_to(factor, (k, d, d)).copy()
        log_determinant = -2.0 * np.log(np.diagonal(whitening, axis1=1, axis2=2)).sum(axis=1)
    offset = log_determinant - 2.0 * np.log(np.maximum(model.weights_, np.finfo(float).tiny))
    owner = np.arange(k, dtype=np.int64)
    return Rule(model.means_, owner, model.means_, 2.0, whitening, offset - offset.min())
