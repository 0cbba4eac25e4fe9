"""Agreement of two groupings of the same users, from contingency tables, many tables at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fenqun.evaluation.intervals import Floats, Ints, Statistic


def encode(labels: Any) -> tuple[Ints, list[str]]:
    """Number the distinct labels in the order of their text; -1 where a label is missing.

    Missing are None, NaN and the empty string. Order by text and not by appearance, so that nothing
    depends on the order of users.

    Returns
    -------
    tuple
        codes int64, shape (n,); names.
    """
    values = [None if _missing(v) else _text(v) for v in _items(labels)]
    names = sorted({v for v in values if v is not None})
    index = {name: code for code, name in enumerate(names)}
    return np.array([-1 if v is None else index[v] for v in values], dtype=np.int64), names


def _items(labels: Any) -> list[Any]:
    if hasattr(labels, "to_pylist"):
        return list(labels.to_pylist())
    return list(labels.tolist() if isinstance(labels, np.ndarray) else labels)


def _missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and value != value)


def _text(value: Any) -> str:
    # 1.0 and 1 are one class, whatever type a column came in with.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def dense(groups: npt.ArrayLike) -> tuple[Ints, int]:
    """Number groups from 0 without gaps. Returns (codes, number of groups)."""
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    return codes.astype(np.int64).ravel(), len(names)


def jaccard(shared: npt.NDArray[Any]) -> Floats:
    """Return the Jaccard index of each pair of groups from how many users they share, (k, l); 0 where both are empty."""
    union = shared.sum(axis=1)[:, None] + shared.sum(axis=0)[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros(shared.shape), where=union > 0))


def tables(first: Ints, second: Ints, weights: Floats, shape: tuple[int, int]) -> Floats:
    """Weighted contingency tables.

    Parameters
    ----------
    first, second
        Shape (n,); rows with a negative code do not count.
    weights
        Shape (repeats, n).
    shape
        Numbers of groups (k, c).

    Returns
    -------
    ndarray
        Shape (repeats, k, c).
    """
    rows, columns = shape
    known = np.flatnonzero((first >= 0) & (second >= 0))
    cell = first[known] * columns + second[known]
    place = sparse.csr_matrix(
        (np.ones(len(known)), (cell, known)), shape=(rows * columns, len(first)), dtype=np.float64
    )
    return np.asarray(place @ weights.T, dtype=np.float64).T.reshape(len(weights), rows, columns)


def adjusted_rand(counts: Floats) -> Floats:
    """Adjusted Rand index of contingency tables, shape (..., k, c) (Hubert and Arabie 1985).

    1 where both groupings are trivial in the same way; NaN for an empty table.
    """
    cells = _pairs(counts).sum(axis=(-2, -1))
    rows = _pairs(counts.sum(axis=-1)).sum(axis=-1)
    columns = _pairs(counts.sum(axis=-2)).sum(axis=-1)
    total = counts.sum(axis=(-2, -1))
    everything = _pairs(total)
    expected = np.divide(rows * columns, everything, out=np.zeros_like(rows), where=everything > 0)
    spread = (rows + columns) / 2.0 - expected
    index = np.divide(cells - expected, spread, out=np.ones_like(cells), where=np.abs(spread) > 1e-12)
    return np.where(total > 0, index, np.nan)


def normalized_information(counts: Floats) -> Floats:
    """Mutual information over the mean of the two entropies, shape (..., k, c) (Vinh et al. 2010, JMLR 11).

    1 where both groupings have one group only; NaN for an empty table.
    """
    total = counts.sum(axis=(-2, -1))
    share = np.divide(counts, total[..., None, None], out=np.zeros_like(counts), where=total[..., None, None] > 0)
    joint = _entropy(share.reshape(*share.shape[:-2], -1))
    first, second = _entropy(share.sum(axis=-1)), _entropy(share.sum(axis=-2))
    information = np.maximum(first + second - joint, 0.0)
    mean = (first + second) / 2.0
    value = np.divide(information, mean, out=np.ones_like(mean), where=mean > 1e-12)
    return np.where(total > 0, np.minimum(value, 1.0), np.nan)


def rand_index(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Adjusted Rand index of two groupings, shape (n,) each."""
    (a, k), (b, c) = dense(first), dense(second)
    return float(adjusted_rand(tables(a, b, np.ones((1, len(a))), (k, c)))[0])


def rand_statistic(first: Ints, second: Ints) -> Statistic:
    """Adjusted Rand index as a statistic over users; negative codes do not count."""
    shape = (int(first.max(initial=-1)) + 1, int(second.max(initial=-1)) + 1)
    return lambda weights: adjusted_rand(tables(first, second, weights, shape))


def information_statistic(first: Ints, second: Ints) -> Statistic:
    """Normalised mutual information as a statistic over users; negative codes do not count."""
    shape = (int(first.max(initial=-1)) + 1, int(second.max(initial=-1)) + 1)
    return lambda weights: normalized_information(tables(first, second, weights, shape))


def _pairs(counts: Floats) -> Floats:
    return counts * (counts - 1.0) / 2.0


def _entropy(shares: Floats) -> Floats:
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(axis=-1), dtype=np.float64)
