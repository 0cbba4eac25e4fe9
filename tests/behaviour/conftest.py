from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse


@pytest.fixture
def planted() -> Callable[..., tuple[sparse.csr_matrix, np.ndarray, np.ndarray]]:
    """Users of three types, each with items of its own, and the type of every user and item."""

    def make(
        n_users: int = 120, n_items: int = 60, seed: int = 0
    ) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        of_user, of_item = np.arange(n_users) % 3, np.arange(n_items) % 3
        chance = np.where(of_user[:, None] == of_item[None], 0.5, 0.05)
        counts = rng.poisson(chance).astype(float)
        # Nobody is left without items of their own.
        counts[np.arange(n_users), of_user] += 1
        return sparse.csr_matrix(counts), of_user, of_item

    return make
