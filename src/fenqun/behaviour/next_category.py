"""Which category a user takes most next: one model over (user, category) pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fenqun.behaviour.boosting import FOLDS, Floats, Ints, Trees, deal, grow_custom
from fenqun.behaviour.calibration import softmax, temperature
from fenqun.data.category_history import CategoryHistory
from fenqun.data.cuts import Cut

MOST_CATEGORIES = 60
"""Categories that are told apart: those most often taken most at the cuts."""

_MOST_USERS = 3000
_SALT = 0xCA7E6
_BLOCK = 20_000


class NextCategory:
    """Boosted conditional logit (McFadden 1974): trees score pairs, a softmax over a user's pairs.

    A pair is described by the user's own past with the category alone: counts, shares and ranks of decayed
    counts, and days since. How popular a category is among all users is left out: two or three cuts
    are too few to tell a season from a rule.

    Attributes
    ----------
    names
        Categories in the order of the columns; empty where there is nothing to learn.
    figures
        Held-out users: log loss, accuracy, and the accuracy of "what they took most".
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.trees = Trees("", (0.0,))
        self.temperature = 1.0
        self.figures: dict[str, Any] = {}

    def fit(self, cuts: Sequence[Cut], seed: int) -> NextCategory:
        """Learn from cuts; those without categories teach nothing."""
        told = [(cut, cut.history) for cut in cuts if cut.history is not None]
        taken = np.concatenate([cut.category for cut, _ in told] or [np.zeros(0, dtype=np.int32)])
        if not len(taken) or len(np.unique(taken[taken >= 0])) < 2:
            return self
        names = told[0][1].names
        frequency = np.bincount(taken[taken >= 0], minlength=len(names))
        order = np.argsort(-frequency, kind="stable")[:MOST_CATEGORIES]
        codes = order[frequency[order] > 0]
        self.names = [names[code] for code in codes]
        place = np.full(len(names) + 1, -1)
        place[codes] = np.arange(len(codes))
        X = np.concatenate([pair_features(history, codes) for _, history in told])
        target = place[taken]
        groups = np.concatenate([cut.users for cut, _ in told])
        rows = self._drawn(target, seed)
        if len(np.unique(groups[rows])) < 10 * FOLDS:
            self.names = []
            return self
        self._learn(X[rows], target[rows], groups[rows], seed)
        return self

    def _drawn(self, target: Ints, seed: int) -> Ints:
        known = np.flatnonzero(target >= 0)
        if len(known) > _MOST_USERS:
            generator = np.random.default_rng([seed, _SALT, len(known)])
            known = np.sort(generator.choice(known, _MOST_USERS, replace=False))
        return known

    def _learn(self, X: Floats, target: Ints, groups: Ints, seed: int) -> None:
        n, k, width = X.shape
        chosen = np.eye(k)[target].ravel()

        def loss(scores: Any, data: Any) -> tuple[Any, Any]:
            p = softmax(np.asarray(scores, dtype=np.float64).reshape(-1, k)).ravel()
            return p - data.get_label(), np.maximum(p * (1 - p), 1e-4)

        def figure(scores: Any, data: Any) -> tuple[str, float, bool]:
            p = softmax(np.asarray(scores, dtype=np.float64).reshape(-1, k)).ravel()
            hit = data.get_label() > 0
            return "loss", float(-np.log(p[hit] + 1e-300).mean()), False

        parts = np.repeat(deal(groups, seed), k)
        self.trees, held_out, n_trees = grow_custom(X.reshape(-1, width), chosen, parts, loss, figure, seed)
        scores = held_out.reshape(n, k)
        self.temperature = temperature(scores, target)
        p = softmax(scores / self.temperature)
        self.figures = {
            "n": n,
            "trees": n_trees,
            "log_loss": float(-np.log(p[np.arange(n), target] + 1e-300).mean()),
            "accuracy": float(np.mean(p.argmax(axis=1) == target)),
            "accuracy_most_taken": float(np.mean(X[:, :, 0].argmax(axis=1) == target)),
        }

    def predict(self, history: CategoryHistory) -> Floats:
        """Return the probability of each category of :attr:`names`, float64 (n, k); rows sum to 1."""
        k = len(self.names)
        found = np.zeros((history.n_users, k))
        if not k:
            return found
        at = {name: code for code, name in enumerate(history.names)}
        # A category that this history does not know was taken by nobody in it: code -1, the last column.
        codes = np.asarray([at.get(name, -1) for name in self.names])
        for start in range(0, history.n_users, _BLOCK):
            users = np.arange(start, min(start + _BLOCK, history.n_users))
            X = pair_features(history.take(users), codes)
            scores = self.trees.predict(X.reshape(-1, X.shape[2]), raw=True)
            found[users] = softmax(scores.reshape(-1, k) / self.temperature)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the trees' text is stored beside."""
        return {"names": self.names, "temperature": self.temperature, "figures": self.figures}

    @classmethod
    def from_dict(cls, values: dict[str, Any], trees: Trees) -> NextCategory:
        """Read what :meth:`to_dict` gave."""
        model = cls()
        model.names, model.temperature = list(values["names"]), float(values["temperature"])
        model.figures, model.trees = dict(values["figures"]), trees
        return model


def pair_features(history: CategoryHistory, codes: Ints) -> Floats:
    """Describe users' pasts with some categories.

    Returns
    -------
    ndarray, float64 (n_users, len(codes), features)
        For the count and each decayed count: log, share of the user's, share of the user's largest and
        rank among the user's; then days since the last event (NaN: never) and log of the user's events.
    """
    layers = []
    figures = [history.count, *history.heat.T]
    for figure in figures:
        table = np.pad(history.dense(figure), ((0, 0), (0, 1)))  # one more column: a category nobody took
        total = table.sum(axis=1, keepdims=True)
        top = table.max(axis=1, keepdims=True)
        rank = (-table).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable").astype(np.float64)
        layers += [
            np.log1p(table)[:, codes],
            (table / np.maximum(total, 1e-12))[:, codes],
            (table / np.maximum(top, 1e-12))[:, codes],
            rank[:, codes],
        ]
    age = np.pad(history.dense(history.age_days, np.nan), ((0, 0), (0, 1)), constant_values=np.nan)
    total = np.log1p(history.dense(history.count).sum(axis=1, keepdims=True))
    layers += [age[:, codes], np.broadcast_to(total, (history.n_users, len(codes)))]
    return np.stack(layers, axis=2)
