"""From sequences and profiles to the reduced vectors of a finished run; needs no training code."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun.behaviour.intent.encoders import SequenceEncoder, load_encoder
from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.behaviour.taste import TasteEncoder
from fenqun.config import Config
from fenqun.data.category_history import category_history
from fenqun.data.sequence_store import SequenceStore
from fenqun.vectors.fusion import Fusion
from fenqun.vectors.reduction import Reducer

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class VectorModel:
    """What a run's ``model/`` folder holds: the blocks' encoders, the fusion and the reducer.

    Attributes
    ----------
    intent
        None where the run's user vector has no such block.
    """

    taste: TasteEncoder
    rhythm: RhythmEncoder
    intent: SequenceEncoder | None
    fusion: Fusion
    reducer: Reducer

    @classmethod
    def load(cls, folder: Path) -> VectorModel:
        """Read ``model/``."""
        parts = json.loads((folder / "vectors.json").read_text(encoding="utf-8"))
        fusion = Fusion.from_dict(parts["fusion"])
        return cls(
            TasteEncoder.load(folder / "taste"),
            RhythmEncoder.load(folder / "rhythm"),
            load_encoder(folder / "intent") if "intent" in fusion.weights else None,
            fusion,
            Reducer.from_dict(parts["reducer"]),
        )

    def save(self, folder: Path) -> None:
        """Write ``model/``."""
        self.taste.save(folder / "taste")
        self.rhythm.save(folder / "rhythm")
        if self.intent is not None:
            self.intent.save(folder / "intent")
        parts = {"fusion": self.fusion.to_dict(), "reducer": self.reducer.to_dict()}
        (folder / "vectors.json").write_text(json.dumps(parts) + "\n", encoding="utf-8")

    def fused(
        self, store: SequenceStore, folds: Collection[int], profiles: pa.Table, now: int, config: Config
    ) -> Floats:
        """Return fused vectors, (n_users, width).

        Parameters
        ----------
        store, folds
            Sequences, and the folds whose events count.
        profiles
            Of the same users as of ``now``, in the store's order.
        now
            Epoch seconds.
        config
            Half-lives and the number of last events.
        """
        blocks: dict[str, Floats] = {}
        if "taste" in self.fusion.weights:
            blocks["taste"] = self.taste.transform(store.counts(folds, config.behaviour.max_events))
        if "rhythm" in self.fusion.weights:
            history = None
            if self.rhythm.reads_categories:
                history = category_history(store, folds, now, config.profiles.half_lives)
            blocks["rhythm"] = self.rhythm.transform(profiles, history)
        if self.intent is not None:
            blocks["intent"] = self.intent.transform(store, folds, now=now)
        return self.fusion.transform(blocks)
