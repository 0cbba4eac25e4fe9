"""Items to vectors: distinct texts are encoded once, kept, and whitened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from fenqun.config import Content
from fenqun.content.cache import VectorCache
from fenqun.content.text import TextEncoder, make_encoder
from fenqun.content.whitening import Whitening
from fenqun.progress import Progress, Silent, bar

Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ItemVectors:
    """Vectors of items, in the order of their texts.

    Attributes
    ----------
    vectors
        float32 (n, width), whitened, rows of unit length; zero without text.
    has_text
        bool (n,).
    encoder
        Id of the encoder, or ``none``.
    whitening
        For texts to come; None without text.
    """

    vectors: Floats32
    has_text: npt.NDArray[np.bool_]
    encoder: str
    whitening: Whitening | None


def embed_items(
    config: Content,
    texts: Sequence[str | None],
    cache: Path,
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> ItemVectors:
    """Embed the texts of items.

    Parameters
    ----------
    config
        Encoder and width.
    texts
        One an item; None or blank is no text.
    cache
        Folder that keeps vectors by content and encoder.
    seed, threads
        Neither changes the result: encoders draw nothing and are given one thread of linear algebra.
    progress
        Told about distinct texts.

    Raises
    ------
    ConfigError, MissingExtraError, SourceError
        As the encoder raises them.
    """
    cleaned = [" ".join(text.split()) if text else "" for text in texts]
    has_text = np.array([bool(text) for text in cleaned], dtype=bool)
    vectors = np.zeros((len(cleaned), config.width), dtype=np.float32)
    encoder = make_encoder(config) if has_text.any() else None
    if encoder is None:
        return ItemVectors(vectors, np.zeros(len(cleaned), dtype=bool), "none", None)
    distinct = sorted({text for text in cleaned if text})
    with threadpool_limits(1):
        raw = encode_distinct(encoder, distinct, VectorCache(cache, encoder.id), progress or Silent())
        whitening = Whitening.fit(raw, config.width)
        white = whitening.transform(raw)
    place = {text: row for row, text in enumerate(distinct)}
    vectors[has_text] = white[[place[text] for text in cleaned if text]]
    return ItemVectors(vectors, has_text, encoder.id, whitening)


def encode_distinct(encoder: TextEncoder, texts: Sequence[str], cache: VectorCache, progress: Progress) -> Floats32:
    """Encode distinct texts, float32 (len(texts), d); what the cache has is taken from it.

    A chunk that was begun by a killed run is encoded as a whole again, so that the vectors are the
    bits that an undisturbed run would have: a model's sums may depend on what shares its batch.
    """
    chunks = [texts[start : start + encoder.batch] for start in range(0, len(texts), encoder.batch)]
    missing = [chunk for chunk in chunks if not all(text in cache for text in chunk)]
    with bar(progress, "item texts", sum(len(chunk) for chunk in missing), "texts"):
        for chunk in missing:
            fresh = [text for text in chunk if text not in cache]
            vectors = encoder.encode(chunk)
            wanted = set(fresh)
            rows = [row for row, text in enumerate(chunk) if text in wanted]
            cache.add(fresh, vectors[rows])
            progress.advance(len(chunk))
    return cache.get(texts)
