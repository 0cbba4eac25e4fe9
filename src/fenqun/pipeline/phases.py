"""What each of the three fits may learn from, and what judges it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_matrix

from fenqun import schema
from fenqun.config import Config
from fenqun.data.profiles import category_shares
from fenqun.data.rhythm import raw_columns, rhythm_columns
from fenqun.data.sequences import SequenceStore
from fenqun.data.splits import JUDGED, LEARNED, Phase, Splits
from fenqun.store import Run

Floats = npt.NDArray[np.floating[Any]]

_CATEGORIES = 100
"""Categories with a column of their own, those with the largest shares."""
THEMES = "work/themes.parquet"
"""What items without categories are about, in the order of the store's items."""


def text_cache(run: Run) -> Path:
    """Return where a run keeps vectors of texts that were read."""
    return run.artifact("work/cache")


class Phases:
    """Views of the sequence store by phase; all user arrays are in canonical order."""

    def __init__(self, config: Config, run: Run) -> None:
        self.config, self.run = config, run

    @cached_property
    def store(self) -> SequenceStore:
        """The sequences."""
        return SequenceStore.open(self.run.require("work/sequences"))

    @cached_property
    def splits(self) -> Splits:
        """The cuts."""
        return Splits.read(self.run)

    @property
    def repeats(self) -> bool:
        """Whether lists may hold items that the user has seen."""
        setting = self.config.recommendation.repeats
        return self.config.domain.repeats if setting is None else setting

    def active(self, phase: Phase) -> npt.NDArray[np.bool_]:
        """Users with at least one event to learn from."""
        return np.asarray(self.store.n_events(LEARNED[phase]) > 0)

    def counts(self, phase: Phase) -> csr_matrix:
        """User by item event weights of the learning folds."""
        return self.store.counts(LEARNED[phase], self.config.behaviour.max_events)

    def decayed_counts(self, phase: Phase) -> csr_matrix:
        """The same, each event halved per half-life of the lists before the phase's now."""
        return self.store.decayed_counts(
            LEARNED[phase], self.config.recommendation.half_life, self.splits.now(phase)
        )

    def truth(self, phase: Phase) -> csr_matrix:
        """What the users did in the fold that judges the phase."""
        return self.store.counts(JUDGED[phase], self.config.behaviour.max_events)

    def profiles(self, phase: Phase) -> pa.Table:
        """The profiles as of the phase's now."""
        name = "profiles.parquet" if phase == "final" else f"work/profiles_{phase}.parquet"
        return self.run.read_table(name)

    def reduced(self, phase: Phase) -> Floats:
        """Reduced fused vectors, one row a user."""
        vectors: Floats = np.load(self.run.require(f"work/vectors/{phase}.npy"))
        return vectors

    @cached_property
    def themes(self) -> list[str | None]:
        """What each item's text is about, None for none; empty where the catalogue has categories or no text is read."""
        if not self.run.artifact(THEMES).exists():
            return []
        themes: list[str | None] = self.run.read_table(THEMES)["theme"].to_pylist()
        return themes

    @cached_property
    def targets(self) -> dict[str, npt.NDArray[np.object_]]:
        """User columns that may be learned from, one value a user, None where unknown."""
        return self.user_columns("work/targets.parquet")

    def user_columns(self, artifact: str) -> dict[str, npt.NDArray[np.object_]]:
        """Return the columns of a table about users, one value a user, None where unknown; none without the table."""
        if not self.run.artifact(artifact).exists():
            return {}
        table = self.run.read_table(artifact)
        rows = self.store.user_index(table[schema.USER].combine_chunks())
        found = {}
        for name in table.column_names:
            if name != schema.USER:
                values = np.full(self.store.n_users, None, dtype=object)
                values[rows[rows >= 0]] = np.array(table[name].to_pylist(), dtype=object)[rows >= 0]
                found[name] = values
        return found

    def readable(self, phase: Phase) -> Floats:
        """Return what a card could name, float64 (n_users, d): aggregates (NaN: unknown), then shares of categories."""
        profiles = self.profiles(phase)
        aggregates = raw_columns(profiles, rhythm_columns(profiles))
        codes, names = self.store.categories
        if not names:
            return aggregates
        shares = category_shares(self.counts(phase), codes, len(names))
        leading = np.argsort(-shares.sum(axis=0), kind="stable")[:_CATEGORIES]
        return np.hstack([aggregates, shares[:, leading]])
