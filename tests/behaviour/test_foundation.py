"""A foundation learns a map from one log that helps on another, and holds nothing but the map."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy import sparse

from fenqun.behaviour.foundation import CARD, TENSORS, Foundation, Texts
from fenqun.behaviour.pretraining import Source, pretrain, strictest
from fenqun.behaviour.taste import TasteEncoder
from fenqun.behaviour.weighting import unit_rows
from fenqun.config import Content, Taste
from fenqun.errors import ConfigError, QualityError, RunError

Planted = Callable[..., tuple[sparse.csr_matrix, np.ndarray, np.ndarray]]
SMALL = Taste(width=8, epochs=4, batch=32, scales=(20.0,))
NOISE, WIDTH = 12, 16


def texts(of_item: np.ndarray, seed: int, encoder: str = "planted") -> Texts:
    """Vectors that say an item's type in three directions, and loudly something else in others."""
    rng = np.random.default_rng(seed)
    vectors = np.hstack([np.eye(3)[of_item], rng.normal(0, 1, (len(of_item), NOISE))])
    return Texts(vectors.astype(np.float32), np.ones(len(of_item), bool), encoder)


@pytest.fixture
def source(planted: Planted) -> Source:
    learn, _, of_item = planted(300, 90, seed=3)
    held_out, _, _ = planted(300, 90, seed=4)
    return Source("shop", texts(of_item, 1), learn, held_out, True)


def margin(rows: np.ndarray, types: np.ndarray) -> float:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosine, same = unit @ unit.T, types[:, None] == types[None]
    return float(cosine[same].mean() - cosine[~same].mean())


def test_it_tells_what_matters_to_people_in_another_catalogue(source: Source) -> None:
    foundation = pretrain([source], SMALL.model_copy(update={"epochs": 20, "learning_rate": 0.03}), WIDTH, ["MIT"])
    of_item = np.arange(40) % 3
    other = texts(of_item, 9)
    untold = Foundation(foundation.kernel, np.eye(WIDTH), "planted", {})
    assert margin(foundation.rows(other), of_item) > margin(untold.rows(other), of_item) + 0.1
    assert foundation.card["epochs"] > 0
    figures = foundation.card["metrics"]["shop"]
    assert figures["neighbour_ndcg@20"] >= figures["text_alone"] > 0 and figures["users"] == 300


def test_several_logs_give_one_map_and_the_same_one_twice(source: Source, planted: Planted) -> None:
    learn, _, of_item = planted(100, 60, seed=5)
    other = Source("films", texts(of_item, 2), learn, learn, True)
    first, second = (pretrain([source, other], SMALL, WIDTH, ["MIT", "research"], seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.matrix, second.matrix)
    assert first.card == second.card
    assert first.card["licence"] == "research"
    assert [row["name"] for row in first.card["data"]] == ["shop", "films"]


def test_the_map_does_not_depend_on_users_order(source: Source) -> None:
    """The card's figures come from draws by position; the kernel, which carries the data, does not."""
    turned = Source("shop", source.texts, source.learn[::-1].tocsr(), source.held_out[::-1].tocsr(), True)
    np.testing.assert_allclose(
        pretrain([source], SMALL, WIDTH).kernel, pretrain([turned], SMALL, WIDTH).kernel, atol=1e-12
    )


def test_it_holds_no_item_and_no_user(source: Source, tmp_path: Path) -> None:
    pretrain([source], SMALL, WIDTH, ["MIT"]).save(tmp_path / "f")
    assert sorted(path.name for path in (tmp_path / "f").iterdir()) == [CARD, TENSORS]
    tensors = load_file(tmp_path / "f" / TENSORS)
    sizes = {size for tensor in tensors.values() for size in tensor.shape}
    assert sizes == {3 + NOISE, WIDTH} and not sizes & {90, 300}
    card = json.loads((tmp_path / "f" / CARD).read_text(encoding="utf-8"))
    assert {"data", "objective", "licence", "encoder", "metrics", "version"} <= set(card)
    assert "no item and no user" in card["what"]


def test_saved_and_loaded(source: Source, tmp_path: Path) -> None:
    foundation = pretrain([source], SMALL, WIDTH)
    foundation.save(tmp_path / "f")
    again = Foundation.load(tmp_path / "f")
    np.testing.assert_allclose(again.rows(source.texts), foundation.rows(source.texts), atol=1e-5)
    assert again.encoder == "planted" and again.card["licence"].startswith("unstated")


@pytest.mark.parametrize("file", [CARD, TENSORS])
def test_a_damaged_or_absent_folder_is_one_line(source: Source, tmp_path: Path, file: str) -> None:
    pretrain([source], SMALL, WIDTH).save(tmp_path / "f")
    (tmp_path / "f" / file).write_bytes(b"\x00 not this")
    with pytest.raises(RunError, match="damaged foundation"):
        Foundation.load(tmp_path / "f")
    with pytest.raises(ConfigError, match="holds no foundation"):
        Foundation.load(tmp_path)


def test_a_later_version_is_refused(source: Source, tmp_path: Path) -> None:
    pretrain([source], SMALL, WIDTH).save(tmp_path / "f")
    card = json.loads((tmp_path / "f" / CARD).read_text(encoding="utf-8"))
    (tmp_path / "f" / CARD).write_text(json.dumps({**card, "version": 99}), encoding="utf-8")
    with pytest.raises(ConfigError, match="version 99"):
        Foundation.load(tmp_path / "f")


def test_another_encoder_is_refused(source: Source) -> None:
    foundation = pretrain([source], SMALL, WIDTH)
    with pytest.raises(ConfigError, match=r"behaviour.foundation.*'planted'.*'other'"):
        foundation.rows(texts(np.arange(9) % 3, 0, "other"))


def test_sources_must_be_encoded_alike_and_have_texts(source: Source) -> None:
    other = Source("films", texts(np.arange(90) % 3, 0, "other"), source.learn, source.held_out, True)
    with pytest.raises(ConfigError, match="encoded differently"):
        pretrain([source, other], SMALL, WIDTH)
    silent = Texts(np.zeros((90, 1), np.float32), np.zeros(90, bool), "none")
    with pytest.raises(QualityError, match=r"films.*text"):
        pretrain([source, Source("films", silent, source.learn, source.held_out, True)], SMALL, WIDTH)


def test_items_without_text_get_no_row(source: Source) -> None:
    foundation = pretrain([source], SMALL, WIDTH)
    some = Texts(source.texts.vectors, np.arange(90) < 30, "planted")
    rows = foundation.rows(some)
    assert rows.dtype == np.float32 and not rows[30:].any() and rows[:30].any(axis=1).all()
    none = Texts(np.zeros((4, 1), np.float32), np.zeros(4, bool), "none")
    with pytest.raises(ConfigError, match="there are none"):
        foundation.rows(none)


def test_texts_are_encoded_once_and_blank_is_none(tmp_path: Path) -> None:
    found = Texts.encode(Content(), ["tea", "  tea ", None, " ", "coffee"], tmp_path)
    assert found.has_text.tolist() == [True, True, False, False, True]
    np.testing.assert_array_equal(found.vectors[0], found.vectors[1])
    assert Texts.encode(Content(encoder="none"), ["tea"], tmp_path).encoder == "none"


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["MIT", "CC0-1.0"], "MIT"),
        (["research", "non-commercial", "MIT"], "non-commercial"),
        (["MIT", "Apache-2.0"], "Apache-2.0 and MIT"),
        (["non-commercial", "ours"], "ours"),
    ],
)
def test_the_strictest_licence(licences: list[str], expected: str) -> None:
    assert strictest(licences) == expected


# -- in taste ----------------------------------------------------------------------------------


def test_few_users_and_a_foundation_that_knows(planted: Planted) -> None:
    """Twelve users' log says little; the foundation's rows say the type."""
    counts, _, of_item = planted(12, 90, seed=1)
    later, _, _ = planted(12, 90, seed=2)
    everyone, of_user, _ = planted(150, 90, seed=6)
    rows = np.eye(3)[of_item] + np.random.default_rng(0).normal(0, 0.05, (90, 3))
    how = {"validation": later, "repeats": True, "seed": 7}
    scratch = TasteEncoder(SMALL).fit(counts, **how)
    first = TasteEncoder(SMALL).fit(counts, foundation=rows, **how)
    assert first.chosen.foundation in ("frozen", "tuned") and scratch.chosen.foundation == "none"
    assert first.figures["parts"] == ["log", "foundation"]
    assert set(first.figures["ndcg_by_parts"]) >= {"log", "log + foundation"}
    assert set(first.figures["transfer"]) == {"log + foundation", "log + foundation tuned"}
    assert margin(first.transform(everyone), of_user) > margin(scratch.transform(everyone), of_user)
    again = TasteEncoder(SMALL, chosen=first.chosen).fit(counts, foundation=rows, seed=7)
    assert again.chosen == first.chosen
    np.testing.assert_array_equal(again.user_table, first.user_table)


def test_a_foundation_that_misleads_is_left_out(planted: Planted) -> None:
    counts, _, _ = planted(450, 60, seed=1)
    later, _, _ = planted(450, 60, seed=2)
    rows = np.random.default_rng(0).normal(size=(60, 1)) * np.ones((1, 3))  # one direction, of nothing
    how = {"validation": later, "repeats": True, "seed": 7}
    encoder = TasteEncoder(SMALL).fit(counts, foundation=rows, **how)
    assert encoder.chosen.foundation == "none", encoder.figures
    np.testing.assert_array_equal(encoder.user_table, TasteEncoder(SMALL).fit(counts, **how).user_table)


def test_every_part_counts_alike(planted: Planted) -> None:
    counts, _, of_item = planted()
    rows = 1000.0 * np.eye(3)[of_item]
    encoder = TasteEncoder(SMALL).fit(counts, foundation=rows, seed=7)
    users = encoder.transform(counts)
    spread = [block.var(axis=0).sum() for block in (users[:, :8], users[:, 8:])]
    assert 0.5 < spread[0] / spread[1] < 2
    assert encoder.item_table.shape == (60, 8) and encoder.ranking_vectors(counts).shape == (120, 8)


def test_beside_text_the_log_speaks_for_itself(planted: Planted) -> None:
    counts, _, of_item = planted()
    text = np.eye(3)[of_item] + np.random.default_rng(0).normal(0, 0.1, (60, 3))
    encoder = TasteEncoder(SMALL).fit(counts, text, np.ones(60, bool), seed=7)
    alone = TasteEncoder(SMALL).fit(counts, seed=7)
    assert encoder.figures["parts"] == ["log", "text"] and encoder.chosen.text
    cosine = [unit_rows(e.user_table[:, :8]).ravel() for e in (encoder, alone)]
    np.testing.assert_allclose(cosine[0], cosine[1], atol=1e-6)
    assert not np.allclose(encoder.item_table, alone.item_table)
