"""A time budget, turned into fixed counts before anything is learned: the clock never decides.

The cost of what is still to do is a sum over stages of (size of the data) x (fixed count) x (seconds a
unit on two cores). The rates are round figures of complete_journey and movielens_1m; they need
only be right within a factor of two, as the same data and budget must give the same settings on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fenqun.config import Config

_ALS = 1.2e-7  # seconds an event and iteration
_TUNING = 2.5e-6  # seconds an event and epoch
_MAP = 8e-3  # seconds a user that the map is fitted on
_TRIAL = 1e-4  # seconds a user and trial
_BOOTSTRAP = 6e-5  # seconds a user, strategy and resample
_FITS, _STRATEGIES, _SIZES = 3, 4, 10

Rung = tuple[str, dict[str, Any]]

_RUNGS: tuple[Rung, ...] = (
    ("5 bootstrap samples instead of 10", {"evaluation": {"bootstrap": 5}}),
    ("a map fitted on 4,000 users", {"vectors": {"map_sample": 4000}}),
    (
        "no Gaussian mixtures and density clusterers",
        {"segmentation": {"clusterers": ("kmeans", "minibatch_kmeans", "ward")}},
    ),
    ("one confidence scale and no tuning of taste", {"behaviour": {"taste": {"scales": (20.0,), "tune": False}}}),
    ("a map of principal components", {"vectors": {"map": "pca"}}),
    ("k-means only", {"segmentation": {"clusterers": ("kmeans",)}}),
)


def fit_budget(config: Config, events: int, users: int) -> tuple[Config, list[str]]:
    """Return settings whose estimated cost keeps within ``run.time_budget``, and what was given up.

    Effort goes down one rung after another until the estimate fits; the last rung is kept whatever it costs.

    Parameters
    ----------
    config
        Settings; without a budget they come back as they are.
    events, users
        Kept by the data stage.
    """
    budget = config.run.time_budget
    if budget is None:
        return config, []
    given_up: list[str] = []
    for what, change in _RUNGS:
        if estimate(config, events, users) <= budget:
            break
        lighter = Config.model_validate(_merged(config.model_dump(), change))
        if lighter != config:
            config = lighter
            given_up.append(what)
    return config, given_up


def estimate(config: Config, events: int, users: int) -> float:
    """Return about how many seconds the stages after the profiles take on two cores."""
    return sum(_costs(config, events, users))


def _costs(config: Config, events: int, users: int) -> Iterator[float]:
    taste = config.behaviour.taste
    yield _ALS * events * taste.als_iterations * (len(taste.scales) + _FITS - 1)
    yield _TUNING * events * (taste.epochs if taste.tune else 0) * _FITS
    if config.vectors.map != "pca":
        yield _MAP * min(users, config.vectors.map_sample)
    yield _TRIAL * users * len(config.segmentation.clusterers) * _SIZES
    yield _BOOTSTRAP * users * config.evaluation.bootstrap * _STRATEGIES


def _merged(tree: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(tree)
    for key, value in change.items():
        merged[key] = _merged(merged[key], value) if isinstance(value, dict) else value
    return merged
