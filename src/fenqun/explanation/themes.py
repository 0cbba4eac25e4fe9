"""What items without categories are about, read from their texts: the nearest entry of the topic list.

Texts of one catalogue have much in common, and so have the entries of a list: both are centred, so that what sets a text
apart from the other texts is compared with what sets an entry apart from the other entries (the first step of whitening,
Su et al. 2021).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fenqun.explanation.topic_list import TOPICS, Encode

NEAR = 0.25
"""Cosine of the centred vectors from which an entry says what a text is about.

On Chinese news titles of ten topics (docs/decisions/planted.md) .2 and .3 give the same leading entries.
"""
MOST = 20_000
"""Texts that are read; the catalogue's most frequent ones."""


def find_themes(
    texts: Sequence[str | None], frequency: npt.NDArray[np.floating], encode: Encode
) -> list[str | None]:
    """Return each item's topic in the language of the catalogue, None where no entry is near.

    Parameters
    ----------
    texts
        ``n`` texts; None or empty where an item has none.
    frequency
        ``(n,)`` how often each item occurs: of more than :data:`MOST` items with a text the most frequent are read.
    encode
        Texts to unit rows of a multilingual space.
    """
    told = np.array([row for row, text in enumerate(texts) if text and text.strip()], dtype=np.int64)
    told = np.sort(told[np.argsort(-np.asarray(frequency)[told], kind="stable")[:MOST]])
    themes: list[str | None] = [None] * len(texts)
    distinct = sorted({texts[row] or "" for row in told})
    if len(distinct) < 2:
        return themes
    vectors = _centred(encode(distinct))
    near = np.maximum(
        *(vectors @ _centred(encode(side)).T for side in zip(*((t.en, t.zh) for t in TOPICS), strict=True))
    )
    near = near.round(6)
    best = near.argmax(axis=1)
    english = np.mean([text.isascii() for text in distinct]) > 0.5
    label = {
        text: TOPICS[b].en if english else TOPICS[b].zh
        for text, row, b in zip(distinct, near, best, strict=True)
        if row[b] >= NEAR
    }
    for row in told:
        themes[row] = label.get(texts[row] or "")
    return themes


def _centred(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    centred = np.asarray(vectors, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    length: npt.NDArray[np.float64] = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: npt.NDArray[np.float64] = centred / np.maximum(length, 1e-12)
    return unit
