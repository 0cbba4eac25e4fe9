"""The few settings that a search tries, each with the values it may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fenqun.config import Config

Value = int | float | bool | str | tuple[float, ...]
Settings = dict[str, Value]
"""Dotted path of a setting to its value."""

MOST_WEIGHT = 1.5
"""Largest weight of a block beside a taste of weight 1."""

DECIMALS = 2
"""Digits of a searched weight: finer ones change no segment."""


@dataclass(frozen=True)
class Choice:
    """A setting that takes one of a few values; few, so that trials share what was computed with them."""

    path: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Range:
    """A number between two bounds."""

    path: str
    low: float
    high: float


Parameter = Choice | Range


def parameters(config: Config, *, ranks_items: bool, has_content: bool) -> tuple[Parameter, ...]:
    """Return what is searched, in a fixed order; the settings as given are always among the values.

    Parameters
    ----------
    config
        Settings as given. A block of weight 0 takes no part, and stays out.
    ranks_items
        Whether the log has more than one item; otherwise only the rhythm block says anything.
    has_content
        Whether any item has a text, a picture or a sound.
    """
    weights = config.vectors.weights
    found: list[Parameter] = []
    if ranks_items and weights.taste > 0:
        found += _taste(config, has_content)
    if ranks_items and weights.intent > 0 and config.search.intent and config.behaviour.intent.trained:
        found += _intent(config)
    if ranks_items and weights.taste > 0:
        for name, weight in (("rhythm", weights.rhythm), ("intent", weights.intent)):
            if weight > 0 and not (name == "intent" and config.behaviour.intent.backbone == "none"):
                most = max(MOST_WEIGHT * weights.taste, weight)
                found.append(Range(f"vectors.weights.{name}", 0.0, most))
    found.append(_choice(config, "vectors.components", 8, 16, 32, 64))
    found.append(_choice(config, "vectors.reducer", "pca", "whitened", "none"))
    return tuple(found)


def _taste(config: Config, has_content: bool) -> list[Parameter]:
    table = "behaviour.taste"
    found: list[Parameter] = [
        _choice(config, f"{table}.width", 32, 64, 128),
        _choice(config, f"{table}.als_regularization", 0.001, 0.01, 0.1, 1.0),
        _choice(config, f"{table}.als_iterations", 5, 15),
        # one scale alone, or the choice among those given by the lists of every fit
        _choice(config, f"{table}.scales", (5.0,), (20.0,), (80.0,)),
    ]
    if config.behaviour.taste.tune:
        found.append(_choice(config, f"{table}.tune", False, True))
        found.append(_choice(config, f"{table}.temperature", 0.05, 0.1, 0.2))
    if has_content:
        found.append(_choice(config, f"{table}.text_gate", 0.0, 2.0, 5.0, 20.0))
    return found


def _intent(config: Config) -> list[Parameter]:
    table, settings = "behaviour.intent", config.behaviour.intent
    found: list[Parameter] = [_choice(config, f"{table}.learning_rate", 1e-3, 2e-3, 5e-3)]
    if not settings.backbone.startswith("huggingface:"):
        widths = [width for width in (32, 64, 128) if width % settings.heads == 0]
        found.append(_choice(config, f"{table}.width", *widths))
    if settings.backbone != "bert":  # which predicts hidden events and nothing of the next
        found.append(_choice(config, f"{table}.window", 1, 5, 20))
        found.append(_choice(config, f"{table}.objectives.timing", 0.0, 0.1, 0.5))
    found.append(_choice(config, f"{table}.objectives.contrastive", 0.0, 0.1))
    found.append(_choice(config, f"{table}.objectives.future", 0.0, 0.5))
    return found


def _choice(config: Config, path: str, *values: Value) -> Choice:
    return Choice(path, tuple(sorted({*values, read(config, path)})))


def read(config: Config, path: str) -> Any:
    """Return a setting by its dotted path."""
    value: Any = config
    for part in path.split("."):
        value = getattr(value, part)
    return value


def given(config: Config, space: tuple[Parameter, ...]) -> Settings:
    """Return the searched settings as they stand."""
    return {parameter.path: read(config, parameter.path) for parameter in space}


def from_json(settings: Mapping[str, Any]) -> Settings:
    """Return settings that were written as JSON, in which a list is a tuple again."""
    return {path: tuple(value) if isinstance(value, list) else value for path, value in settings.items()}


def with_settings(config: Config, settings: Mapping[str, Value]) -> Config:
    """Return settings in which some have other values."""
    tree = config.model_dump()
    for path, value in settings.items():
        *parents, last = path.split(".")
        node = tree
        for part in parents:
            node = node[part]
        node[last] = value
    return Config.model_validate(tree)
