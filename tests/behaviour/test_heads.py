"""Heads on frozen vectors, and fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from fenqun.behaviour.calibration import calibration_error, platt, reliability, sigmoid, softmax, temperature
from fenqun.behaviour.heads import Head, finetune
from fenqun.errors import QualityError, RunError


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1500, 8))


def test_two_classes(vectors: np.ndarray, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    p = sigmoid(2 * vectors[:, 0] - vectors[:, 1])
    y = np.where(random.random(1500) < p, "yes", "no").astype(object)
    y[:20] = None
    head = Head("class", seed=1).fit(vectors[:1000], y[:1000])
    assert head.classes_ == ["no", "yes"]
    found = head.predict(vectors[1000:])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    truth = y[1000:] == "yes"
    assert roc_auc_score(truth, found[:, 1]) > 0.85
    assert calibration_error(found[:, 1], truth.astype(float)) < 0.07
    report = head.report_
    assert (report.metric, report.n) == ("auc", 980)
    assert report.low < report.value < report.high
    assert report.family == "linear"
    assert sum(b.n for b in report.table) == 980
    head.save(tmp_path)
    again = Head.load(tmp_path)
    np.testing.assert_array_equal(again.predict(vectors), head.predict(vectors))
    assert again.report_ == report


def test_trees_win_where_lines_cannot(vectors: np.ndarray, tmp_path: Path) -> None:
    y = (vectors[:, 0] * vectors[:, 1] > 0).astype(int) + 2 * (vectors[:, 2] > 1)
    head = Head("class").fit(vectors, y)
    assert head.report_.family == "trees"
    assert head.report_.metric == "accuracy"
    assert head.report_.value > 0.8
    head.save(tmp_path)
    np.testing.assert_array_equal(Head.load(tmp_path).predict(vectors[:9]), head.predict(vectors[:9]))


@pytest.mark.parametrize("skewed", [False, True])
def test_values(vectors: np.ndarray, skewed: bool, tmp_path: Path) -> None:
    noise = np.random.default_rng(2).normal(0, 0.3, 1500)
    y = vectors[:, 0] + noise
    y = np.exp(1.2 * y) if skewed else y
    head = Head("value").fit(vectors[:1000], y[:1000])
    assert head.report_.family == ("log_linear" if skewed else "linear")
    assert head.report_.metric == "r2"
    found = head.predict(vectors[1000:])
    assert 1 - ((y[1000:] - found) ** 2).sum() / ((y[1000:] - y[1000:].mean()) ** 2).sum() > 0.6
    head.save(tmp_path)
    np.testing.assert_array_equal(Head.load(tmp_path).predict(vectors), head.predict(vectors))


def test_rows_of_one_user_are_held_out_together() -> None:
    random = np.random.default_rng(7)
    users = np.repeat(np.arange(300), 4)
    X = np.repeat(random.normal(size=(300, 30)), 4, axis=0)
    y = np.repeat(random.integers(0, 2, 300), 4)  # nothing but the user tells it
    together, apart = Head("class").fit(X, y, users).report_, Head("class").fit(X, y).report_
    assert together.n == apart.n == 1200
    assert together.low < 0.5 < 0.9 < apart.value
    assert together.high - together.low > apart.high - apart.low


def test_what_is_never_negative_is_not_predicted_to_be(vectors: np.ndarray, tmp_path: Path) -> None:
    y = np.maximum(vectors[:, 0], 0)
    head = Head("value").fit(vectors, y)
    head.save(tmp_path)
    for one in (head, Head.load(tmp_path)):
        assert one.predict(vectors - 5).min() >= 0
    assert Head("value").fit(vectors, vectors[:, 0]).predict(vectors).min() < -1


def test_many_classes_are_told_apart_by_lines(vectors: np.ndarray) -> None:
    codes = np.argmax(vectors, axis=1) * 3 + (vectors[:, 0] > 0) + (vectors[:, 1] > 0)
    report = Head("class").fit(vectors, codes).report_
    assert len(np.unique(codes)) > 20 and set(report.by_family) == {"linear"}
    assert report.value > 0.4


def test_nothing_to_learn(vectors: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(QualityError, match="too few"):
        Head("value").fit(vectors[:10], np.arange(10))
    with pytest.raises(QualityError, match="the same target"):
        Head("class").fit(vectors, ["a"] * 1500)
    with pytest.raises(RunError, match="no readable head"):
        Head.load(tmp_path)


def test_calibration_by_hand() -> None:
    random = np.random.default_rng(3)
    z = random.normal(0, 1.5, 20_000)
    y = (random.random(20_000) < sigmoid(z)).astype(float)
    slope, intercept = platt(sigmoid(3 * z + 1), y)
    assert slope == pytest.approx(1 / 3, rel=0.1)
    assert intercept == pytest.approx(-1 / 3, abs=0.1)
    scores = np.stack([np.zeros_like(z), 4 * z], axis=1)
    assert temperature(scores, y.astype(np.int64)) == pytest.approx(4, rel=0.1)
    assert calibration_error(sigmoid(z), y) < 0.02 < calibration_error(sigmoid(3 * z), y)
    assert [b.n for b in reliability(np.full(10, 0.5), np.ones(10))] == [10]
    np.testing.assert_allclose(softmax(np.zeros((2, 4))), 0.25)


# -- fine-tuning -------------------------------------------------------------------------------


class Products(torch.nn.Module):
    """An encoder whose frozen vectors do not tell what a little tuning can."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


def batches(x: np.ndarray, users: np.ndarray) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
    for rows in np.array_split(users, max(1, len(users) // 64)):
        yield torch.from_numpy(x[rows]), rows


@pytest.mark.parametrize("kind", ["class", "value"])
def test_tuning_helps_where_frozen_vectors_do_not_tell(kind: str) -> None:
    x = np.random.default_rng(4).normal(size=(1200, 4)).astype(np.float32)
    score = x[:, 0] * x[:, 1]
    y = (score > 0).astype(int) if kind == "class" else 50 + 10 * score
    learn, validate = np.arange(900), np.arange(900, 1200)

    def tuned() -> tuple[Products, object]:
        module = Products()
        shuffled = lambda epoch: batches(x, np.random.default_rng([1, epoch]).permutation(learn))  # noqa: E731
        found = finetune(module, shuffled, lambda: batches(x, validate), y, kind, epochs=12, encoder_rate=1e-2)
        return module, found

    module, found = tuned()
    assert found.epoch > 0
    assert found.losses[found.epoch] == min(found.losses) < 0.8 * found.losses[0]
    with torch.no_grad():
        told = found.predict(module(torch.from_numpy(x[validate])).numpy())
    if kind == "class":
        assert np.mean(told.argmax(axis=1) == y[validate]) > 0.75
    else:
        assert np.corrcoef(told, y[validate])[0, 1] > 0.6
    _, again = tuned()
    assert again.losses == found.losses
    np.testing.assert_array_equal(again.weight, found.weight)


def test_tuning_that_does_not_help_changes_nothing() -> None:
    x = np.random.default_rng(5).normal(size=(200, 4)).astype(np.float32)
    y = np.random.default_rng(6).integers(0, 2, 200)
    module = Products()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = finetune(
        module,
        lambda epoch: batches(x, np.arange(100)),
        lambda: batches(x, np.arange(100, 200)),
        y,
        "class",
        epochs=3,
        encoder_rate=0.3,
        head_rate=0.3,
    )
    assert found.epoch == 0
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, before[name])
    with pytest.raises(QualityError, match="no user"):
        finetune(module, lambda epoch: [], list, y, "class")
