"""Item factors from the log: implicit-feedback matrix factorisation on TF-IDF confidences."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

Floats32 = npt.NDArray[np.float32]


def als_factors(
    weights: sparse.csr_matrix,
    width: int,
    scale: float,
    iterations: int,
    regularization: float,
    seed: int,
    threads: int,
) -> tuple[Floats32, Floats32]:
    """Factorise with alternating least squares (Hu, Koren and Volinsky 2008, ICDM, section 4).

    Parameters
    ----------
    weights
        CSR, shape (n_users, n_items): L2-normalised TF-IDF rows.
    width
        Factors of a user and of an item.
    scale
        Confidence of a pair is ``1 + scale * weight``.
    iterations, regularization, seed
        Of the optimisation.
    threads
        Rows are solved side by side; the result does not depend on it.

    Returns
    -------
    (users, items)
        float32, shapes (n_users, width) and (n_items, width); rows without an entry are zero.
    """
    from implicit.cpu.als import AlternatingLeastSquares

    confidences = sparse.csr_matrix(weights, dtype=np.float32, copy=True)
    confidences.data = np.float32(1.0) + np.float32(scale) * confidences.data
    # More than one BLAS thread changes the order of sums in the Gram matrices.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        model = AlternatingLeastSquares(
            factors=width,
            regularization=regularization,
            iterations=iterations,
            num_threads=threads,
            random_state=seed,
        )
        model.fit(confidences, show_progress=False)
    users = np.array(model.user_factors, dtype=np.float32)
    items = np.array(model.item_factors, dtype=np.float32)
    users[np.diff(confidences.indptr) == 0] = 0.0
    items[np.bincount(confidences.indices, minlength=confidences.shape[1]) == 0] = 0.0
    return users, items
