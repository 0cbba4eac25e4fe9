"""What the recommenders of one phase are made from."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

from fenqun.behaviour.intent.encoder import IntentEncoder
from fenqun.behaviour.intent.encoders import load_encoder
from fenqun.behaviour.taste import TasteEncoder
from fenqun.data.occasions import taken_days
from fenqun.data.splits import LEARNED, Phase
from fenqun.evaluation.ranking import Lists
from fenqun.pipeline.phases import Phases, text_cache
from fenqun.recommendation.recommenders.base import most_taken
from fenqun.recommendation.recommenders.registry import Vectors

Ints = npt.NDArray[np.int64]


class PhaseMaterial:
    """Active users of a phase by the items that lists are made of: those that most of them took.

    Attributes
    ----------
    users
        int64: rows of the store.
    columns
        int64, rising: items of the store.
    labels
        Segment of each of ``users``.
    counts
        CSR: event weights, decayed to the phase's moment.
    history
        CSR: event weights as they are.
    """

    def __init__(self, phases: Phases, phase: Phase, labels: Ints, n_segments: int) -> None:
        config = phases.config
        self.phases, self.phase = phases, phase
        self.settings, self.taste_settings = config.recommendation, config.behaviour.taste
        self.seed, self.threads = config.run.seed, config.run.threads
        self.repeats = phases.repeats
        self.labels, self.n_segments = labels, n_segments
        self.users: Ints = np.flatnonzero(phases.active(phase))
        everything = phases.counts(phase)
        self.columns = most_taken(everything, self.settings.most_items)
        self.history: sparse.csr_matrix = everything[self.users][:, self.columns]
        self.counts: sparse.csr_matrix = phases.decayed_counts(phase)[self.users][:, self.columns]
        self._everything = everything

    @property
    def seen(self) -> sparse.csr_matrix | None:
        """What each user's list leaves out; None where lists may repeat."""
        return None if self.repeats else self.history

    @property
    def items(self) -> pa.Array:
        """Ids of the items."""
        return self.phases.store.items.take(pa.array(self.columns))

    @property
    def takers(self) -> Ints:
        """How many users took each item."""
        return np.bincount(self.history.indices, minlength=len(self.columns)).astype(np.int64)

    @property
    def categories(self) -> tuple[Ints, list[str]]:
        """Code of each item's category, -1 where unknown, and the names of the codes."""
        codes, names = self.phases.store.categories
        return codes[self.columns].astype(np.int64), names

    @cached_property
    def truth(self) -> sparse.csr_matrix:
        """CSR of ``users`` by all items of the store: what they did in the fold that judges the phase."""
        return self.phases.truth(self.phase)[self.users]

    def in_store(self, lists: Lists) -> Lists:
        """Return lists of columns as lists of items of the store."""
        return np.where(lists >= 0, self.columns[lists], -1).astype(np.int32)

    def occasions(self) -> sparse.csr_matrix:
        """Return on how many days each user took each item."""
        days = taken_days(self.phases.store, LEARNED[self.phase])
        return days[self.users][:, self.columns]

    @cached_property
    def taste_encoder(self) -> TasteEncoder:
        """The set encoder of the phase."""
        return TasteEncoder.load(self.phases.run.require(f"work/taste/{self.phase}"))

    def taste(self) -> tuple[Vectors, Vectors] | None:
        """Return vectors of users and rows of items by the taste block; None where it knows nothing."""
        return self._taste

    @cached_property
    def _taste(self) -> tuple[Vectors, Vectors] | None:
        encoder = self.taste_encoder
        if not encoder.informative:
            return None
        return encoder.ranking_vectors(self._everything[self.users]), encoder.item_table[self.columns]

    def intent(self) -> tuple[Vectors, Vectors] | None:
        """Return queries of users and rows of items by the sequence model; None where none was kept."""
        return self._intent

    @cached_property
    def _intent(self) -> tuple[Vectors, Vectors] | None:
        run = self.phases.run
        # The first phase has one also where the gate did not keep it.
        if not run.artifact("work/intent/final").is_dir():
            return None
        encoder: Any = load_encoder(run.require(f"work/intent/{self.phase}"), text_cache(run))
        if not isinstance(encoder, IntentEncoder):
            return None  # a language model reads events, and ranks no items
        now = self.phases.splits.shared_now(self.phase)
        queries, rows = encoder.ranking(encoder.transform(self.phases.store, LEARNED[self.phase], now=now))
        return queries[self.users], rows[self.columns]
