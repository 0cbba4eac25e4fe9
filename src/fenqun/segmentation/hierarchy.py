"""One tree of three levels: macro-segments join published segments, micro-segments divide one of them.

A segment belongs to one macro-segment as a whole, and a micro-segment to one segment, so every user has one path. Users, old
and new, find their segment by the segmentation's rule, its macro-segment by that, and the nearest micro-segment within it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fenqun.segmentation.rule import Floats, Ints
from fenqun.store import Run, explain_damage

FOLDER = "hierarchy"
_ARRAYS, _SETTINGS = "hierarchy.safetensors", "hierarchy.json"


@dataclass(frozen=True)
class Parts:
    """Micro-segments of one segment.

    Attributes
    ----------
    ids
        p names.
    centroids
        (p, d); a user of the segment is in the nearest, ties go to the first.
    """

    ids: tuple[str, ...]
    centroids: Floats

    def labels(self, X: Floats) -> Ints:
        """Return the nearest part of each row, (n,)."""
        return nearest(X, self.centroids)


@dataclass(frozen=True)
class Hierarchy:
    """What lies above and below the published segments.

    Attributes
    ----------
    macros
        Macro-segment of each segment, by id; empty where there is no such level.
    micros
        Parts of each segment that is divided, by its id.
    used
        Every id that was ever given to a macro- or micro-segment, also in runs before.
    """

    macros: Mapping[str, str] = field(default_factory=dict)
    micros: Mapping[str, Parts] = field(default_factory=dict)
    used: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is neither level."""
        return not self.macros and not self.micros

    def place(self, X: Floats, segments: Sequence[str]) -> tuple[list[str | None], list[str | None]]:
        """Return the macro- and the micro-segment of each user, None where there is none.

        Parameters
        ----------
        X
            (n, d) features, of the space in which the segments were found.
        segments
            n ids of the users' segments.
        """
        macro = [self.macros.get(segment) for segment in segments]
        micro: list[str | None] = [None] * len(segments)
        own = np.asarray(segments, dtype=object)
        for segment, parts in self.micros.items():
            rows = np.flatnonzero(own == segment)
            for row, part in zip(rows.tolist(), parts.labels(X[rows]).tolist(), strict=True):
                micro[row] = parts.ids[part]
        return macro, micro

    def save(self, folder: Path) -> None:
        """Write ``hierarchy.safetensors`` and ``hierarchy.json`` into ``folder``."""
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {segment: np.ascontiguousarray(parts.centroids) for segment, parts in self.micros.items()}
        (folder / _ARRAYS).write_bytes(save(tensors))
        settings = {
            "macros": dict(self.macros),
            "micros": {segment: list(parts.ids) for segment, parts in self.micros.items()},
            "used": list(self.used),
        }
        (folder / _SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def of(cls, run: Run) -> Hierarchy:
        """Return the hierarchy of a run, an empty one where it has none."""
        folder = run.artifact(FOLDER)
        return cls.load(folder) if folder.is_dir() else cls()

    @classmethod
    def load(cls, folder: Path) -> Hierarchy:
        """Read what :meth:`save` wrote.

        Raises
        ------
        RunError
            If a file is missing or damaged.
        """
        from safetensors.numpy import load_file

        mend = "fenqun run on the same directory makes it again"
        with explain_damage("the stored hierarchy is missing or damaged", folder, mend):
            arrays = load_file(folder / _ARRAYS)
            settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
            micros = {
                segment: Parts(tuple(ids), np.asarray(arrays[segment], dtype=np.float64))
                for segment, ids in settings["micros"].items()
            }
            return cls(dict(settings["macros"]), micros, tuple(settings["used"]))


def nearest(X: Floats, centroids: Floats) -> Ints:
    """Return the index of the nearest centroid of each row, the same for a row alone as in a batch."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(X, centroids, "sqeuclidean").argmin(axis=1), dtype=np.int64)
