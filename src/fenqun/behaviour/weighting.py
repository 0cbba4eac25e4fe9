"""How much each item weighs in a user: repeats damped, items that everyone takes damped, rows normalised."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]
Weighting = Literal["log", "binary"]

REPEATED = 1.05
"""Mean weight of a (user, item) pair, in units of its smallest usual weight, above which items repeat."""


def usual_weighting(counts: sparse.csr_matrix) -> Weighting:
    """Tell a log in which items repeat (``log``) from one in which a pair occurs once (``binary``).

    Parameters
    ----------
    counts
        CSR, shape (n_users, n_items): event weights.
    """
    if not counts.nnz:
        return "binary"
    # Event types may weigh less than one: a log of single views at .2 does not repeat either.
    unit = float(np.median(counts.data[counts.data > 0])) if (counts.data > 0).any() else 1.0
    return "log" if float(counts.data.mean()) / unit > REPEATED else "binary"


def damp(counts: Any, weighting: Weighting) -> sparse.csr_matrix:
    """Weigh repeated events: ``log1p`` of the count, or 1.

    Returns
    -------
    csr_matrix
        float64, canonical format (sorted, summed), only positive entries.
    """
    weights = sparse.csr_matrix(counts, dtype=np.float64, copy=True)
    weights.sum_duplicates()
    weights.data = np.where(weights.data > 0, weights.data, 0.0)
    weights.eliminate_zeros()
    weights.data = np.log1p(weights.data) if weighting == "log" else np.ones_like(weights.data)
    return weights


def inverse_document_frequency(counts: sparse.csr_matrix) -> Floats:
    """Return ``log(1 + users / (1 + users with the item))`` of each item, shape (n_items,).

    It stays positive for an item that everyone has, so that a log of few items keeps its users apart.
    """
    users = np.bincount(counts.indices, minlength=counts.shape[1]).astype(np.float64)
    return np.asarray(np.log1p(counts.shape[0] / (1.0 + users)), dtype=np.float64)


def weigh_users(counts: Any, weighting: Weighting, idf: Floats) -> sparse.csr_matrix:
    """Return users as L2-normalised rows of damped counts times idf; an empty row stays empty."""
    weights = damp(counts, weighting)
    weights.data *= idf[weights.indices]
    squares = np.asarray(weights.multiply(weights).sum(axis=1)).ravel()
    norms = np.sqrt(squares)
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    weights.data *= np.repeat(scale, np.diff(weights.indptr))
    return weights


def unit_rows(vectors: npt.NDArray[Any]) -> Floats:
    """L2-normalise rows; a zero row stays zero."""
    rows = np.asarray(vectors, dtype=np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    scale: Floats = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 1e-12)
    return rows * scale[:, None]
