"""Users to cluster, made once."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Six well separated groups of unequal size in eight dimensions, and the group of each row."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(6), [120, 100, 80, 60, 50, 40])
    centres = 12 * np.eye(8)[:6]
    X = centres[truth] + rng.normal(size=(len(truth), 8))
    order = rng.permutation(len(truth))
    return X[order], truth[order]


@pytest.fixture(scope="session")
def continuum() -> np.ndarray:
    """People without gaps: one correlated cloud."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(400, 6)) * np.geomspace(2, 0.3, 6)
