"""Clusterers by name, and the settings of each that are worth trying."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fenqun.errors import ConfigError
from fenqun.segmentation.clusterers.base import Clusterer
from fenqun.segmentation.clusterers.density import DBSCAN, HDBSCAN
from fenqun.segmentation.clusterers.given import Given
from fenqun.segmentation.clusterers.kmeans import KMeans, MiniBatchKMeans
from fenqun.segmentation.clusterers.mixture import GaussianMixture
from fenqun.segmentation.clusterers.ward import Ward

CLUSTERERS: dict[str, type[Clusterer]] = {
    "kmeans": KMeans,
    "minibatch_kmeans": MiniBatchKMeans,
    "ward": Ward,
    "dbscan": DBSCAN,
    "hdbscan": HDBSCAN,
    "gaussian_mixture": GaussianMixture,
    "given": Given,
}

EPS_QUANTILES = (0.1, 0.25, 0.5, 0.8)
MIN_SHARES = ((0.01, "eom"), (0.03, "eom"), (0.01, "leaf"), (0.02, "leaf"))


def make_clusterer(
    name: str, k: int, *, seed: int = 0, threads: int = 1, parameters: dict[str, Any] | None = None
) -> Clusterer:
    """Return an unfitted clusterer.

    Parameters
    ----------
    name
        A key of :data:`CLUSTERERS`.
    k
        Number of clusters, for those that are told one, whatever ``parameters`` say.
    seed, threads
        Of the run.
    parameters
        Further constructor arguments.

    Raises
    ------
    ConfigError
        If there is no clusterer of that name.
    """
    if name not in CLUSTERERS:
        raise ConfigError(
            f"there is no clusterer {name!r}",
            where="segmentation.clusterers",
            mend=f"choose from {', '.join(CLUSTERERS)}",
        )
    family = CLUSTERERS[name]
    arguments: dict[str, Any] = {"seed": seed, "threads": threads, **(parameters or {})}
    if "n_clusters" in family._get_param_names():
        arguments["n_clusters"] = k
    return family(**arguments)


def candidates(name: str, ks: Sequence[int], *, seed: int = 0, threads: int = 1) -> list[Clusterer]:
    """Return the unfitted settings of a clusterer that a selection tries.

    Those that are told a number of clusters get each of ``ks``; DBSCAN gets several quantiles of its
    neighbour distances and HDBSCAN several least sizes, and both find their own number.
    """
    if name == "dbscan":
        return [DBSCAN(q, seed=seed, threads=threads) for q in EPS_QUANTILES]
    if name == "hdbscan":
        return [
            HDBSCAN(share, selection=how, seed=seed, threads=threads)  # type: ignore[arg-type]
            for share, how in MIN_SHARES
        ]
    if name == "given":
        return [Given(seed=seed, threads=threads)]
    return [make_clusterer(name, k, seed=seed, threads=threads) for k in ks]
