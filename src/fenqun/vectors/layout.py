"""The map: users in two dimensions, for the eye only. Nothing is ever clustered on it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from fenqun.errors import MissingExtraError
from fenqun.progress import Progress, Silent, bar
from fenqun.vectors.reduction import Reducer

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

LEAST = 5
"""Users below which neighbourhoods mean nothing and principal components are drawn."""

_PERPLEXITY = 30.0
_EXACT = 3000  # users up to which neighbours are exact and forces come from a tree; a grid pays above


def layout(
    vectors: npt.ArrayLike,
    method: Literal["tsne", "umap", "pca"] = "tsne",
    seed: int = 0,
    threads: int = 1,
    sample: int = 20000,
    progress: Progress | None = None,
) -> Floats32:
    """Lay users out in two dimensions.

    Parameters
    ----------
    vectors
        Shape (n, d): reduced vectors.
    method
        ``tsne`` (openTSNE; Poličar et al. 2024, J. Stat. Softw. 109), ``umap`` (an extra) or ``pca``.
    seed, threads
        Threads change nothing but time.
    sample
        Users that the map is fitted on; the others are placed among them.
    progress
        Told about users.

    Returns
    -------
    ndarray
        float32, shape (n, 2), centred, finite.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    n = len(rows)
    progress = progress or Silent()
    # A map of users that are all alike is one point.
    if n < LEAST or method == "pca" or not (np.ptp(rows, axis=0) > 1e-12).any():
        return _centred(_principal(rows))
    chosen = np.arange(n)
    if n > sample:
        chosen = np.sort(np.random.default_rng([seed, n]).choice(n, sample, replace=False))
    rest = np.setdiff1d(np.arange(n), chosen)
    place = _tsne if method == "tsne" else _umap
    points = np.zeros((n, 2))
    with threadpool_limits(1), bar(progress, "map", n, "users"):
        points[chosen], points[rest] = place(rows[chosen], rows[rest], seed, threads)
        progress.advance(n)
    return _centred(points)


def _principal(rows: Floats) -> Floats:
    points = np.zeros((len(rows), 2))
    if len(rows) >= 2 and rows.shape[1]:
        found = Reducer(2).fit_transform(rows)
        points[:, : found.shape[1]] = found
    return points


def _tsne(rows: Floats, others: Floats, seed: int, threads: int) -> tuple[Floats, Floats]:
    from openTSNE import TSNE
    from openTSNE.affinity import PerplexityBasedNN

    few = len(rows) <= _EXACT
    neighbourhoods = PerplexityBasedNN(
        rows,
        perplexity=min(_PERPLEXITY, (len(rows) - 1) / 3.0),
        method="exact" if few else "annoy",
        # The trees of approximate neighbours depend on the number of threads that grow them.
        n_jobs=1,
        random_state=seed,
    )
    start = _principal(rows)
    spread = float(start[:, 0].std())
    fitted = TSNE(
        initialization=start / spread * 1e-4 if spread > 0 else "random",
        negative_gradient_method="bh" if few else "fft",
        n_jobs=threads,
        random_state=seed,
    ).fit(affinities=neighbourhoods)
    placed = np.zeros((0, 2))
    if len(others):
        placed = np.asarray(fitted.transform(others, perplexity=min(5.0, (len(rows) - 1) / 3.0)))
    return np.asarray(fitted), placed


def _umap(rows: Floats, others: Floats, seed: int, threads: int) -> tuple[Floats, Floats]:
    try:
        from umap import UMAP
    except ImportError as error:
        raise MissingExtraError("umap-learn", "umap") from error
    init = "spectral" if len(rows) > 15 else "random"
    # A seeded UMAP computes on one thread.
    fitted = UMAP(n_neighbors=min(15, len(rows) - 1), init=init, random_state=seed, n_jobs=1).fit(rows)
    placed = np.asarray(fitted.transform(others)) if len(others) else np.zeros((0, 2))
    return np.asarray(fitted.embedding_, dtype=np.float64), placed


def _centred(points: Floats) -> Floats32:
    finite = np.nan_to_num(points)
    return np.asarray(finite - finite.mean(axis=0, keepdims=True) if len(finite) else finite, dtype=np.float32)
