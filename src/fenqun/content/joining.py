"""One vector an item out of its text, picture and sound, of which any may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fenqun.content.whitening import Whitening

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Ridge penalties to choose from, in units of the mean square length of a row."""

LEAST = 2
"""Directions that a medium gets at least."""


@dataclass(frozen=True)
class Told:
    """Raw vectors of one medium.

    Attributes
    ----------
    vectors
        (k, d): one row for each different content, in an order that does not depend on the items'.
    place
        int64 (n,): the row of each item; -1 where it has none.
    """

    vectors: npt.NDArray[Any]
    place: npt.NDArray[np.int64]

    @property
    def present(self) -> Bools:
        """Items that have this medium, bool (n,)."""
        return self.place >= 0


@dataclass(frozen=True)
class Joining:
    """Each medium whitened on its own, side by side; what is missing is told by what is there.

    The width is shared out by the number of items that each medium describes. Where an item lacks a
    medium, its part is the ridge regression on the parts that it has, learned on items that have
    both, with the penalty of the least leave-one-out error, and zero where no penalty beats zero. So
    an item with only a title and one with only a picture are comparable as far as titles tell
    pictures, and not at all where they do not. A part weighs the same in every item: an item that
    tells less has a shorter vector.

    Attributes
    ----------
    whitenings
        By medium, in the order of the parts.
    bridges
        By medium and the media that tell it: coefficients, or None where they tell nothing.
    """

    whitenings: Mapping[str, Whitening]
    bridges: Mapping[tuple[str, tuple[str, ...]], Floats | None]

    @classmethod
    def fit(cls, media: Mapping[str, Told], width: int) -> Self:
        """Learn from items; media that no item has are left out.

        Parameters
        ----------
        media
            By name; all of the same number of items.
        width
            Of a joined vector.
        """
        used = {name: told for name, told in media.items() if told.present.any()}
        widths = share_width({name: int(told.present.sum()) for name, told in used.items()}, width)
        whitenings = {name: Whitening.fit(told.vectors, widths[name]) for name, told in used.items()}
        parts = {name: _part(told, whitenings[name]) for name, told in used.items()}
        bridges: dict[tuple[str, tuple[str, ...]], Floats | None] = {}
        for name in used:
            others = [other for other in used if other != name]
            for size in range(1, len(others) + 1):
                for tellers in combinations(others, size):
                    rows = np.logical_and.reduce([used[n].present for n in (name, *tellers)])
                    inputs = np.hstack([parts[teller][rows] for teller in tellers])
                    bridges[name, tellers] = _regress(inputs, parts[name][rows])
        return cls(whitenings, bridges)

    def transform(self, media: Mapping[str, Told]) -> Floats32:
        """Join, float32 (n, width); rows of unit length where every medium is there, zero where none is."""
        own = {name: _part(media[name], self.whitenings[name]) for name in self.whitenings}
        present = {name: media[name].present for name in self.whitenings}
        joined = []
        for name in self.whitenings:
            part = own[name].copy()
            others = [other for other in self.whitenings if other != name]
            for size in range(1, len(others) + 1):
                for tellers in combinations(others, size):
                    coefficients = self.bridges[name, tellers]
                    silent = [other for other in others if other not in tellers]
                    rows = np.logical_and.reduce([present[teller] for teller in tellers])
                    rows &= ~np.logical_or.reduce([present[n] for n in (name, *silent)])
                    if coefficients is not None and rows.any():
                        part[rows] = np.hstack([own[teller][rows] for teller in tellers]) @ coefficients
            joined.append(part)
        whole: Floats = np.hstack(joined) / np.sqrt(len(joined))
        return whole.astype(np.float32)


def share_width(items: Mapping[str, int], width: int) -> dict[str, int]:
    """Share a width out by numbers of items; none gets less than :data:`LEAST`, where there is room.

    >>> share_width({"text": 100, "image": 100}, 64)
    {'text': 32, 'image': 32}
    >>> share_width({"text": 1000, "audio": 1}, 64)
    {'text': 62, 'audio': 2}
    """
    total = sum(items.values())
    widths = {name: max(min(LEAST, width // len(items)), width * count // total) for name, count in items.items()}
    largest = max(widths, key=lambda name: (items[name], -list(items).index(name)))
    widths[largest] += width - sum(widths.values())
    return widths


def _part(told: Told, whitening: Whitening) -> Floats:
    part = np.zeros((len(told.place), whitening.kernel.shape[1]))
    if told.present.any():
        part[told.present] = whitening.transform(told.vectors)[told.place[told.present]]
    return part


def _regress(inputs: Floats, outputs: Floats) -> Floats | None:
    """Ridge coefficients with the least leave-one-out error; None where telling nothing is as good.

    The residual of a row left out is its residual over one less its leverage (Golub, Heath and Wahba
    1979, Technometrics 21(2), eq. 1.3).
    """
    if len(inputs) < 3:
        return None
    left, singular, right = np.linalg.svd(inputs, full_matrices=False)
    projected = left.T @ outputs
    unit = max(float((singular**2).sum()) / len(inputs), 1e-12)
    least, best = float((outputs**2).sum()), None
    for penalty in PENALTIES:
        shrink = singular**2 / (singular**2 + penalty * unit)
        residual = outputs - left @ (shrink[:, None] * projected)
        residual /= np.maximum(1.0 - (left**2) @ shrink, 1e-6)[:, None]
        error = float((residual**2).sum())
        if error < least:
            inverse = np.divide(shrink, singular, out=np.zeros_like(singular), where=singular > 1e-12)
            least, best = error, right.T @ (inverse[:, None] * projected)
    return best
