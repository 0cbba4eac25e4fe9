from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from fenqun.config import Content
from fenqun.content.cache import VectorCache
from fenqun.content.items import embed_items, encode_distinct
from fenqun.progress import Silent

TEXTS = ["whole milk", None, "skimmed milk", "  ", "romantic film", "whole  milk", "war film", ""]


def test_texts_become_vectors_and_their_absence_zeros(tmp_path: Path) -> None:
    made = embed_items(Content(width=8), TEXTS, tmp_path, 7, 2)
    assert made.vectors.shape == (8, 8) and made.vectors.dtype == np.float32
    np.testing.assert_array_equal(made.has_content, [True, False, True, False, True, True, True, False])
    assert not made.vectors[~made.has_content].any()
    np.testing.assert_allclose(np.linalg.norm(made.vectors[made.has_content], axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(made.vectors[0], made.vectors[5])
    cosine = made.vectors @ made.vectors.T
    assert cosine[0, 2] > cosine[0, 4] and cosine[4, 6] > cosine[4, 0]
    assert made.encoders["text"].startswith("use-")


@pytest.mark.parametrize("texts", [[], [None, ""], ["one text"]])
@pytest.mark.parametrize("encoder", ["use", "none"])
def test_little_text_still_has_the_width(tmp_path: Path, texts: list[str | None], encoder: str) -> None:
    made = embed_items(Content(encoder=encoder, width=8), texts, tmp_path)
    assert made.vectors.shape == (len(texts), 8)
    assert not made.vectors.any()
    assert made.has_content.sum() == (encoder == "use") * texts.count("one text")


def test_order_and_cache_change_nothing(tmp_path: Path) -> None:
    texts = [f"film {i} about {topic}" for i in range(30) for topic in ("love", "war")]
    first = embed_items(Content(width=8), texts, tmp_path / "a")
    np.testing.assert_array_equal(embed_items(Content(width=8), texts, tmp_path / "a").vectors, first.vectors)
    turned = embed_items(Content(width=8), texts[::-1], tmp_path / "b")
    np.testing.assert_array_equal(turned.vectors[::-1], first.vectors)


class Recording:
    """An encoder whose vectors depend, in the last bits, on what shares the batch; it may die."""

    id, batch = "recording", 4

    def __init__(self, dies_at: int | None = None) -> None:
        self.asked: list[str] = []
        self.dies_at = dies_at

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        if self.dies_at is not None and len(self.asked) >= self.dies_at:
            raise KeyboardInterrupt
        self.asked += texts
        noise = sum(map(len, texts)) * 1e-7
        return np.array([[len(text), noise] for text in texts], dtype=np.float32)


def test_an_interrupted_encoding_goes_on_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    texts = [f"{'x' * i} {i}" for i in range(18)]
    whole = encode_distinct(Recording(), texts, VectorCache(tmp_path / "a", "r"), Silent())
    with pytest.raises(KeyboardInterrupt):
        encode_distinct(Recording(dies_at=8), texts, VectorCache(tmp_path / "b", "r"), Silent())
    second = Recording()
    resumed = encode_distinct(second, texts, VectorCache(tmp_path / "b", "r"), Silent())
    np.testing.assert_array_equal(resumed, whole)
    assert second.asked == texts[8:]


def test_only_chunks_with_something_new_are_encoded(tmp_path: Path) -> None:
    texts = [f"text {i:02d}" for i in range(12)]
    encode_distinct(Recording(), texts[:6], VectorCache(tmp_path, "r"), Silent())
    again = Recording()
    encode_distinct(again, texts, VectorCache(tmp_path, "r"), Silent())
    assert again.asked == texts[4:]
