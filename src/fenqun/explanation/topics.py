"""What items are about: categories, labels packed into one column, tags in the text, themes, or the items themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.explanation.population import Population
from fenqun.explanation.wording import clean

_SEPARATORS = (re.compile(r"\s*[|;]\s*"), re.compile(r"\s*,\s*"), re.compile(r"\s+"))
_PHRASES = re.compile(r"\s*[|;,，、；]\s*")
_PACKED = 0.8  # share of packed names whose every label also stands alone
_PHRASE_LIMIT = 40  # characters of a phrase; what is longer is a sentence
_TAG_ITEMS = 5  # items that a phrase of the text must be found in to be a tag
_TAG_COVER = 0.5  # share of events that tags must reach to stand for categories
_FEW_ITEMS = 60  # a catalogue this small is its own list of categories


@dataclass(frozen=True)
class Topics:
    """Topics of the items.

    Attributes
    ----------
    names
        ``p`` topics as the source writes them.
    items
        ``(n_items, p)`` 0/1: which items carry which topic; an item may carry several.
    kind
        ``category``, ``tag``, ``theme`` or ``item``: what a topic is.
    """

    names: list[str]
    items: sparse.csr_matrix
    kind: str


def find_topics(population: Population) -> Topics:
    """Return the best topics that the catalogue offers.

    Categories where there are any, split where one column packs several labels (each label also
    stands alone in four of five packed names), with further ones that the item's text lists (``Alien,
    Horror Sci-Fi`` under Horror); without categories, phrases that recur in the items' texts
    (``artist | rock, indie``); else what the texts are about by the topic list
    (:mod:`fenqun.explanation.themes`); else the items with a text, if they are few.
    """
    used = np.flatnonzero(population.category_codes >= 0)
    names = [clean(name) for name in population.category_names]
    if len(used) and len({names[c] for c in population.category_codes[used]}) > 1:
        labels = split_packed(names)
        rows = [(int(item), label) for item in used for label in labels[population.category_codes[item]]]
        known = frozenset(label for _, label in rows)
        rows += [
            (item, label)
            for item, text in enumerate(population.texts)
            for phrase in _phrases(text)
            for label in listed(phrase, known)
        ]
        return _topics(rows, population.counts.shape[1], "category")
    return find_tags(population, widest=0.5, cover=_TAG_COVER) or _themes(population) or _items(population)


def split_packed(names: Sequence[str]) -> list[list[str]]:
    """Split names such as ``Action|Comedy`` or ``Animation Comedy`` into labels, if they are lists of labels.

    >>> split_packed(["Action", "Comedy", "Action Comedy"])
    [['Action'], ['Comedy'], ['Action', 'Comedy']]
    >>> split_packed(["Frozen Food", "Dog Food", "Food"])
    [['Frozen Food'], ['Dog Food'], ['Food']]
    """
    alone = set(names)
    for separator in _SEPARATORS:
        parts = [[p for p in separator.split(name) if p] for name in names]
        packed = [p for p in parts if len(p) > 1]
        if packed and sum(set(p) <= alone for p in packed) >= _PACKED * len(packed):
            return [list(dict.fromkeys(p)) for p in parts]
    return [[name] if name else [] for name in names]


def listed(phrase: str, labels: frozenset[str]) -> list[str]:
    """Return the labels that a phrase lists, none if it says anything else.

    >>> labels = frozenset(["Horror", "Sci-Fi", "Dog Food"])
    >>> listed("Horror Sci-Fi", labels), listed("Dog Food", labels), listed("Horror Film", labels)
    (['Horror', 'Sci-Fi'], ['Dog Food'], [])
    """
    words = [phrase] if phrase in labels else phrase.split()
    return words if all(word in labels for word in words) else []


@lru_cache(maxsize=1 << 17)
def _phrases(text: str | None) -> tuple[str, ...]:
    """Return the phrases of a text; remembered, as many items read alike and every level of segments looks at all of them."""
    phrases = _PHRASES.split(clean(text)) if text else []
    return tuple(dict.fromkeys(p for p in phrases if 1 < len(p) <= _PHRASE_LIMIT))


def find_tags(
    population: Population, widest: float, cover: float = 0.0, beside: Sequence[str] = ()
) -> Topics | None:
    """Return phrases that recur in the items' texts, None if there are none.

    Parameters
    ----------
    population
        Items with their texts, and who took them.
    widest
        Share of the items above which a phrase tells nothing.
    cover
        Share of all event weight that items with a phrase must reach together.
    beside
        Labels that are topics already: phrases that only list them are left out.
    """
    known = frozenset(beside)
    phrases = [[p for p in _phrases(text) if not listed(p, known)] for text in population.texts]
    frequency = Counter(phrase for item in phrases for phrase in item)
    common = {p for p, n in frequency.items() if _TAG_ITEMS <= n <= widest * len(phrases)}
    if len(common) < 2:
        return None
    rows = [(item, phrase) for item, own in enumerate(phrases) for phrase in own if phrase in common]
    topics = _topics(rows, len(phrases), "tag")
    events = np.asarray(population.counts.sum(axis=0)).ravel()
    covered = events[np.diff(topics.items.indptr) > 0].sum()
    return topics if covered >= cover * events.sum() else None


def _themes(population: Population) -> Topics | None:
    """Return the topics that the texts were matched to, None where fewer than two are told."""
    rows = [(item, theme) for item, theme in enumerate(population.themes) if theme]
    if len({theme for _, theme in rows}) < 2:
        return None
    return _topics(rows, population.counts.shape[1], "theme")


def _items(population: Population) -> Topics:
    users = np.asarray((population.counts > 0).sum(axis=0)).ravel()
    rows = [(i, clean(t)) for i, t in enumerate(population.texts) if t and users[i] and clean(t)]
    if len({text for _, text in rows}) > _FEW_ITEMS:
        rows = []
    return _topics(rows, population.counts.shape[1], "item")


def _topics(rows: Sequence[tuple[int, str]], n_items: int, kind: str) -> Topics:
    names = sorted({name for _, name in rows})
    code = {name: i for i, name in enumerate(names)}
    item = np.array([i for i, _ in rows], dtype=np.int64)
    topic = np.array([code[name] for _, name in rows], dtype=np.int64)
    matrix = sparse.csr_matrix((np.ones(len(rows)), (item, topic)), shape=(n_items, len(names)))
    matrix.data[:] = 1.0
    return Topics(names, matrix, kind)


def user_shares(counts: sparse.csr_matrix, topics: Topics) -> sparse.csr_matrix:
    """Return ``(n, p)`` shares of each user's event weight that carries each topic."""
    total = np.asarray(counts.sum(axis=1)).ravel()
    scale: NDArray[np.float64] = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sparse.csr_matrix(sparse.diags(scale) @ (counts @ topics.items))
