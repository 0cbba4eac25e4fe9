"""A time budget, turned into fixed counts before anything is learned: the clock never decides.

The cost of what is still to do is a sum over stages of (size of the data) x (fixed count) x (seconds a
unit on two cores). The rates are round figures of complete_journey and movielens_1m; they need
only be right within a factor of two, as the same data and budget must give the same settings on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fenqun.behaviour.intent.plan import Plan
from fenqun.config import Config

_ALS = 1.2e-7  # seconds an event and iteration
_TUNING = 2.5e-6  # seconds an event and epoch
_FORECAST = 2.4e-3  # seconds a user and earlier cut
_INTENT = 4e-5  # seconds an event that a sequence model is trained on
_JUDGING = 1e-3  # seconds a user and trial of the search, for the segments that its blocks give at a few numbers
_MAP = 8e-3  # seconds a user that the map is fitted on
_TRIAL = 1e-4  # seconds a user and trial
_BOOTSTRAP = 6e-5  # seconds a user, strategy and resample
_FITS, _STRATEGIES, _SIZES = 3, 4, 10

Rung = tuple[str, dict[str, Any]]

_RUNGS: tuple[Rung, ...] = (
    ("a sequence encoder of 1,000,000 events", {"behaviour": {"intent": {"events": 1_000_000}}}),
    ("10 trials of the search", {"search": {"trials": 10, "intent": False, "events": 200_000}}),
    ("5 bootstrap samples instead of 10", {"evaluation": {"bootstrap": 5}}),
    ("a map fitted on 4,000 users", {"vectors": {"map_sample": 4000}}),
    (
        "no Gaussian mixtures and density clusterers",
        {"segmentation": {"clusterers": ("kmeans", "minibatch_kmeans", "ward")}},
    ),
    ("forecasts learned on one earlier cut", {"behaviour": {"rhythm": {"cuts": 1}}}),
    ("a sequence encoder of 250,000 events", {"behaviour": {"intent": {"events": 250_000}}}),
    ("no search", {"search": {"trials": 0}}),
    ("one confidence scale and no tuning of taste", {"behaviour": {"taste": {"scales": (20.0,), "tune": False}}}),
    ("no sequence encoder", {"behaviour": {"intent": {"backbone": "none"}}}),
    ("a map of principal components", {"vectors": {"map": "pca"}}),
    ("k-means only", {"segmentation": {"clusterers": ("kmeans",)}}),
    ("no forecasts", {"behaviour": {"rhythm": {"forecast": False}}}),
)


def fit_budget(config: Config, events: int, users: int) -> tuple[Config, list[str]]:
    """Return settings whose estimated cost keeps within ``run.time_budget``, and what was given up.

    Effort goes down one rung after another until the estimate fits; the last rung is kept whatever it costs.
    A rung never asks for more than the settings do, and one that changes nothing in the cost is passed over.

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
        cost = estimate(config, events, users)
        if cost <= budget:
            break
        lighter = Config.model_validate(_merged(config.model_dump(), change))
        if estimate(lighter, events, users) < cost:
            config = lighter
            given_up.append(what)
    return config, given_up


def estimate(config: Config, events: int, users: int) -> float:
    """Return about how many seconds the stages after the profiles take on two cores."""
    return sum(_costs(config, events, users))


def _costs(config: Config, events: int, users: int) -> Iterator[float]:
    taste, rhythm = config.behaviour.taste, config.behaviour.rhythm
    yield _ALS * events * taste.als_iterations * (len(taste.scales) + _FITS - 1)
    yield _TUNING * events * (taste.epochs if taste.tune else 0) * _FITS
    if rhythm.forecast:
        yield _FORECAST * users * rhythm.cuts * _FITS
    yield _intent(config, config.behaviour.intent.events, events) * _FITS
    yield _search(config, events, users)
    if config.vectors.map != "pca":
        yield _MAP * min(users, config.vectors.map_sample)
    yield _TRIAL * users * len(config.segmentation.clusterers) * _SIZES
    yield _BOOTSTRAP * users * config.evaluation.bootstrap * _STRATEGIES


def _intent(config: Config, most: int, events: int) -> float:
    """One training of the sequence encoder, on ``most`` events at most."""
    if not config.behaviour.intent.trained or config.vectors.weights.intent == 0:
        return 0.0
    trained = config.behaviour.intent.model_copy(update={"events": most})
    return _INTENT * Plan.of(trained, events).events


def _search(config: Config, events: int, users: int) -> float:
    """Each trial fits taste once and judges segments; a sequence encoder is trained once, or in each trial."""
    search, taste = config.search, config.behaviour.taste
    if search.trials == 0:
        return 0.0
    fit = _ALS * events * taste.als_iterations * len(taste.scales)
    fit += _TUNING * events * (taste.epochs if taste.tune else 0)
    intent = _intent(config, min(search.events, config.behaviour.intent.events), events)
    return search.trials * (fit + _JUDGING * users) + intent * (search.trials if search.intent else 1)


def _merged(tree: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(tree)
    for key, value in change.items():
        merged[key] = _merged(merged[key], value) if isinstance(value, dict) else _at_most(merged[key], value)
    return merged


def _at_most(now: Any, cap: Any) -> Any:
    """Return a value that asks for no more work than the one that stands."""
    if isinstance(cap, bool | str):
        return cap
    if isinstance(cap, tuple):
        return tuple(value for value in now if value in cap) or (now if len(now) <= len(cap) else cap)
    return min(now, cap)
