"""From counts and profiles to the reduced vectors of a finished run; needs no training code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun.behaviour.taste import TasteEncoder
from fenqun.data.rhythm import RhythmScaler
from fenqun.vectors.fusion import Fusion
from fenqun.vectors.reduction import Reducer

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class VectorModel:
    """What a run's ``model/`` folder holds: taste, the rhythm scaler, the fusion and the reducer."""

    taste: TasteEncoder
    rhythm: RhythmScaler
    fusion: Fusion
    reducer: Reducer

    @classmethod
    def load(cls, folder: Path) -> VectorModel:
        """Read ``model/``."""
        parts = json.loads((folder / "vectors.json").read_text(encoding="utf-8"))
        return cls(
            TasteEncoder.load(folder / "taste"),
            RhythmScaler.from_dict(parts["rhythm"]),
            Fusion.from_dict(parts["fusion"]),
            Reducer.from_dict(parts["reducer"]),
        )

    def save(self, folder: Path) -> None:
        """Write ``model/``."""
        self.taste.save(folder / "taste")
        parts = {
            "rhythm": self.rhythm.to_dict(),
            "fusion": self.fusion.to_dict(),
            "reducer": self.reducer.to_dict(),
        }
        (folder / "vectors.json").write_text(json.dumps(parts) + "\n", encoding="utf-8")

    def fused(self, counts: Any, profiles: pa.Table) -> Floats:
        """Return fused vectors, (n, width), of users given by counts and profiles."""
        blocks: dict[str, Floats] = {}
        if "taste" in self.fusion.weights:
            blocks["taste"] = self.taste.transform(counts)
        if "rhythm" in self.fusion.weights:
            blocks["rhythm"] = self.rhythm.transform(profiles)
        return self.fusion.transform(blocks)

    def reduced(self, counts: Any, profiles: pa.Table) -> Floats:
        """Return reduced vectors, (n, components)."""
        return self.reducer.transform(self.fused(counts, profiles))
