"""The rule by which a vector finds its segment: small, safe to store, the same for one row as for a million."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.errors import FenqunError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CELLS, _WHITENED_CELLS = 4_000_000, 60_000
"""Rows times prototypes times width held at once; differences to whiten should fit the processor's cache."""


class FeatureError(FenqunError, ValueError):
    """A feature matrix cannot be clustered or assigned; also a ``ValueError``, as scikit-learn's contract asks."""


@dataclass(frozen=True)
class Rule:
    """Prototypes of each segment, and how far a vector is from them.

    The energy of a segment is the least over its prototypes of ``|(x - p) W|^2 + offset``, where the
    whitening ``W`` is the identity unless given. Euclidean clusterers have one or a few prototypes a
    segment and no whitening. A Gaussian mixture has one prototype a component, ``W`` the Cholesky
    factor of its precision and ``offset = log|Sigma| - 2 log(weight)``, so that the segment of
    least energy is the component of highest posterior, and the weights are the posterior itself.

    Every energy is computed from its own row alone, in a fixed order, so a user assigned alone gets
    exactly what the same user gets in a batch (a matrix product would not promise that).

    Parameters
    ----------
    prototypes
        (m, d).
    owner
        (m,) segment of each prototype, every segment from 0 to k-1 at least once.
    centroids
        (k, d) one point a segment, to draw and to compare segments with.
    temperature
        Energy over which a weight falls by a factor of e.
    whitening
        None, (m, d) for diagonal or (m, d, d) for full matrices ``W``.
    offset
        None, or (m,) non-negative.
    """

    prototypes: Floats
    owner: Ints
    centroids: Floats
    temperature: float
    whitening: Floats | None = None
    offset: Floats | None = None

    @property
    def n_segments(self) -> int:
        """Number of segments."""
        return len(self.centroids)

    def energies(self, X: NDArray[Any]) -> Floats:
        """Return the energy of each segment for each row, (n, k)."""
        X = np.ascontiguousarray(X, dtype=np.float64)
        distances, cells = self._distances()
        step = max(1, cells // max(1, self.prototypes.size))
        energy = np.empty((len(X), self.n_segments))
        for start in range(0, len(X), step):
            found = distances(X[start : start + step])
            energy[start : start + step] = self._least(found if self.offset is None else found + self.offset)
        return energy

    def _distances(self) -> tuple[Callable[[Floats], Floats], int]:
        """Return what measures rows against the prototypes, and how many cells it should hold at once."""
        from scipy.spatial.distance import cdist

        whitening = self.whitening
        if whitening is None:
            return lambda rows: cdist(rows, self.prototypes, "sqeuclidean"), _CELLS
        if whitening.ndim == 3 and (whitening == whitening[0]).all():
            # One covariance for all (a tied mixture): rows are whitened once, and not once a prototype. Apart from the
            # middle, as differences of whitened rows far from the origin would lose digits.
            middle = self.prototypes.mean(axis=0)
            points = np.einsum("pd,de->pe", self.prototypes - middle, whitening[0])
            return (
                lambda rows: cdist(np.einsum("nd,de->ne", rows - middle, whitening[0]), points, "sqeuclidean"),
                _CELLS,
            )

        def whitened(rows: Floats) -> Floats:
            difference = rows[:, None, :] - self.prototypes[None]
            white = (
                difference * whitening if whitening.ndim == 2 else np.einsum("npd,pde->npe", difference, whitening)
            )
            return np.asarray(np.square(white).sum(axis=2))

        return whitened, _WHITENED_CELLS

    def _least(self, energy: Floats) -> Floats:
        if len(self.owner) == self.n_segments:
            least = np.empty_like(energy)
            least[:, self.owner] = energy
            return least
        least = np.full((len(energy), self.n_segments), np.inf)
        for prototype, segment in enumerate(self.owner):
            np.minimum(least[:, segment], energy[:, prototype], out=least[:, segment])
        return least

    def labels(self, X: NDArray[Any]) -> Ints:
        """Return the segment of least energy of each row; ties go to the lower index."""
        nearest: Ints = self.energies(X).argmin(axis=1).astype(np.int64)
        return nearest

    def reordered(self, order: Ints) -> Rule:
        """Return the rule whose segment ``i`` is this one's segment ``order[i]``; others are dropped."""
        place = np.full(self.n_segments, -1, dtype=np.int64)
        place[order] = np.arange(len(order))
        kept = np.flatnonzero(place[self.owner] >= 0)
        kept = kept[np.argsort(place[self.owner[kept]], kind="stable")]
        return replace(
            self,
            prototypes=self.prototypes[kept],
            owner=place[self.owner[kept]],
            centroids=self.centroids[order],
            whitening=None if self.whitening is None else self.whitening[kept],
            offset=None if self.offset is None else self.offset[kept],
        )


def weights(energy: Floats, temperature: float) -> Floats:
    """Return softmax of ``-energy / temperature`` by row; rows sum to one."""
    scaled = -(energy - energy.min(axis=1, keepdims=True)) / temperature
    raised = np.exp(scaled)
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def within_temperature(X: Floats, labels: Ints, centroids: Floats) -> float:
    """Return twice the within-segment variance per effective dimension.

    Were every segment a round Gaussian of the pooled within-segment covariance ``S``, the posterior
    would be ``softmax(-d^2 / (2 s^2))`` with ``s^2`` the variance of a dimension. Principal components
    are far from round, so ``s^2 = tr(S S) / tr(S)``: the trace over the effective number of
    dimensions ``tr(S)^2 / tr(S S)`` (participation ratio). Where members coincide with their
    centroid, a thousandth of the overall variance stands in.
    """
    residual = X - centroids[labels]
    covariance = residual.T @ residual / len(X)
    trace = float(np.trace(covariance))
    spread = float(X.var(axis=0).sum())
    floor = 1e-3 * spread if spread > 0 else 1.0
    if trace <= 0:
        return floor
    return max(2.0 * float(np.square(covariance).sum()) / trace, floor)


def euclidean_rule(X: Floats, labels: Ints, centroids: Floats) -> Rule:
    """Return the rule of one prototype a segment: its centroid."""
    owner = np.arange(len(centroids), dtype=np.int64)
    return Rule(centroids, owner, centroids, within_temperature(X, labels, centroids))


def means(X: Floats, labels: Ints, k: int) -> Floats:
    """Return the mean of each of ``k`` segments, (k, d); labels below zero are left out."""
    inside = np.flatnonzero(labels >= 0)
    member = sparse.csr_matrix((np.ones(len(inside)), (labels[inside], inside)), shape=(k, len(X)))
    sizes = np.bincount(labels[inside], minlength=k).astype(np.float64)
    centroids: Floats = (member @ X) / np.maximum(sizes, 1.0)[:, None]
    return centroids
