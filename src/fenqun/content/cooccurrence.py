"""Which texts are consumed together more than chance has it: pointwise mutual information, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

USERS = 20_000
"""Users that are looked at; more change the figures little and cost much."""


class CoOccurrence:
    """Texts of items, and how far two of them go together.

    Every user (or basket) with n texts gives each of its pairs the weight 1/n, so that no heavy user decides:
    ``C = B' diag(1/n) B``. With ``f`` the users of a text, ``f = C 1``, and ``PMI = log(C_ij sum(f) / (f_i f_j))``
    (Church and Hanks 1990, Computational Linguistics 16, section 3). Partners are drawn in proportion to
    ``C max(PMI, 0)``, local mutual information, which does not favour rare texts as PMI alone does.

    Parameters
    ----------
    texts
        One an item; None is no text.
    counts
        CSR, shape (n_users, n_items): what happened in the time to learn from. Rows may as well be baskets or
        sessions: then "together" means close in time.
    seed
        Draws the users where there are too many.

    Attributes
    ----------
    texts
        Distinct texts, sorted.
    frequency
        float64 (n_texts,): users with the text, of those looked at.
    """

    def __init__(self, texts: Sequence[str | None], counts: Any, seed: int = 0) -> None:
        cleaned = [" ".join(text.split()) if text else "" for text in texts]
        self.texts: list[str] = sorted({text for text in cleaned if text})
        place = {text: row for row, text in enumerate(self.texts)}
        items = np.array([item for item, text in enumerate(cleaned) if text], dtype=np.int64)
        rows = np.array([place[cleaned[item]] for item in items], dtype=np.int64)
        matrix = sparse.csr_matrix(counts, dtype=np.float64)
        matrix = sparse.csr_matrix(matrix > 0, dtype=np.float64)
        matrix = matrix[np.diff(matrix.indptr) >= 2]
        if matrix.shape[0] > USERS:
            drawn = np.random.default_rng([seed, 0xC00C]).choice(matrix.shape[0], USERS, replace=False)
            matrix = matrix[np.sort(drawn)]
        belongs = sparse.csr_matrix(
            (np.ones(len(items)), (items, rows)), shape=(matrix.shape[1], max(len(self.texts), 1))
        )
        self._users = sparse.csr_matrix(matrix @ belongs > 0, dtype=np.float64)
        sizes = np.diff(self._users.indptr)
        self._weighed = self._users.multiply(1.0 / np.maximum(sizes, 1)[:, None]).T.tocsr()
        self.frequency: Floats = np.asarray(self._users.sum(axis=0)).ravel()

    def together(self, rows: Ints) -> tuple[Floats, Floats]:
        """Return ``C`` and ``PMI`` of texts with all texts, float64 (len(rows), n_texts) each; -inf where never."""
        joint = np.asarray((self._weighed[rows] @ self._users).todense())
        joint[np.arange(len(rows)), rows] = 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            pmi = np.log(joint * self.frequency.sum() / np.outer(self.frequency[rows], self.frequency))
        return joint, np.where(joint > 0, pmi, -np.inf)

    def partners(self, joint: Floats, pmi: Floats, allowed: npt.NDArray[np.bool_], draws: Floats) -> Ints:
        """Draw texts that go with each row, among those allowed; -1 where there are none.

        Parameters
        ----------
        joint, pmi
            Of :meth:`together`, shape (n, n_texts).
        allowed
            bool (n_texts,).
        draws
            float64 (n, m) in [0, 1): what decides.

        Returns
        -------
        ndarray
            int64 (n, m).
        """
        mass = np.where(allowed[None] & (pmi > 0), joint * np.maximum(pmi, 0.0), 0.0)
        return _draw(mass, draws)

    def strangers(self, pmi: Floats, allowed: npt.NDArray[np.bool_], draws: Floats) -> Ints:
        """Draw texts by their frequency among those that go with a row no more than chance has it."""
        return _draw(np.where(allowed[None] & (pmi <= 0), self.frequency[None], 0.0), draws)


def _draw(mass: Floats, draws: Floats) -> Ints:
    """Draw columns of each row in proportion to its mass, int64 of the shape of draws; -1 for a row without."""
    ends = np.cumsum(mass, axis=1)
    found = np.full(draws.shape, -1, dtype=np.int64)
    for row, end in enumerate(ends):
        if end[-1] > 0:
            at = np.searchsorted(end, draws[row] * end[-1], side="right")
            found[row] = np.minimum(at, np.flatnonzero(mass[row])[-1])
    return found
