"""Internal metrics: the shape of groups in a space, beside the same figures where there is no structure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fenqun.evaluation.agreement import dense
from fenqun.evaluation.intervals import Floats

METRICS = ("silhouette", "calinski_harabasz", "davies_bouldin", "dunn", "inertia")
LOWER_IS_BETTER = frozenset({"davies_bouldin", "inertia"})

_ROWS = 512  # rows of a distance matrix held in memory at once


def internal_metrics(
    X: npt.ArrayLike, labels: npt.ArrayLike, sample: int = 5000, seed: int = 0
) -> dict[str, float]:
    """Silhouette, Calinski-Harabasz, Davies-Bouldin, Dunn and inertia.

    Parameters
    ----------
    X
        Shape (n, d): the space in which groups are judged, not necessarily where they were found.
    labels
        Shape (n,); rows with a negative label (noise) do not count.
    sample
        Rows for silhouette and Dunn, which compare every pair.
    seed
        Of the sample.

    Returns
    -------
    dict
        One figure a metric of :data:`METRICS`; NaN where it has no meaning (fewer than two groups,
        as many groups as rows). Inertia is the sum of squared distances to the group means.
    """
    group = np.asarray(labels)
    rows = np.asarray(X, dtype=np.float64)[group >= 0]
    codes, k = dense(group[group >= 0])
    figures = dict.fromkeys(METRICS, float("nan"))
    if not k:
        return figures
    means = _means(rows, codes, k)
    figures["inertia"] = float(((rows - means[codes]) ** 2).sum())
    if k < 2 or k >= len(rows):
        return figures
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

    figures["calinski_harabasz"] = float(calinski_harabasz_score(rows, codes))
    figures["davies_bouldin"] = float(davies_bouldin_score(rows, codes))
    chosen = _sample(len(rows), sample, seed)
    part, part_k = dense(codes[chosen])
    if 2 <= part_k < len(chosen):
        silhouette, dunn = _pairwise(rows[chosen], part, part_k)
        figures["silhouette"], figures["dunn"] = silhouette, dunn
    return figures


def permuted(X: npt.ArrayLike, seed: int) -> Floats:
    """Return X with its columns shuffled one by one: the same marginals, no structure between them."""
    generator = np.random.default_rng(seed)
    return generator.permuted(np.asarray(X, dtype=np.float64), axis=0)


def null_metrics(
    X: npt.ArrayLike,
    fit: Callable[[Floats, int], npt.ArrayLike],
    *,
    seed: int = 0,
    repeats: int = 3,
    sample: int = 5000,
) -> dict[str, float]:
    """Internal metrics of the same clustering where there is nothing to find.

    Parameters
    ----------
    X
        Shape (n, d).
    fit
        Takes (X, seed) and returns labels, shape (n,): the clusterer that is judged, at its k.
    repeats
        Permutations to average over.
    seed
        Of the permutations, the fits and the sample.
    sample
        As in :func:`internal_metrics`.

    Returns
    -------
    dict
        Mean figure a metric of :data:`METRICS`.
    """
    found = []
    for repeat in range(repeats):
        shuffled = permuted(X, seed + repeat)
        found.append(internal_metrics(shuffled, fit(shuffled, seed + repeat), sample, seed))
    return {name: _mean([figures[name] for figures in found]) for name in METRICS}


def _mean(values: list[float]) -> float:
    finite = [v for v in values if np.isfinite(v)]
    return float(np.mean(finite)) if finite else float("nan")


def _means(rows: Floats, codes: npt.NDArray[np.int64], k: int) -> Floats:
    member = sparse.csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=(k, len(codes)))
    return np.asarray((member @ rows) / np.bincount(codes, minlength=k)[:, None], dtype=np.float64)


def _sample(n: int, sample: int, seed: int) -> npt.NDArray[np.int64]:
    if n <= sample:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, sample, replace=False))


def _pairwise(rows: Floats, codes: npt.NDArray[np.int64], k: int) -> tuple[float, float]:
    """Silhouette (Rousseeuw 1987) and Dunn index (Dunn 1974) from one pass over all distances."""
    from sklearn.metrics import pairwise_distances

    size = np.bincount(codes, minlength=k)
    member = np.eye(k)[codes]
    silhouette = np.zeros(len(rows))
    widest, closest = 0.0, np.inf
    for start in range(0, len(rows), _ROWS):
        own = codes[start : start + _ROWS]
        distances = pairwise_distances(rows[start : start + _ROWS], rows)
        distances[np.arange(len(own)), start + np.arange(len(own))] = 0.0
        same = own[:, None] == codes[None, :]
        widest = max(widest, float(distances[same].max()))
        closest = min(closest, float(distances[~same].min()))
        mean = distances @ member
        inside = mean[np.arange(len(own)), own] / np.maximum(size[own] - 1, 1)
        mean /= size
        mean[np.arange(len(own)), own] = np.inf
        nearest = mean.min(axis=1)
        larger = np.maximum(inside, nearest)
        width = np.divide(nearest - inside, larger, out=np.zeros_like(larger), where=larger > 0)
        silhouette[start : start + _ROWS] = np.where(size[own] > 1, width, 0.0)
    return float(silhouette.mean()), closest / widest if widest > 0 else float("nan")
