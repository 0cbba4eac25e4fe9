"""``identity.json``: what became of the segments of an earlier run."""

from __future__ import annotations

from typing import Literal

from fenqun.schema.base import SCHEMA_VERSION, Model


class SegmentMatch(Model):
    """A segment that lives on: ``score`` is the mean of ``jaccard`` (shared users) and ``nearness`` (centroids)."""

    segment_id: str
    score: float
    jaccard: float
    nearness: float


class SegmentFlow(Model):
    """A segment that fell into others, or was put together from them, with the shares of shared users."""

    segment_id: str
    others: list[str]
    shares: list[float]


class Identity(Model):
    """``identity.json``: what became of the segments of the run before.

    ``way`` says how the published segments were fitted: ``unchanged`` (same users, same vectors), ``continued`` from the
    earlier centroids, or ``fresh``, and ``why`` is the code of the reason. ``spread`` is the mean squared distance to
    the centroid over that of a fit from scratch, ``moved`` the share of shared users whose id changed, ``alignment``
    the share of their variance that the aligned earlier vectors explain. ``used`` holds every id ever given.
    """

    schema_version: int = SCHEMA_VERSION
    previous: str
    way: Literal["unchanged", "continued", "fresh"]
    why: Literal["same", "near", "choice", "shape", "small", "spread"]
    spread: float | None = None
    matches: list[SegmentMatch]
    births: list[str]
    deaths: list[str]
    splits: list[SegmentFlow]
    merges: list[SegmentFlow]
    survived: int
    segments_before: int
    shared_users: int
    ari: float
    moved: float
    alignment: float
    used: list[str]
