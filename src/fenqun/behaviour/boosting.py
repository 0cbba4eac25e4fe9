"""Gradient-boosted trees (LightGBM; Ke et al. 2017), on one thread, stored as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Objective = Literal["value", "log_value", "events", "active", "number", "class"]

FOLDS = 3
"""Parts that users are dealt into; each part is predicted by trees that saw the other parts alone."""
MOST_ROWS = 40_000
"""Rows that trees are grown on; more are drawn from."""

_MOST_TREES = 300
_PATIENCE = 15
_SALT = 0xB0057
_PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "verbosity": -1,
    # One thread and rows in order: sums of gradients are the same every time.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}
_OBJECTIVES: dict[Objective, dict[str, Any]] = {
    # Sums of money are zero for many and long-tailed for the rest: a compound Poisson of low power.
    "value": {"objective": "tweedie", "tweedie_variance_power": 1.1},
    "log_value": {"objective": "regression"},
    "events": {"objective": "poisson"},
    "active": {"objective": "binary"},
    "number": {"objective": "regression"},
    "class": {"objective": "multiclass"},
}


@dataclass(frozen=True)
class Trees:
    """Grown trees, or a constant where there was nothing to learn.

    Attributes
    ----------
    text
        LightGBM's text format; empty for a constant.
    constant
        float64 (outputs,): what is predicted without trees.
    """

    text: str
    constant: tuple[float, ...]

    def predict(self, X: Floats, raw: bool = False) -> Floats:
        """Return predictions, float64 (n,) or (n, classes); ``raw`` before the link function."""
        if not self.text:
            shape = (len(X),) if len(self.constant) == 1 else (len(X), len(self.constant))
            return np.broadcast_to(np.asarray(self.constant, dtype=np.float64), shape).reshape(shape).copy()
        if not len(X):
            return np.zeros((0,) if len(self.constant) == 1 else (0, len(self.constant)))
        import lightgbm

        trees = lightgbm.Booster(model_str=self.text)
        return np.asarray(trees.predict(X, raw_score=raw, num_threads=1), dtype=np.float64)


@dataclass(frozen=True)
class Grown:
    """What growing gave.

    Attributes
    ----------
    trees
        Learned from all rows.
    rows
        int64 (r,): the rows that took part, ascending.
    held_out
        float64 (r,) or (r, classes): each row's prediction by trees that saw none of its group.
    n_trees
        Boosting rounds, chosen on held-out groups.
    """

    trees: Trees
    rows: Ints
    held_out: Floats
    n_trees: int


def grow(X: Floats, y: Floats, groups: Ints, objective: Objective, seed: int) -> Grown:
    """Grow trees; their number is chosen on users held out.

    Parameters
    ----------
    X
        float64 (n, d); NaN is missing.
    y
        float64 (n,): finite; class codes from 0 for ``class``.
    groups
        int64 (n,): rows of one user have the same number and are held out together.
    objective
        What ``y`` is.
    seed
        Of the sampling of rows and columns.
    """
    rows = _drawn(len(y), seed)
    X, y, groups = X[rows], y[rows], groups[rows]
    classes = int(y.max()) + 1 if objective == "class" and len(y) else 1
    constant = _constant(y, classes)
    if len(y) < 10 * FOLDS or len(np.unique(groups)) < FOLDS or np.ptp(y) == 0:
        return Grown(Trees("", constant), rows, Trees("", constant).predict(X), 0)
    settings = _settings(len(y), seed) | _OBJECTIVES[objective]
    if objective == "class":
        settings["num_class"] = classes
    text, held_out, n_trees = _cross_validated(X, y, deal(groups, seed), settings)
    return Grown(Trees(text, constant), rows, held_out, n_trees)


def regrow(X: Floats, y: Floats, objective: Objective, n_trees: int, seed: int) -> Trees:
    """Grow a given number of trees on other rows; for ``class``, ``y`` must hold the highest code."""
    rows = _drawn(len(y), seed)
    X, y = X[rows], y[rows]
    constant = _constant(y, int(y.max()) + 1 if objective == "class" else 1)
    if n_trees == 0 or len(y) < 10 or np.ptp(y) == 0:
        return Trees("", constant)
    import lightgbm

    settings = _settings(len(y), seed) | _OBJECTIVES[objective]
    if objective == "class":
        settings["num_class"] = len(constant)
    trees = lightgbm.train(dict(settings), lightgbm.Dataset(X, y), num_boost_round=n_trees)
    return Trees(trees.model_to_string(), constant)


def grow_custom(
    X: Floats, y: Floats, parts: Ints, loss: Callable[..., Any], figure: Callable[..., Any], seed: int
) -> tuple[Trees, Floats, int]:
    """Grow trees by a loss of one's own; ``figure`` is LightGBM's evaluation, lower is better.

    Parameters
    ----------
    X, y
        float64 (n, d), (n,).
    parts
        int64 (n,): part of each row, below :data:`FOLDS`; a group that the loss joins lies in one part.
    loss, figure
        LightGBM's ``objective`` and ``feval``.
    seed
        Of the sampling of columns. Rows are all used: the loss needs groups whole.

    Returns
    -------
    (trees, held_out, n_trees)
        As in :class:`Grown`; predictions are raw.
    """
    settings = _settings(len(y), seed) | {"objective": loss, "bagging_freq": 0, "learning_rate": 0.1}
    text, held_out, n_trees = _cross_validated(X, y, parts, settings, figure)
    return Trees(text, (0.0,)), held_out, n_trees


def deal(groups: Ints, seed: int) -> Ints:
    """Return the part, below :data:`FOLDS`, into which each row's group is dealt at random, int64 (n,)."""
    found, place = np.unique(groups, return_inverse=True)
    order = np.random.default_rng([seed, _SALT, len(found)]).permutation(len(found))
    return np.asarray((order % FOLDS)[place], dtype=np.int64)


def _cross_validated(
    X: Floats, y: Floats, parts: Ints, settings: dict[str, Any], figure: Callable[..., Any] | None = None
) -> tuple[str, Floats, int]:
    """Return the text of trees on all rows, held-out predictions, and the number of rounds."""
    import lightgbm

    folds = [(np.flatnonzero(parts != part), np.flatnonzero(parts == part)) for part in range(FOLDS)]
    folds = [(learn, judge) for learn, judge in folds if len(judge)]
    found = lightgbm.cv(
        dict(settings),
        lightgbm.Dataset(X, y, free_raw_data=False),
        num_boost_round=_MOST_TREES,
        folds=folds,
        feval=figure,
        callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
        return_cvbooster=True,
    )
    grown: Any = found["cvbooster"]
    held_out: Floats | None = None
    for (_, judge), trees in zip(folds, grown.boosters, strict=True):
        part = np.asarray(trees.predict(X[judge], num_iteration=grown.best_iteration, num_threads=1))
        if held_out is None:
            held_out = np.zeros((len(y), *part.shape[1:]))
        held_out[judge] = part
    assert held_out is not None
    trees = lightgbm.train(dict(settings), lightgbm.Dataset(X, y), num_boost_round=grown.best_iteration)
    return trees.model_to_string(), held_out, int(grown.best_iteration)


def _settings(n: int, seed: int) -> dict[str, Any]:
    # A small log cannot fill leaves of fifty.
    return _PARAMETERS | {"min_data_in_leaf": int(np.clip(n // 40, 5, 50)), "seed": seed % 2**31}


def _drawn(n: int, seed: int) -> Ints:
    if n <= MOST_ROWS:
        return np.arange(n, dtype=np.int64)
    return np.sort(np.random.default_rng([seed, _SALT, n]).choice(n, MOST_ROWS, replace=False)).astype(np.int64)


def _constant(y: Floats, classes: int) -> tuple[float, ...]:
    if classes == 1:
        return (float(y.mean()) if len(y) else 0.0,)
    return tuple(float(share) for share in np.bincount(y.astype(np.int64), minlength=classes) / len(y))
