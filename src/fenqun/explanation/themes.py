"""What items without categories are about, read from their texts: groups of like texts, each under an entry of the topic list.

One title alone is often nearest to an entry that has nothing to do with it. A group of titles is not: the k-means centre
of its texts is matched, and its entry holds for all of them. Texts of one catalogue have much in common, and so have the
entries: both are centred, so that what sets texts apart from other texts is compared with what sets an entry apart from
other entries (the first step of whitening, Su et al. 2021).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from fenqun.explanation.topic_list import FIELDS, Encode
from fenqun.scenarios import ScenarioName

NEAR = 0.25
"""Cosine of a group's centre and an entry, both centred, from which the entry says what the group is about."""
MOST = 20_000
"""Texts that are read; the catalogue's most frequent ones."""
_MOST_GROUPS = 200
_SPOKEN: Mapping[ScenarioName, tuple[str, ...]] = {
    "ecommerce": ("goods",),
    "social": ("films", "music", "news"),
    "education": ("learning", "news"),
    "finance": ("money", "news"),
}
"""Fields of the topic list that a scenario's catalogue may be about."""


def find_themes(
    texts: Sequence[str | None],
    frequency: npt.NDArray[np.floating],
    encode: Encode,
    scenario: ScenarioName,
    seed: int = 0,
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
    scenario
        Whose fields of the topic list are looked at.
    seed
        Of the grouping: as many groups as the square root of the number of different texts.
    """
    told = np.array([row for row, text in enumerate(texts) if text], dtype=np.int64)
    told = np.sort(told[np.argsort(-np.asarray(frequency)[told], kind="stable")[:MOST]])
    distinct = sorted({texts[row] or "" for row in told})
    if len(distinct) < 2:
        return [None] * len(texts)
    vectors = _centred(encode(distinct))
    k = min(max(round(math.sqrt(len(distinct))), 2), _MOST_GROUPS)
    groups = KMeans(k, n_init=3, random_state=seed).fit(vectors)
    topics = [topic for field in _SPOKEN[scenario] for topic in FIELDS[field]]
    centres = _unit(groups.cluster_centers_)
    sides = ([topic.en for topic in topics], [topic.zh for topic in topics])
    near = np.maximum(*(centres @ _centred(encode(side)).T for side in sides)).round(6)
    english = np.mean([text.isascii() for text in distinct]) > 0.5
    spoken = [topic.en if english else topic.zh for topic in topics]
    names = [spoken[b] if row[b] >= NEAR else None for row, b in zip(near, near.argmax(axis=1), strict=True)]
    theme = {text: names[group] for text, group in zip(distinct, groups.labels_, strict=True)}
    read = set(told.tolist())
    return [theme[text] if row in read and text else None for row, text in enumerate(texts)]


def _centred(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    rows = np.asarray(vectors, dtype=np.float64)
    return _unit(rows - rows.mean(axis=0))


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    unit: npt.NDArray[np.float64] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
