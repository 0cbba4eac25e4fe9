import numpy as np
import pytest

from fenqun.evaluation.probes import probe_class, probe_groups, probe_value


def vectors(n=300):
    return np.random.default_rng(0).normal(size=(n, 4))


def test_two_classes_give_auc():
    X = vectors()
    known = probe_class(X, np.where(X[:, 0] > 0, "a", "b"))
    chance = probe_class(X, np.random.default_rng(1).integers(0, 2, len(X)))
    assert known.metric == "auc"
    assert known.value > 0.98
    assert abs(chance.value - 0.5) < 0.12
    assert chance.se > 0


def test_more_classes_give_accuracy_and_unknown_users_do_not_count():
    X = vectors()
    y = np.digitize(X[:, 1], [-0.5, 0.5]).astype(object)
    y[:50] = None
    y[50] = "rare"
    found = probe_class(X, y)
    assert (found.metric, found.n) == ("accuracy", 249)
    assert found.value > 0.85


def test_scale_of_columns_changes_nothing():
    X = vectors()
    y = X[:, 0] + X[:, 1] > 0
    assert probe_class(X, y).value == pytest.approx(probe_class(X * [1, 1000, 1, 1e-3] + 7, y).value, abs=1e-6)


def test_numbers_give_r2():
    X = vectors()
    y = X[:, 0] + np.random.default_rng(1).normal(size=len(X))
    y[:30] = np.nan
    found = probe_value(X, y)
    assert found.value == pytest.approx(0.5, abs=0.12)
    assert found.n == 270
    assert probe_value(X, np.random.default_rng(2).normal(size=len(X))).value < 0.05


def test_groups():
    groups = np.arange(400) % 4
    y = np.where(np.random.default_rng(0).random(400) < 0.8, groups, 9)
    found = probe_groups(groups, y)
    assert found.value == pytest.approx(0.8, abs=0.06)
    assert found.value == pytest.approx(probe_groups((groups + 1) % 4, y).value)
    assert probe_groups(np.arange(400), y).value < 0.3  # every user a group knows nothing of others


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("probe", [probe_class, probe_value, probe_groups])
@pytest.mark.parametrize("y", [np.full(6, np.nan), np.zeros(0)])
def test_nothing_to_learn_is_nan(probe, y):
    found = probe(np.zeros((len(y), 2)) if probe is not probe_groups else np.zeros(len(y)), y)
    assert np.isnan(found.value)
    assert found.n == 0


@pytest.mark.filterwarnings("error")
def test_one_class_and_a_constant_are_nan():
    assert np.isnan(probe_class(vectors(20), ["a"] * 20).value)
    assert np.isnan(probe_value(vectors(20), np.ones(20)).value)
