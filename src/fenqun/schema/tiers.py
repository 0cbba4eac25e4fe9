"""``tiers.json``: tiers, how well they are calibrated, and what they are worth."""

from __future__ import annotations

from typing import Literal

from fenqun.schema.base import SCHEMA_VERSION, Model


class ReliabilityBin(Model):
    """Some users with predictions near each other: what was expected of them on average, and what was seen."""

    n: int
    predicted: float
    seen: float


class Tier(Model):
    """One tier: ``predicted`` is the mean of the published users, ``judged_*`` are those before the held-out time."""

    tier: str
    name_en: str
    name_zh: str
    size: int
    share: float
    predicted: float | None
    judged_users: int
    judged_predicted: float | None
    judged_seen: float | None


class TierContest(Model):
    """How much of an outcome's variance one way to group users explains; differences are tiers less this one."""

    outcome: Literal["value", "events"]
    grouping: Literal["tiers", "rfm_kmeans", "rfm_cuts"]
    groups: int
    value: float | None
    low: float | None
    high: float | None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    n: int


class Calibration(Model):
    """How far predictions mean what they say on held-out time.

    ``total`` is the sum of predictions over what was seen. ``r2`` is of numbers, ``auc``, ``brier`` and ``ece``
    (expected calibration error) of chances; others are null.
    """

    outcome: str
    n: int
    total: float | None
    r2: float | None = None
    auc: float | None = None
    brier: float | None = None
    ece: float | None = None
    bins: list[ReliabilityBin]


class TierTable(Model):
    """``tiers.json``: the rule that places users, what the tiers hold, and how they were judged.

    A user whose prediction is at or above a cut is above it; one above the lowest cut whose present value is at most
    ``low_present`` is in the tier ``TP``. ``judged_days`` is the held-out time that the horizon reaches into.
    """

    schema_version: int = SCHEMA_VERSION
    of: str
    method: Literal["kmeans", "share", "value", "cost"]
    horizon_days: float
    judged_days: float
    cuts: list[float]
    low_present: float | None
    tiers: list[Tier]
    calibration: list[Calibration]
    contest: list[TierContest]
