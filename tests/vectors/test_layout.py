from __future__ import annotations

import numpy as np
import pytest

from fenqun.progress import Silent
from fenqun.vectors.layout import layout


def clouds(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 3
    return rng.normal(size=(n, 6)) + 12 * np.eye(6)[label], label


@pytest.mark.parametrize("method", ["tsne", "pca"])
@pytest.mark.parametrize("n", [0, 1, 2, 4, 6, 12])
def test_few_users_have_a_place(method: str, n: int) -> None:
    points = layout(clouds(n)[0], method, seed=7)  # type: ignore[arg-type]
    assert points.shape == (n, 2) and points.dtype == np.float32
    assert np.isfinite(points).all()


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_users_all_alike_are_one_point(method: str) -> None:
    points = layout(np.ones((40, 5)), method, seed=7)  # type: ignore[arg-type]
    np.testing.assert_array_equal(points, np.zeros((40, 2)))


def nearest_share(points: np.ndarray, label: np.ndarray) -> float:
    distance = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    return float((label[distance.argmin(axis=1)] == label).mean())


def test_neighbours_stay_neighbours_and_threads_change_nothing() -> None:
    X, label = clouds(90)
    points = layout(X, "tsne", seed=7, threads=1)
    assert nearest_share(points, label) > 0.98
    np.testing.assert_array_equal(points, layout(X, "tsne", seed=7, threads=2))


def test_users_outside_the_sample_are_placed_among_it() -> None:
    X, label = clouds(120)
    points = layout(X, "tsne", seed=7, sample=60)
    assert np.isfinite(points).all()
    assert nearest_share(points, label) > 0.95
    np.testing.assert_array_equal(points, layout(X, "tsne", seed=7, sample=60))


def test_umap_places_users() -> None:
    pytest.importorskip("umap", reason="the extra umap is not installed")
    X, label = clouds(60)
    points = layout(X, "umap", seed=7)
    assert nearest_share(points, label) > 0.95


def test_progress_counts_every_user() -> None:
    class Counting(Silent):
        total = moved = 0

        def begin(self, label: str, total: int, unit: str) -> None:
            self.total += total

        def advance(self, amount: int) -> None:
            self.moved += amount

    progress = Counting()
    layout(clouds(20)[0], "tsne", seed=7, progress=progress)
    assert progress.total == progress.moved == 20
