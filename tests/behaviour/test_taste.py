from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse import csr_matrix

from fenqun.behaviour.taste import TasteChoice, TasteEncoder
from fenqun.config import Taste
from fenqun.errors import RunError
from fenqun.progress import Silent

Planted = Callable[..., tuple[csr_matrix, np.ndarray, np.ndarray]]
SMALL = Taste(width=8, epochs=4, batch=32, scales=(5.0, 20.0))


def contrast(vectors: np.ndarray, types: np.ndarray) -> float:
    """Mean cosine of users of one type less that of users of two."""
    cosine = vectors @ vectors.T
    same = types[:, None] == types[None]
    off = ~np.eye(len(types), dtype=bool)
    return float(cosine[same & off].mean() - cosine[~same].mean())


@pytest.mark.parametrize("tune", [False, True])
def test_users_of_one_type_lie_close(planted: Planted, tune: bool) -> None:
    counts, of_user, _ = planted()
    encoder = TasteEncoder(SMALL.model_copy(update={"tune": tune})).fit(counts, seed=7)
    vectors = encoder.transform(counts)
    assert vectors.shape == (120, 8) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert contrast(vectors, of_user) > 0.4
    assert encoder.informative
    assert encoder.chosen.epochs == (4 if tune else 0)


def test_tuning_draws_the_halves_of_a_user_together(planted: Planted) -> None:
    counts, _, _ = planted(200, 90)
    rng = np.random.default_rng(1)
    first = counts.copy()
    first.data = np.where(rng.random(counts.nnz) < 0.5, first.data, 0.0)
    second = counts - first

    def found(encoder: TasteEncoder) -> float:
        cosine = encoder.transform(first) @ encoder.transform(second).T
        return float(np.mean(np.argsort(np.argsort(-cosine, axis=1), axis=1).diagonal()))

    control = TasteEncoder(SMALL.model_copy(update={"tune": False})).fit(counts, seed=7)
    tuned = TasteEncoder(SMALL.model_copy(update={"epochs": 25})).fit(counts, seed=7)
    # Mean rank of a user's own other half among all users.
    assert found(tuned) < found(control)


def test_new_users_and_items_known_by_text_alone_find_their_place(planted: Planted) -> None:
    counts, _, of_item = planted(150, 90)
    text = np.eye(3)[of_item] + np.random.default_rng(0).normal(0, 0.05, (90, 3))
    unseen = np.arange(90) >= 75
    logged = counts.multiply(~unseen).tocsr()
    encoder = TasteEncoder(SMALL).fit(logged, text, np.ones(90, bool), seed=7)
    old, _, _ = planted(3, 90, seed=9)
    newcomers = sparse.csr_matrix((np.ones(15), (np.arange(15) % 3, np.arange(75, 90))), shape=(3, 90))
    cosine = encoder.transform(newcomers) @ encoder.transform(old.multiply(~unseen).tocsr()).T
    assert (cosine.argmax(axis=1) == np.arange(3)).all()
    without = TasteEncoder(SMALL).fit(logged, seed=7).transform(newcomers)
    np.testing.assert_array_equal(without, np.zeros_like(without))


def test_no_gate_and_no_text_are_the_same_fit(planted: Planted) -> None:
    counts, _, of_item = planted()
    text = np.eye(3)[of_item]
    ungated = TasteEncoder(SMALL.model_copy(update={"text_gate": 0.0})).fit(counts, text, np.ones(60, bool), seed=7)
    silent = TasteEncoder(SMALL).fit(counts, text, np.zeros(60, bool), seed=7)
    np.testing.assert_array_equal(ungated.item_table, silent.item_table)
    np.testing.assert_array_equal(silent.item_table, TasteEncoder(SMALL).fit(counts, seed=7).item_table)


def test_the_same_twice_whatever_the_threads(planted: Planted) -> None:
    counts, _, _ = planted()
    fits = [TasteEncoder(SMALL).fit(counts, seed=7, threads=threads).item_table for threads in (1, 2, 2)]
    np.testing.assert_array_equal(fits[0], fits[1])
    np.testing.assert_array_equal(fits[1], fits[2])
    assert not np.array_equal(fits[0], TasteEncoder(SMALL).fit(counts, seed=8).item_table)


def test_a_user_alone_equals_the_batch(planted: Planted) -> None:
    counts, _, _ = planted()
    encoder = TasteEncoder(SMALL).fit(counts, seed=7)
    batch = encoder.transform(counts)
    for user in (0, 17, 119):
        np.testing.assert_allclose(encoder.transform(counts[user])[0], batch[user], atol=1e-6)


def test_validation_chooses_and_later_fits_take_it_over(planted: Planted) -> None:
    counts, _, _ = planted(seed=1)
    later, _, _ = planted(seed=2)
    encoder = TasteEncoder(SMALL).fit(counts, validation=later, repeats=True, seed=7)
    figures = encoder.figures
    assert set(figures["ndcg_by_scale"]) == {"5", "20"}
    assert encoder.chosen.scale == float(max(figures["ndcg_by_scale"], key=lambda s: figures["ndcg_by_scale"][s]))
    assert encoder.chosen.epochs == int(np.argmax(figures["ndcg_by_epoch"]))  # the first figure is the start
    again = TasteEncoder(SMALL, chosen=encoder.chosen).fit(counts, seed=7)
    assert again.chosen == encoder.chosen
    # The checkpoint that was kept is the one that as many epochs give.
    np.testing.assert_array_equal(again.item_table, encoder.item_table)


def test_lists_by_taste_beat_popularity(planted: Planted) -> None:
    counts, of_user, of_item = planted(seed=1)
    encoder = TasteEncoder(SMALL).fit(counts, seed=7)
    scores = encoder.ranking_vectors(counts) @ encoder.item_table.T
    assert scores.shape == counts.shape
    top = np.argsort(-scores, axis=1)[:, :10]
    assert (of_item[top] == of_user[:, None]).mean() > 0.8


@pytest.mark.parametrize(
    "counts",
    [
        [[3.0], [1.0]],
        [[0.0, 0.0], [0.0, 0.0]],
        [[1.0, 0.0], [2.0, 0.0]],
    ],
    ids=["one item", "no events", "one item of two"],
)
def test_fewer_than_two_items_say_nothing(counts: list[list[float]], tmp_path: Path) -> None:
    matrix = sparse.csr_matrix(counts)
    encoder = TasteEncoder(SMALL).fit(matrix, validation=matrix, repeats=True, seed=7)
    assert not encoder.informative
    np.testing.assert_array_equal(encoder.transform(matrix), np.zeros((2, 8), np.float32))
    encoder.save(tmp_path / "taste")
    assert not TasteEncoder.load(tmp_path / "taste").informative


@pytest.mark.parametrize(
    "counts",
    [
        np.ones((1, 5)),
        np.ones((6, 3)),
        np.eye(4),
        np.vstack([np.zeros((2, 4)), np.eye(4)[:2] + 1]),
    ],
    ids=["one user", "identical users", "one item each", "some without items"],
)
def test_tiny_logs_work(counts: np.ndarray) -> None:
    matrix = sparse.csr_matrix(counts)
    encoder = TasteEncoder(SMALL).fit(matrix, validation=matrix, repeats=True, seed=7)
    lengths = np.linalg.norm(encoder.transform(matrix), axis=1)
    np.testing.assert_allclose(lengths, (counts.sum(axis=1) > 0).astype(float), atol=1e-5)


def test_saved_and_loaded(planted: Planted, tmp_path: Path) -> None:
    counts, _, _ = planted()
    encoder = TasteEncoder(SMALL).fit(counts, validation=counts, repeats=True, seed=7)
    encoder.save(tmp_path / "taste")
    again = TasteEncoder.load(tmp_path / "taste")
    np.testing.assert_array_equal(again.transform(counts), encoder.transform(counts))
    assert (again.chosen, again.config, again.figures) == (encoder.chosen, encoder.config, encoder.figures)
    assert isinstance(again.chosen, TasteChoice)


@pytest.mark.parametrize("damage", ["taste.json", "taste.safetensors", None])
def test_a_damaged_folder_is_one_line(planted: Planted, tmp_path: Path, damage: str | None) -> None:
    TasteEncoder(SMALL.model_copy(update={"tune": False})).fit(planted()[0], seed=7).save(tmp_path / "taste")
    if damage:
        (tmp_path / "taste" / damage).write_bytes(b"{\x00 not this")
    with pytest.raises(RunError, match="no readable taste encoder"):
        TasteEncoder.load(tmp_path / "taste" if damage else tmp_path / "nowhere")


def test_progress_counts_events(planted: Planted) -> None:
    class Counting(Silent):
        seen: dict[str, Any]

        def begin(self, label: str, total: int, unit: str) -> None:
            self.seen = {"total": total, "unit": unit, "moved": 0}

        def advance(self, amount: int) -> None:
            self.seen["moved"] += amount

    progress = Counting()
    TasteEncoder(SMALL).fit(planted()[0], seed=7, progress=progress)
    assert progress.seen["unit"] == "events"
    assert progress.seen["moved"] == progress.seen["total"] > 0
