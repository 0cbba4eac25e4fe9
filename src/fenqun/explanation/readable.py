"""What can be said of a user without a model: plain aggregates, shares of categories, attributes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fenqun.explanation.drivers import ATTRIBUTE, attribute_levels, numbers, trait_columns
from fenqun.explanation.population import Population
from fenqun.explanation.topics import Topics, user_shares

Array = NDArray[np.float64]

SAID = (
    "frequency", "n_events", "n_items", "n_days", "n_sessions", "recency_days", "tenure_days", "monetary", "mean_value",
    "gap_median_days", "n_categories", "top_category_share", "share_night", "share_morning", "share_afternoon",
    "share_evening", "share_weekend", "events_per_session", "session_minutes", "duration_mean", "duration_total",
    "repeat_share",
)  # fmt: skip
"""Columns of a profile that a sentence can carry; decayed sums, entropies and ratios of rates are not among them."""

TOPICS = 100
"""Topics with a feature of their own, those with the largest shares."""


@dataclass(frozen=True)
class Readable:
    """Readable features of users.

    Attributes
    ----------
    kinds, features
        ``p`` each, as in :class:`fenqun.schema.Driver`.
    values
        ``(n, p)`` in the features' own units, without NaN: an unknown number is the median of those known, an
        unknown level is not had.
    """

    kinds: list[str]
    features: list[str]
    values: Array


def readable_features(population: Population, topics: Topics, unsaid: Collection[str] = ()) -> Readable:
    """Return what is readable of each user.

    Parameters
    ----------
    population
        Users with profiles and counts; their segments are not looked at.
    topics
        Topics of the items.
    unsaid
        Attributes that are left out, such as sensitive ones.
    """
    kinds: list[str] = []
    features: list[str] = []
    columns: list[Array] = []
    present = set(trait_columns(population.profiles))
    for name in SAID:
        if name in present:
            kinds.append("trait")
            features.append(name)
            columns.append(_filled(numbers(population.profiles[name])))
    shares = user_shares(population.counts, topics)
    mass = np.asarray(shares.sum(axis=0)).ravel().round(9)
    for j in sorted(np.argsort(-mass, kind="stable")[:TOPICS].tolist()):
        kinds.append("category")
        features.append(topics.names[j])
        columns.append(shares[:, [j]].toarray().ravel())
    for field in population.profiles.schema:
        column = field.name.removeprefix(ATTRIBUTE)
        if field.name.startswith(ATTRIBUTE) and column not in unsaid:
            for level, hit in attribute_levels(population.profiles[field.name]):
                kinds.append("attribute")
                features.append(f"{column}={level}")
                columns.append(hit)
    n = len(population.labels)
    return Readable(kinds, features, np.column_stack(columns) if columns else np.zeros((n, 0)))


def _filled(values: Array) -> Array:
    known = values[~np.isnan(values)]
    return np.where(np.isnan(values), np.median(known) if len(known) else 0.0, values)
