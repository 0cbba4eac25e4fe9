"""What every clusterer offers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from fenqun.segmentation.rule import FeatureError, Floats, Ints, Rule, weights


class Clusterer(ClusterMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A scikit-learn estimator whose fitted state is a :class:`~fenqun.segmentation.rule.Rule`.

    Attributes
    ----------
    labels_
        (n,) what the algorithm said of the rows it was fitted on; -1 is noise.
    centroids_
        (k, d).
    n_clusters_
        k as found, at least 1. Where nothing but noise was found, it is 1: everyone.
    rule_
        What :meth:`predict` follows, for fitted rows and new ones.
    resolved_
        Parameters that were derived from the data.

    Notes
    -----
    ``n_clusters`` is an upper bound: no algorithm returns more clusters than there are distinct rows.
    """

    seed: int
    threads: int

    def fit(self, X: Any, y: object = None) -> Self:
        """Cluster the rows of ``X``.

        Parameters
        ----------
        X
            (n, d) finite numbers, n at least 1.
        y
            Ignored.

        Raises
        ------
        FeatureError
            If ``X`` is empty, not two-dimensional, not numeric, or not finite.
        """
        X = checked(self, X, reset=True)
        with one_order_of_sums(self.threads):
            self._fit(X)
        return self

    @abstractmethod
    def _fit(self, X: Floats) -> None:
        """Cluster checked rows and call :meth:`_settle`."""

    def _settle(self, labels: Ints, rule: Rule, **resolved: Any) -> None:
        self.labels_ = labels
        self.rule_ = rule
        self.centroids_ = rule.centroids
        self.n_clusters_ = rule.n_segments
        self.resolved_ = resolved

    def predict(self, X: Any) -> Ints:
        """Return the nearest segment of each row, (n,); never noise."""
        return self._rule().labels(checked(self, X, reset=False))

    def soft(self, X: Any) -> Floats:
        """Return weights over segments by row, (n, k), summing to one."""
        rule = self._rule()
        return weights(rule.energies(checked(self, X, reset=False)), rule.temperature)

    def _rule(self) -> Rule:
        check_is_fitted(self, "rule_")
        rule: Rule = self.rule_
        return rule

    def shared_settings(self, but: str) -> tuple[tuple[str, Any], ...]:
        """Return all constructor arguments but one: clusterers equal in them may share work."""
        return tuple(sorted((name, value) for name, value in self.get_params().items() if name != but))

    @classmethod
    def fit_many(cls, clusterers: Sequence[Self], X: Any) -> Iterator[Self]:
        """Fit several settings of one family; a family may share work between them."""
        for clusterer in clusterers:
            yield clusterer.fit(X)


def checked(estimator: Clusterer, X: Any, *, reset: bool) -> Floats:
    """Return ``X`` as finite float64 rows, or raise one clear line."""
    if not reset:
        check_is_fitted(estimator, "rule_")
    try:
        array: Floats = validate_data(estimator, X, reset=reset, dtype=np.float64, order="C", accept_sparse=False)
    except ValueError as error:
        raise FeatureError(_what(X, error), where=type(estimator).__name__) from error
    return array


def _what(X: Any, error: ValueError) -> str:
    try:
        array = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        return str(error)
    if array.ndim != 2 or not array.size:
        return str(error)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if not bad.size:
        return str(error)
    return f"{len(bad)} of {len(array)} rows hold NaN or infinity (inf), the first is row {bad[0]}"


def one_order_of_sums(threads: int) -> threadpool_limits:
    """Limit numerical libraries so that sums do not depend on which thread is done first.

    scikit-learn's k-means adds the partial sums of its OpenMP threads in the order in which they
    finish; one thread has one order. BLAS splits its work the same way each time.
    """
    return threadpool_limits(limits={"openmp": 1, "blas": threads})


def count_distinct(X: Floats, limit: int) -> int:
    """Return the number of distinct rows, counting no further than ``limit``."""
    seen: set[bytes] = set()
    for row in X + 0.0:  # minus zero is zero
        seen.add(row.tobytes())
        if len(seen) >= limit:
            break
    return len(seen)
