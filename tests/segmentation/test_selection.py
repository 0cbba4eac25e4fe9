"""Trials on real clusterings, judged by what was planted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from fenqun.config import Segmentation as Settings
from fenqun.schema import TRIALS
from fenqun.segmentation.selection import GRID, grid, least_size, select


def judge_by(truth):
    return lambda labels: {"lift": 1 + adjusted_rand_score(truth, labels), "lift_se": 0.01, "probe": float("nan")}


def internal(X, labels):
    return {"silhouette": float(silhouette_score(X, labels)) if len(set(labels)) > 1 else float("nan")}


@pytest.fixture(scope="module")
def selection(blobs):
    X, truth = blobs
    return select(X, judge_by(truth), Settings(), internal=internal, seed=3, strategy="learned", reducer="pca")


def test_finds_the_planted_number(selection):
    assert selection.chosen.k == 6
    assert not selection.marked
    assert sum(trial.verdict == "chosen" for trial in selection.trials) == 1


def test_every_clusterer_is_tried_at_every_k(selection):
    tried = {(trial.clusterer, trial.asked) for trial in selection.trials}
    for name in ("kmeans", "minibatch_kmeans", "ward", "gaussian_mixture"):
        assert {k for clusterer, k in tried if clusterer == name} >= set(GRID)
    assert sum(trial.clusterer == "dbscan" for trial in selection.trials) >= 3
    assert sum(trial.clusterer == "hdbscan" for trial in selection.trials) >= 3


def test_density_trials_carry_their_own_k(selection):
    found = {trial.k for trial in selection.trials if trial.clusterer == "hdbscan"}
    assert 6 in found


def test_table_says_all(selection):
    table = selection.table()
    assert table.schema == TRIALS
    for row in table.to_pylist():
        assert row["why"]
        metrics = json.loads(row["metrics"])
        assert {"lift", "probe", "silhouette", "noise", "smallest"} <= metrics.keys()
        assert metrics["probe"] is None
        assert "seed" not in json.loads(row["parameters"])
    dbscan = next(row for row in table.to_pylist() if row["clusterer"] == "dbscan")
    assert {"eps", "eps_quantile", "min_samples"} <= json.loads(dbscan["parameters"]).keys()


def test_the_same_twice(selection, blobs):
    X, truth = blobs
    again = select(X, judge_by(truth), Settings(), internal=internal, seed=3, strategy="learned", reducer="pca")
    assert again.table().equals(selection.table())


def test_refit_repeats_the_chosen_clustering(selection, blobs):
    X, truth = blobs
    model = selection.refit(X, seed=3, threads=1)
    assert adjusted_rand_score(truth, model.predict(X)) > 0.97
    assert model.n_clusters_ == selection.chosen.k


@pytest.mark.parametrize("name", ["kmeans", "dbscan", "hdbscan", "gaussian_mixture", "ward"])
def test_the_user_may_fix_the_clusterer(name, blobs):
    X, truth = blobs
    chosen = select(X, judge_by(truth), Settings(clusterers=(name,)), seed=1)
    assert chosen.chosen.clusterer == name
    assert chosen.refit(X, seed=1, threads=1).n_clusters_ == chosen.chosen.k


def test_the_user_may_fix_k(blobs):
    X, truth = blobs
    chosen = select(X, judge_by(truth), Settings(k=4), seed=1)
    assert chosen.chosen.k == 4
    others = {(trial.verdict, trial.why) for trial in chosen.trials if trial.k == 6}
    assert ("lost", "finds 6 segments, 4 were asked for") in others
    assert select(X, judge_by(truth), Settings(k=(3, 6)), seed=1).chosen.k == 6


def test_too_few_users_for_any_segment_are_published_and_marked():
    X = np.random.default_rng(0).normal(size=(15, 3))
    chosen = select(X, lambda labels: {"lift": float(labels.max())}, Settings(clusterers=("kmeans",)), seed=1)
    assert chosen.marked
    assert chosen.chosen.k == 3
    assert "chosen although smallest segment" in chosen.chosen.why


@pytest.mark.parametrize("X", [np.zeros((1, 2)), np.ones((30, 2))])
def test_one_user_and_identical_users(X):
    chosen = select(X, lambda labels: {"lift": 1.0}, Settings(), seed=1)
    assert chosen.chosen.k == 1
    assert chosen.refit(X, seed=1, threads=1).predict(X).tolist() == [0] * len(X)


def test_equal_partitions_are_judged_once(blobs):
    X, _ = blobs
    seen = []

    def judge(labels):
        seen.append(labels.tobytes())
        return {"lift": 1.0}

    select(X, judge, Settings(k=6), seed=1)
    assert len(seen) == len(set(seen))


def test_given_segments_are_never_too_many():
    X = np.eye(40)[np.arange(400) % 40]
    chosen = select(X, lambda labels: {"lift": 1.0}, Settings(), clusterers=["given"], seed=1)
    assert chosen.chosen.k == 40
    assert not chosen.marked


def test_judge_sees_compact_labels_of_everyone(blobs):
    X, _ = blobs

    def judge(labels):
        assert len(labels) == len(X)
        assert set(labels) == set(range(labels.max() + 1))
        sizes = np.bincount(labels)
        assert (np.diff(sizes) <= 0).all()
        return {"lift": 1.0}

    select(X, judge, Settings(), seed=1)


def test_grid_and_least_size():
    assert [least_size(n, Settings()) for n in (5, 1000, 1001, 4000, 10**6)] == [10, 10, 11, 40, 50]
    assert least_size(10**6, Settings(min_size=7)) == 7
    assert grid(10**6, Settings()) == GRID
    assert grid(10**6, Settings(k_min=7, k_max=11)) == (7, 8, 10, 11)
    assert grid(55, Settings()) == (3, 4, 5)
    assert grid(3, Settings()) == (3,)
    assert grid(3, Settings(k=12)) == (12,)
    assert grid(3, Settings(k=(9, 2, 9))) == (2, 9)


def test_looks_closer_around_the_winner():
    """Seven groups lie between two numbers of the grid."""
    rng = np.random.default_rng(5)
    truth = np.repeat(np.arange(7), 60)
    X = rng.normal(size=(7, 8))[truth] * 3 + rng.normal(size=(len(truth), 8)) * 0.4
    found = select(X, judge_by(truth), Settings(clusterers=("kmeans",)), seed=2)
    assert found.chosen.k == 7
    assert {trial.asked for trial in found.trials} > set(GRID) - {7}
    fixed = select(X, judge_by(truth), Settings(clusterers=("kmeans",)), seed=2, ks=(6, 8))
    assert {trial.asked for trial in fixed.trials} == {6, 8}
