"""Two vector spaces laid over each other by the users that both of them describe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes

from fenqun.segmentation.rule import FeatureError, Floats


@dataclass(frozen=True)
class Alignment:
    """Rotation (and reflection) of one space onto another, about the centres of the users they share.

    Orthogonal Procrustes (Schoenemann 1966, A generalized solution of the orthogonal Procrustes problem,
    Psychometrika 31): the orthogonal matrix that brings the old rows of the shared users nearest to their new ones
    in least squares. Distances keep their size: there is no scaling, because a scale fitted on users who changed
    would shrink everything towards the middle. Where the spaces differ in width, the narrower one is padded with
    zeros, which keeps every distance in it; what of an old point then falls outside a narrower new space is cut off.

    Attributes
    ----------
    old_centre, new_centre
        (D,) means of the shared users in either space, D the larger of both widths.
    rotation
        (D, D) orthogonal.
    width
        Of the new space.
    fit
        Share of the shared users' variance in the new space that the aligned old rows explain; 1 is a perfect fit.
    """

    old_centre: Floats
    new_centre: Floats
    rotation: Floats
    width: int
    fit: float

    @classmethod
    def of(cls, old: NDArray[np.floating], new: NDArray[np.floating]) -> Self:
        """Align on the rows of shared users.

        Parameters
        ----------
        old, new
            (n, d) and (n, e): the same users in the same order.

        Raises
        ------
        FeatureError
            If there is no shared user.
        """
        if not len(old) or len(old) != len(new):
            raise FeatureError("two spaces can be aligned only on users that both have", where="identity")
        width = max(old.shape[1], new.shape[1])
        first, second = padded(old, width), padded(new, width)
        if np.array_equal(first, second):  # nothing moved: not even by rounding
            nowhere = np.zeros(width)
            return cls(nowhere, nowhere, np.eye(width), new.shape[1], 1.0)
        old_centre, new_centre = first.mean(axis=0), second.mean(axis=0)
        first, second = first - old_centre, second - new_centre
        rotation, _ = orthogonal_procrustes(first, second)
        spread = float(np.square(second).sum())
        missed = float(np.square(first @ rotation - second).sum())
        fit = 1.0 - missed / spread if spread > 0 else float(missed == 0)
        return cls(old_centre, new_centre, rotation, new.shape[1], fit)

    def carry(self, points: NDArray[np.floating]) -> Floats:
        """Return points of the old space, (m, d), in the new one, (m, e)."""
        moved = (padded(points, len(self.rotation)) - self.old_centre) @ self.rotation + self.new_centre
        return np.asarray(moved[:, : self.width], dtype=np.float64)


def padded(points: NDArray[np.floating], width: int) -> Floats:
    """Return rows with zeros appended up to a width."""
    rows = np.asarray(points, dtype=np.float64)
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
