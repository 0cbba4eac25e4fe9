"""Whitening: text vectors are anisotropic, so they are centred and given equal variance in every direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

SHRINKAGE = 0.02
"""Share of the mean variance added to each direction: weak directions are mostly noise."""


@dataclass(frozen=True)
class Whitening:
    """Centre, rotate to principal axes, divide by their standard deviation (Su et al. 2021, arXiv:2103.15316).

    Attributes
    ----------
    mean
        float64 (d,).
    kernel
        float64 (d, width); columns of zeros where the texts have fewer directions.
    """

    mean: Floats
    kernel: Floats

    @classmethod
    def fit(cls, vectors: npt.NDArray[Any], width: int) -> Self:
        """Learn from distinct texts, shape (n, d).

        With few texts the variances are estimated badly: they are drawn towards their mean with
        weight ``d / (n + d)``, and less than ``width`` directions are kept where there are not more.
        """
        rows = np.asarray(vectors, dtype=np.float64)
        n, d = rows.shape
        mean = rows.mean(axis=0) if n else np.zeros(d)
        kernel = np.zeros((d, width))
        if n >= 2:
            centred = rows - mean
            variances, axes = np.linalg.eigh(centred.T @ centred / n)
            variances, axes = np.maximum(variances[::-1], 0.0), axes[:, ::-1]
            kept = min(width, d, n - 1, int((variances > 1e-9 * max(variances[0], 1e-30)).sum()))
            average = float(variances.sum() / d)
            drawn = (variances[:kept] * n + average * d) / (n + d) + SHRINKAGE * average
            axes = axes[:, :kept] * _signs(axes[:, :kept])
            kernel[:, :kept] = axes / np.sqrt(np.maximum(drawn, 1e-12))
        return cls(mean, kernel)

    def transform(self, vectors: npt.NDArray[Any]) -> Floats32:
        """Whiten and scale rows to unit length, float32 (n, width); a row at the mean is zero."""
        white = (np.asarray(vectors, dtype=np.float64) - self.mean) @ self.kernel
        norms = np.linalg.norm(white, axis=1, keepdims=True)
        unit: Floats = np.divide(white, norms, out=np.zeros_like(white), where=norms > 1e-9)
        return unit.astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"mean": self.mean.tolist(), "kernel": self.kernel.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        return cls(np.asarray(values["mean"], dtype=np.float64), np.asarray(values["kernel"], dtype=np.float64))


def _signs(axes: Floats) -> Floats:
    """Sign of each column's largest entry, so that an axis always points the same way."""
    largest = np.abs(axes).argmax(axis=0)
    return np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1.0, 1.0)
