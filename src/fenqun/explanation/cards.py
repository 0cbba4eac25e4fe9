"""The card of a segment: its items, its hours, its medians, its typical users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fenqun.explanation.drivers import group_medians, numbers, trait_columns
from fenqun.explanation.items import top_items
from fenqun.explanation.population import Population
from fenqun.schema import Card, CardItem

Kind = Literal["natural", "reproducible", "constructive"]


def activity_counts(
    offsets: NDArray[np.int64], slots: NDArray[np.int8], width: int, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Count each user's events per hour (``width`` 24) or weekday (``width`` 7).

    Parameters
    ----------
    offsets
        ``(n + 1,)``: the events of user ``u`` are ``offsets[u]`` to ``offsets[u + 1]``.
    slots
        Hour or weekday of each event.
    width
        Number of slots: 24 or 7.
    mask
        Which events count, None for all.

    Returns
    -------
    counts
        ``(n, width)``.
    """
    n = len(offsets) - 1
    cell = np.repeat(np.arange(n, dtype=np.int64) * width, np.diff(offsets)) + slots.astype(np.int64)
    if mask is not None:
        cell = cell[mask]
    return np.bincount(cell, minlength=n * width).reshape(n, width).astype(np.int64)


def build_cards(
    population: Population,
    vectors: NDArray[np.floating],
    centroids: NDArray[np.floating],
    confidence: NDArray[np.floating],
    hours: NDArray[np.int64],
    weekdays: NDArray[np.int64],
    kind: Kind,
    jaccard: Sequence[float | None] | None = None,
    length: int = 10,
    typical: int = 5,
) -> list[Card]:
    """Return the card of each segment.

    Parameters
    ----------
    population
        Users, segments and items.
    vectors, centroids
        ``(n, d)`` users and ``(k, d)`` centres in the space in which segments were found.
    confidence
        ``(n,)`` of each membership.
    hours, weekdays
        ``(n, 24)`` and ``(n, 7)`` events of each user, see :func:`activity_counts`.
    kind
        What the clustering is.
    jaccard
        Bootstrap stability of each segment, None where not computed.
    length, typical
        Items and typical users on a card.
    """
    items = top_items(population, length)
    traits = trait_columns(population.profiles)
    raw = [numbers(population.profiles[name]) for name in traits]
    table = np.column_stack(raw) if raw else np.zeros((len(population.labels), 0))
    medians = group_medians(table, population.labels, population.k)
    sure = group_medians(np.asarray(confidence, dtype=np.float64)[:, None], population.labels, population.k)[:, 0]
    everyday = _shares(population.membership @ hours)
    everyweek = _shares(population.membership @ weekdays)
    users = _typical(population, vectors, centroids, typical)
    return [
        _card(
            items[g],
            everyday[g],
            everyweek[g],
            dict(zip(traits, medians[g], strict=True)),
            users[g],
            sure[g],
            kind,
            stable,
        )
        for g, stable in enumerate(jaccard if jaccard is not None else [None] * population.k)
    ]


def _card(
    items: list[CardItem],
    hours: NDArray[np.float64],
    weekdays: NDArray[np.float64],
    medians: dict[str, float],
    users: list[str],
    confidence: float,
    kind: Kind,
    jaccard: float | None,
) -> Card:
    return Card(
        items=items,
        hours=[round(float(share), 6) for share in hours],
        weekdays=[round(float(share), 6) for share in weekdays],
        traits={name: round(float(value), 6) for name, value in medians.items() if np.isfinite(value)},
        typical_users=users,
        confidence=round(float(confidence), 6) if np.isfinite(confidence) else 0.0,
        kind=kind,
        jaccard=None if jaccard is None else round(float(jaccard), 6),
    )


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)
    return shares


def _typical(
    population: Population, vectors: NDArray[np.floating], centroids: NDArray[np.floating], length: int
) -> list[list[str]]:
    """Return the users nearest to their segment's centre, ties by the order of users."""
    gap = np.asarray(vectors, dtype=np.float64) - np.asarray(centroids, dtype=np.float64)[population.labels]
    distance = np.sqrt((gap**2).sum(axis=1)).round(9)
    nearest = []
    for g in range(population.k):
        members = np.flatnonzero(population.labels == g)
        nearest.append(population.user_texts(members[np.argsort(distance[members], kind="stable")[:length]]))
    return nearest
