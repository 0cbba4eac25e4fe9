"""All recommenders by name, the simplest first: what each needs, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.config import Recommendation, Taste
from fenqun.evaluation.ranking import smoothing_mass, weigh
from fenqun.recommendation.recommenders.als import ALSRanking
from fenqun.recommendation.recommenders.base import Recommender
from fenqun.recommendation.recommenders.intent import IntentRanking
from fenqun.recommendation.recommenders.item_knn import ItemKNN
from fenqun.recommendation.recommenders.popularity import Popularity
from fenqun.recommendation.recommenders.repeat_purchase import RepeatPurchase
from fenqun.recommendation.recommenders.segment_counts import SegmentCounts
from fenqun.recommendation.recommenders.taste import TasteRanking

BASELINE, BLEND = "popularity", "blend"
Vectors = NDArray[np.floating[Any]]

_SWEEPS = 6
"""Of the factorisation: lists are level with those after 15 sweeps, at half the time."""


class Material(Protocol):
    """What recommenders are made from: users in the order of the rows of ``counts``, items of its columns.

    Attributes
    ----------
    settings, taste_settings
        Of the run.
    seed, threads
        Of the run.
    repeats
        Whether lists may hold what the user has.
    counts
        CSR ``(n_users, n_items)``: event weights, decayed to the moment of the phase.
    n_segments
        Number of segments.
    """

    settings: Recommendation
    taste_settings: Taste
    seed: int
    threads: int
    repeats: bool
    counts: sparse.csr_matrix
    n_segments: int

    def occasions(self) -> sparse.csr_matrix:
        """Return on how many days each user took each item."""

    def taste(self) -> tuple[Vectors, Vectors] | None:
        """Return vectors of users and rows of items by the taste block; None where it knows nothing."""

    def intent(self) -> tuple[Vectors, Vectors] | None:
        """Return queries of users and rows of items by the sequence model; None where none was kept."""


@dataclass(frozen=True)
class Entry:
    """One recommender.

    Attributes
    ----------
    make
        Makes it from the material, unfitted.
    personal
        Whether users of one segment get lists of their own.
    reason
        Says in a code why it cannot be made; None: it can.
    """

    make: Callable[[Material], Recommender]
    personal: bool = True
    reason: Callable[[Material], str | None] = lambda material: None


def _segment_counts(material: Material) -> Recommender:
    weighting = material.settings.weighting
    mass = smoothing_mass(weigh(material.counts, weighting), material.n_segments, material.settings.smoothing)
    return SegmentCounts(mass, weighting)


def _als(material: Material) -> Recommender:
    taste = material.taste_settings
    return ALSRanking(
        width=taste.width,
        iterations=min(taste.als_iterations, _SWEEPS),
        regularization=taste.als_regularization,
        seed=material.seed,
        threads=material.threads,
    )


def _taste(material: Material) -> Recommender:
    found = material.taste()
    assert found is not None
    return TasteRanking(*found)


def _intent(material: Material) -> Recommender:
    found = material.intent()
    assert found is not None
    return IntentRanking(*found)


RECOMMENDERS: dict[str, Entry] = {
    BASELINE: Entry(lambda material: Popularity(material.settings.weighting), personal=False),
    "segment_counts": Entry(_segment_counts, personal=False),
    "repeat": Entry(
        lambda material: RepeatPurchase(material.occasions()),
        reason=lambda material: None if material.repeats else "no_repeats",
    ),
    "item_knn": Entry(lambda material: ItemKNN(threads=material.threads)),
    "taste": Entry(_taste, reason=lambda material: None if material.taste() else "not_learned"),
    "als": Entry(_als),
    "intent": Entry(_intent, reason=lambda material: None if material.intent() else "not_learned"),
}
"""Beside them stands the blend of a segment's and a person's scores, which is made of two that are fitted."""


def available(material: Material) -> dict[str, str | None]:
    """Return for each recommender that the settings name why it cannot be made, None where it can.

    The baseline is always among them.
    """
    named = (BASELINE, *material.settings.recommenders)
    return {name: entry.reason(material) for name, entry in RECOMMENDERS.items() if name in named}
