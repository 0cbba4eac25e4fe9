"""Logs with held-out events, and the lists of segments that are judged by them.

A data set is named by its settings; ids are text. What is held out is either each user's last events or the end of the
time span, and so is the validation part, of what lies before. Users and items are coded by the order of their text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from scipy import sparse

from fenqun.evaluation.ranking import (
    group_scores,
    list_metrics,
    rank_lists,
    rank_user_lists,
    smoothing_mass,
    weigh,
)
from logs import Raw, as_text, read, read_raw

LENGTH = 20
Held = Literal["last", "end"]


@dataclass(frozen=True)
class Log:
    """Events by user and time, with what is held out.

    Attributes
    ----------
    raw, order
        The events as they came, and the place there of each event here.
    user, item, time, value
        Codes, seconds, and value or None, one entry an event.
    users, items
        Ids of the codes.
    test, validation
        Which events are held out; validation lies before the test part.
    repeats
        Whether lists may hold what a user took before.
    category, attributes
        Of each item, and of each user; None where unknown.
    """

    name: str
    raw: Raw
    order: np.ndarray
    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    value: np.ndarray | None
    users: list[str]
    items: list[str]
    test: np.ndarray
    validation: np.ndarray
    repeats: bool
    category: list[str | None]
    attributes: dict[str, list] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Users and items."""
        return len(self.users), len(self.items)

    def counts(self, chosen: np.ndarray) -> sparse.csr_matrix:
        """Events of each user with each item."""
        ones = np.ones(int(chosen.sum()))
        return sparse.csr_matrix((ones, (self.user[chosen], self.item[chosen])), shape=self.shape)

    def raw_events(self, chosen: np.ndarray) -> Raw:
        """Return some of the events as they came."""
        mask = np.zeros(len(self.order), dtype=bool)
        mask[self.order[chosen]] = True
        return self.raw.select(mask)


def read_log(name: str, path: Path, held: Held, share: float) -> Log:
    """Read a data set and hold out a share of each user's events (``last``) or of the time span (``end``)."""
    raw = read_raw(path)
    user, users = _codes(raw.user)
    item, items = _codes(raw.item)
    order = np.lexsort((np.arange(len(user)), raw.time, user))
    user, item, time = user[order], item[order], raw.time[order]
    value = raw.value()[order] if raw.config.data.events.value else None
    if held == "last":
        test, validation = last_events(user, share), np.zeros(len(user), dtype=bool)
        validation[~test] = last_events(user[~test], share)
    else:
        test = _end(time, np.ones(len(time), dtype=bool), share)
        validation = _end(time, ~test, share)
    setting = raw.config.recommendation.repeats
    repeats = raw.config.domain.repeats if setting is None else setting
    return Log(
        name, raw, order, user, item, time, value, users, items, test, validation, repeats,
        categories_of(raw, items), attributes_of(raw, users),
    )  # fmt: skip


def last_events(user: np.ndarray, share: float) -> np.ndarray:
    """Return which events are among the last share of their user's, rounded down; events are sorted by user and time."""
    count = np.bincount(user)
    rank = np.arange(len(user)) - (np.cumsum(count) - count)[user]
    return rank >= (count - np.floor(share * count).astype(np.int64))[user]


def _end(time: np.ndarray, among: np.ndarray, share: float) -> np.ndarray:
    first, last = time[among].min(), time[among].max()
    return among & (time >= first + (1 - share) * (last - first))


def _codes(ids: np.ndarray) -> tuple[np.ndarray, list[str]]:
    names, codes = np.unique(ids, return_inverse=True)
    return codes.astype(np.int64), names.tolist()


def categories_of(raw: Raw, items: Sequence[str]) -> list[str | None]:
    """Category of each item, None where the catalogue has none."""
    source = raw.config.data.items
    if source is None or source.category is None:
        return [None] * len(items)
    table = read(source, [source.item, source.category])
    kinds = table[source.category].cast(pa.string()).to_pylist()
    kind = dict(zip(as_text(table[source.item]).tolist(), kinds, strict=True))
    return [kind.get(item) or None for item in items]


def attributes_of(raw: Raw, users: Sequence[str]) -> dict[str, list]:
    """Everything that the user table says of each user: attributes, and the labels of the settings too."""
    source = raw.config.data.users
    if source is None:
        return {}
    names = [*source.attributes, *(label for label in raw.config.labels if label not in source.attributes)]
    table = read(source, [source.user, *names])
    rows = {user: i for i, user in enumerate(as_text(table[source.user]).tolist())}
    found = {}
    for name in names:
        values = table[name].to_pylist()
        found[name] = [values[rows[user]] if user in rows else None for user in users]
    return found


@dataclass(frozen=True)
class Task:
    """What is learned from and what judges.

    Attributes
    ----------
    learn
        Which events are learned from.
    counts, truth
        (n_users, n_items): what is learned from, what judges.
    """

    log: Log
    learn: np.ndarray
    counts: sparse.csr_matrix
    truth: sparse.csr_matrix

    @classmethod
    def of(cls, log: Log, learn: np.ndarray, judge: np.ndarray) -> Task:
        """Learn from some events, judge by others."""
        return cls(log, learn, log.counts(learn), log.counts(judge))

    @cached_property
    def active(self) -> np.ndarray:
        """Users with events to learn from."""
        return np.diff(self.counts.indptr) > 0

    @property
    def seen(self) -> sparse.csr_matrix | None:
        """What a user's list leaves out."""
        return None if self.log.repeats else self.counts

    def scores(self, labels: np.ndarray, k: int, weighting: str, share: float) -> np.ndarray:
        """Return smoothed counts of k groups and, as group k, of everyone."""
        weighed = weigh(self.counts, weighting)
        smoothing = smoothing_mass(weighed, k, share)
        return group_scores(weighed, np.where(labels < k, labels, -1), k + 1, smoothing)

    def by_group(self, labels: np.ndarray, k: int, weighting: str, share: float) -> np.ndarray:
        """Return each user's list: the counts of their group, everyone's for group k."""
        return rank_lists(self.scores(labels, k, weighting, share), labels, self.seen, LENGTH)

    def everyone(self, weighting: str) -> np.ndarray:
        """Return each user's list: what everyone takes."""
        return self.by_group(np.ones(self.log.shape[0], dtype=np.int64), 1, weighting, 0.0)

    def own(self, score: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return each user's list by scores of their own; everyone's where a user did nothing before."""
        lists = rank_user_lists(score, *self.log.shape, self.seen, LENGTH)
        lists[~self.active] = self.everyone("binary")[~self.active]
        return lists

    def ndcg(self, lists: np.ndarray) -> np.ndarray:
        """Return NDCG@20 of each user; NaN for users without a held-out event."""
        return list_metrics(lists, self.truth)["ndcg"]
