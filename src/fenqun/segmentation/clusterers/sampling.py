"""Seeded samples of users, drawn by what the rows hold and not by where they stand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fenqun.segmentation.rule import Floats, Ints

SAMPLED_ABOVE = 25_000
"""Users from which on k-means, Ward and Gaussian mixtures are fitted on a sample of so many.

A centroid of ``m`` users lies off the one of all users by a variance of ``1 / m``: 30 segments found on so many raise the
spread within segments by about 30 in 25,000 (measured: benchmarks/selection.py).
"""

Words = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)


def draw_rows(X: Floats, most: int, seed: int) -> Ints:
    """Return at most ``most`` rows, in an order of their own.

    Rows are numbered by a seeded hash of their values, those that are alike one after the other, and the lowest numbers are
    drawn. So the drawn rows are the same, in the same order, however the users are sorted and whatever they are called.

    Parameters
    ----------
    X
        (n, d) finite.
    most
        Of the sample; with at least n, all rows come in the order in which they stand.
    seed
        Another seed draws other rows.
    """
    if len(X) <= most:
        return np.arange(len(X), dtype=np.int64)
    content = np.full(len(X), _mixed(np.array([seed], dtype=np.uint64))[0])
    for column in (X + 0.0).T:  # minus zero is zero
        content = _mixed(content + np.ascontiguousarray(column).view(np.uint64))
    number = _mixed(content + _STEP * _repeats(content))
    return np.argsort(number, kind="stable")[:most].astype(np.int64)


def _repeats(content: Words) -> Words:
    """Return how many equal values came before each one."""
    order = np.argsort(content, kind="stable")
    ranked = content[order]
    new = np.append(True, ranked[1:] != ranked[:-1])
    first = np.flatnonzero(new)[np.cumsum(new) - 1]
    repeats = np.empty(len(content), dtype=np.uint64)
    repeats[order] = np.arange(len(content)) - first
    return repeats


def _mixed(words: Words) -> Words:
    """SplitMix64's finaliser (Steele, Lea and Flood, 2014, OOPSLA): every bit hangs on every other."""
    words = words + _STEP
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def sampled(X: Floats, drawn: Floats | Ints) -> dict[str, int]:
    """Return what a fit says of its sample: its size, nothing where it saw everyone."""
    return {"sampled": len(drawn)} if len(drawn) < len(X) else {}
