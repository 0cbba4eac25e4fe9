"""What tiers are cut on: a forecast of each user, and the same quantity of now."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.config import Config
from fenqun.data.cuts import outcomes_between
from fenqun.data.sequence_store import SequenceStore
from fenqun.errors import RunError
from fenqun.segmentation.rule import Floats

_PRESENT = {"value": "value", "events": "events", "active": "events"}
"""What a user brings now, by the outcome that is forecast; a column of the user table has no such thing."""


def tier_outcome(config: Config, outcomes: Collection[str]) -> str | None:
    """Return the name of the forecast that the settings cut tiers on; None where it is not forecast."""
    of = config.tiers.of
    if of is None:
        of = "value" if "value" in outcomes else "events"
    column = next((target.of for target in config.targets if target.name == of), None)
    name = of if column is None else column if column in ("value", "events") else f"target_{of}"
    return name if name in outcomes else None


def foretold(
    rhythm: RhythmEncoder, outcome: str, profiles: pa.Table, store: SequenceStore, folds: Collection[int], now: int
) -> tuple[Floats, Floats | None]:
    """Return the forecast of users, and what they did over a time as long as its horizon up to now.

    Parameters
    ----------
    rhythm
        Fitted, with forecasts.
    outcome
        Name of a forecast.
    profiles
        All users of the store as of ``now``, in its order.
    store, folds
        Sequences, and the folds whose events count.
    now
        Epoch seconds.

    Returns
    -------
    (scores, present)
        Shape (n,) each; ``present`` is None for a target that is a column of the user table.
    """
    if rhythm.forecast_ is None:
        raise RunError("nothing is forecast, so that there are no tiers")
    scores = rhythm.predictions(profiles).values[outcome]
    if outcome not in _PRESENT:
        return scores, None
    past, _ = outcomes_between(store, folds, now - rhythm.forecast_.horizon_, now + 1)
    return scores, past[_PRESENT[outcome]]
