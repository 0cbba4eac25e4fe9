"""Ids, assignment, and storage of a fitted segmentation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.errors import FenqunError, RunError
from fenqun.segmentation.clusterers.catalogue import CLUSTERERS, make_clusterer
from fenqun.segmentation.segmentation import Segmentation

NAMES = [name for name in CLUSTERERS if name != "given"]


def segmented(name, X, k=6, seed=3):
    return Segmentation.from_clusterer(make_clusterer(name, k, seed=seed).fit(X), X, name=name, parameters={"k": k})


@pytest.mark.parametrize("name", NAMES)
def test_ids_go_by_size(name, blobs):
    X, _ = blobs
    segmentation = segmented(name, X)
    assert segmentation.ids == ("S01", "S02", "S03", "S04", "S05", "S06")
    assert list(segmentation.sizes) == sorted(segmentation.sizes, reverse=True)
    np.testing.assert_array_equal(np.bincount(segmentation.assign(X).labels), segmentation.sizes)
    assert sum(segmentation.sizes) == len(X)


@pytest.mark.parametrize("name", NAMES)
def test_shuffled_users_keep_their_ids(name, blobs):
    X, _ = blobs
    order = np.random.default_rng(8).permutation(len(X))
    straight = segmented(name, X).assign(X).labels
    shuffled = segmented(name, X[order]).assign(X[order]).labels
    np.testing.assert_array_equal(shuffled, straight[order])


def test_equal_sizes_are_ordered_by_content():
    X = np.repeat(np.array([[5.0, 1.0], [-5.0, 0.0], [0.0, 9.0]]), 10, axis=0)
    for seed in range(5):
        centroids = segmented("kmeans", X, k=3, seed=seed).centroids
        np.testing.assert_allclose(centroids, [[-5, 0], [0, 9], [5, 1]], atol=1e-9)


def test_confidence_is_the_relative_gap_of_distances():
    X = np.repeat(np.array([[0.0], [10.0]]), [6, 4], axis=0)
    segmentation = segmented("kmeans", X, k=2)
    assignment = segmentation.assign(np.array([[0.0], [5.0], [8.0], [-10.0]]))
    np.testing.assert_allclose(assignment.confidence, [1.0, 0.0, 0.6, 1 / 3])
    np.testing.assert_array_equal(assignment.labels, [0, 0, 1, 0])
    np.testing.assert_array_equal(assignment.runner_up, [1, 1, 0, 1])
    np.testing.assert_allclose(assignment.weights.sum(axis=1), 1)
    np.testing.assert_allclose(assignment.weights[1], [0.5, 0.5])


def test_one_segment_is_certain():
    assignment = segmented("kmeans", np.ones((12, 2)), k=4).assign(np.array([[3.0, 4.0]]))
    assert assignment.labels.tolist() == [0]
    assert assignment.confidence.tolist() == [1.0]
    assert assignment.runner_up.tolist() == [-1]
    assert assignment.weights.tolist() == [[1.0]]


@pytest.mark.parametrize("name", NAMES)
def test_storage_keeps_every_assignment(name, continuum, tmp_path):
    segmentation = segmented(name, continuum)
    segmentation.save(tmp_path / "segmentation")
    loaded = Segmentation.load(tmp_path / "segmentation")
    assert {p.suffix for p in (tmp_path / "segmentation").iterdir()} == {".safetensors", ".json"}
    assert (loaded.ids, loaded.sizes, loaded.clusterer) == (segmentation.ids, segmentation.sizes, name)
    assert loaded.parameters == {"k": 6}
    before, after = segmentation.assign(continuum), loaded.assign(continuum)
    for field in ("labels", "confidence", "runner_up", "weights"):
        np.testing.assert_array_equal(getattr(before, field), getattr(after, field))


def test_storage_is_the_same_twice(continuum, tmp_path):
    for folder in ("a", "b"):
        segmented("kmeans", continuum).save(tmp_path / folder)
    for file in ("segmentation.safetensors", "segmentation.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("damage", ["missing", "truncated", "emptied"])
@pytest.mark.parametrize("file", ["segmentation.safetensors", "segmentation.json"])
def test_damaged_storage_is_one_clear_line(damage, file, continuum, tmp_path):
    segmented("kmeans", continuum).save(tmp_path)
    path = tmp_path / file
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:20] if damage == "truncated" else b"{}")
    with pytest.raises(RunError, match="missing or damaged"):
        Segmentation.load(tmp_path)


@pytest.mark.parametrize("X", [np.full((2, 6), np.nan), np.full((1, 6), np.inf), np.zeros((2, 5)), np.zeros(6)])
def test_what_cannot_be_assigned_is_refused(X, continuum):
    with pytest.raises(FenqunError, match="assignment"):
        segmented("kmeans", continuum).assign(X)


@settings(max_examples=40)
@given(
    name=st.sampled_from(NAMES),
    row=st.lists(st.floats(-1e3, 1e3, allow_nan=False), min_size=6, max_size=6),
)
def test_assignment_is_consistent_anywhere(name, row, fitted_once):
    assignment = fitted_once[name].assign(np.array([row]))
    k = len(fitted_once[name].ids)
    assert 0 <= assignment.labels[0] < k
    assert 0 <= assignment.confidence[0] <= 1
    assert assignment.runner_up[0] != assignment.labels[0]
    assert assignment.weights[0].sum() == pytest.approx(1)
    assert assignment.weights[0].max() == assignment.weights[0][assignment.labels[0]]


@pytest.fixture(scope="module")
def fitted_once(continuum):
    return {name: segmented(name, continuum) for name in NAMES}
