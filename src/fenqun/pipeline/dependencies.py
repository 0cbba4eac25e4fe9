"""Which settings results depend on, as plain values for fingerprints: what several stages have in common."""

from __future__ import annotations

from typing import Any

from fenqun.behaviour.foundation import Foundation
from fenqun.config import Config


def list_settings(config: Config) -> dict[str, Any]:
    """Return the goal, and the settings of the lists, by which segments are judged."""
    tree = config.recommendation.model_dump(mode="json")
    lists = {name: tree[name] for name in ("half_life", "smoothing", "weighting", "repeats")}
    return lists | {"list_length": config.evaluation.list_length, "goal": config.goal}


def foundation_files(config: Config) -> list[str]:
    """Return fingerprints of the foundation's files; empty without one.

    Raises
    ------
    ConfigError
        If there is no foundation in the folder that the settings name.
    """
    folder = config.behaviour.foundation
    return [] if folder is None else Foundation.fingerprints(folder)
