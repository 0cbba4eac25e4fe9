"""Do groups of vectors differ in their means? Welch's statistic for many dimensions, against shuffles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Draw = Callable[[np.random.Generator, int], Floats]

FIRST_DRAWS = 99
"""Draws after which a test stops that :data:`ENOUGH` of them have decided."""
ENOUGH = 10

_CELLS = 4_000_000
_FLAT = 1e-3  # of the overall variance: least variance of a group


def welch_statistic(X: Floats, labels: Ints, codes: Sequence[int]) -> Floats:
    """Return how far the means of groups lie apart in units of their own errors, one number a labelling.

    Welch's statistic for ``k`` groups with squared Euclidean distances in the place of squared differences (Hamidi,
    Wallace, Vasu and Alekseyenko, 2019, Microbiome 7:51, eq. 3 to 5). Its permutation test stays valid where groups differ in
    spread and size, as a plain distance does not: short visits scatter more than long ones.

    Parameters
    ----------
    X
        (n, d), or (b, n, d) where each labelling has rows of its own.
    labels
        (b, n); rows with a label that is not among ``codes`` are left out.
    codes
        The ``k`` groups.

    Returns
    -------
    ndarray
        (b,); NaN where a group has fewer than two rows.
    """
    inside = (labels[:, None, :] == np.asarray(codes)[:, None]).astype(np.float64)
    b, k, _ = inside.shape
    norms = np.square(X).sum(axis=-1)
    n = inside.sum(axis=2)
    if X.ndim == 2:
        sums = (inside.reshape(b * k, -1) @ X).reshape(b, k, -1)
        squares = inside @ norms
    else:
        sums = inside @ X
        squares = (inside @ norms[:, :, None])[:, :, 0]
    few = (n < 2).any(axis=1)
    size = np.maximum(n, 2.0)
    means = sums / size[:, :, None]
    everyone = sums.sum(axis=1) / size.sum(axis=1, keepdims=True)
    overall = np.maximum(squares.sum(axis=1) / size.sum(axis=1) - np.square(everyone).sum(axis=1), 0.0)
    variance = np.maximum(squares - size * np.square(means).sum(axis=2), 0.0) / (size - 1)
    variance = np.maximum(variance, np.maximum(_FLAT * overall, 1e-12)[:, None])
    weight = size / variance
    total = weight.sum(axis=1, keepdims=True)
    centre = (weight[:, :, None] * means).sum(axis=1) / total
    between = (weight * np.square(means - centre[:, None]).sum(axis=2)).sum(axis=1) / (k - 1)
    correction = (np.square(1 - weight / total) / (size - 1)).sum(axis=1) * 2 * (k - 2) / (k * k - 1)
    return np.where(few, np.nan, between / (1 + correction))


def shuffled_labels(X: Floats, labels: Ints, codes: Sequence[int]) -> Draw:
    """Return the statistic of drawn labellings: the labels of (n, d) rows, each as often as before, in another order."""

    def draw(random: np.random.Generator, b: int) -> Floats:
        tiled = np.broadcast_to(labels, (b, len(labels)))
        return welch_statistic(X, random.permuted(tiled, axis=1), codes)

    return draw


def permutation_p(observed: float, draw: Draw, draws: int, random: np.random.Generator, cells: int = 1) -> float:
    """Return the p-value of a statistic against draws of it: the share at least as large, itself among them.

    Parameters
    ----------
    observed
        The statistic.
    draw
        Takes a generator and a number, returns as many statistics; NaN counts as larger.
    draws
        Of which the first :data:`FIRST_DRAWS` suffice where :data:`ENOUGH` of them are as large: a p-value above a
        tenth is settled early (after Besag and Clifford, 1991, Biometrika 78).
    random
        Seeded by the caller.
    cells
        Numbers that one draw holds, which bounds how many are made at once.
    """
    least = observed - 1e-9 * abs(observed)
    larger = made = 0
    while made < draws:
        b = min(FIRST_DRAWS - made if made < FIRST_DRAWS else draws - made, max(1, _CELLS // max(cells, 1)))
        larger += int((~(draw(random, b) < least)).sum())
        made += b
        if made == FIRST_DRAWS and larger >= ENOUGH:
            break
    return (larger + 1) / (made + 1)
