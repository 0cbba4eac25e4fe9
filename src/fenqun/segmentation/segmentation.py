"""A fitted set of segments: ids, the rule that assigns users to them, and how it is stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fenqun.segmentation.mixed_membership import mixed_membership
from fenqun.segmentation.rule import FeatureError, Floats, Ints, Rule
from fenqun.store import explain_damage

if TYPE_CHECKING:
    from fenqun.segmentation.clusterers.base import Clusterer

_ARRAYS, _SETTINGS = "segmentation.safetensors", "segmentation.json"


@dataclass(frozen=True)
class Assignment:
    """Where users belong.

    Attributes
    ----------
    labels
        (n,) index into the segmentation's ``ids``.
    confidence
        (n,) ``(d2 - d1) / (d2 + d1)`` of the distances to the nearest and second nearest segment, from
        0 (between two) to 1; 1 where there is one segment only.
    runner_up
        (n,) index of the second nearest segment, -1 where there is none.
    weights
        (n, k) share of each segment in a user, rows sum to one
        (:func:`~fenqun.segmentation.mixed_membership.mixed_membership`).
    """

    labels: Ints
    confidence: Floats
    runner_up: Ints
    weights: Floats


@dataclass(frozen=True)
class Segmentation:
    """Segments of users, and the rule by which users old and new find theirs.

    Attributes
    ----------
    ids
        ``S01`` is the largest. Equal sizes are ordered by centroid, so that ids depend on what users
        did, not on their names or on the order of rows. After a refresh, the ids of the run before.
    rule
        Segment ``i`` of the rule has the id ``ids[i]``.
    sizes
        Users in each segment when it was fitted.
    clusterer, parameters
        How it came about, for the record.
    """

    ids: tuple[str, ...]
    rule: Rule
    sizes: tuple[int, ...]
    clusterer: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def centroids(self) -> Floats:
        """One point a segment, (k, d)."""
        return self.rule.centroids

    @classmethod
    def from_clusterer(
        cls, clusterer: Clusterer, X: NDArray[Any], *, name: str = "", parameters: dict[str, Any] | None = None
    ) -> Segmentation:
        """Number the segments of a fitted clusterer by size among the rows of ``X``, then by content.

        A segment that nobody is nearest to is left out.
        """
        sizes = np.bincount(clusterer.predict(X), minlength=clusterer.n_clusters_)
        rule: Rule = clusterer.rule_
        content = [tuple(np.round(row, 9) + 0.0) for row in rule.centroids]
        order = sorted(np.flatnonzero(sizes).tolist(), key=lambda s: (-sizes[s], content[s]))
        return cls(
            ids=tuple(f"S{i + 1:02d}" for i in range(len(order))),
            rule=rule.reordered(np.array(order, dtype=np.int64)),
            sizes=tuple(int(sizes[s]) for s in order),
            clusterer=name or type(clusterer).__name__,
            parameters=dict(parameters or {}),
        )

    def renamed(self, ids: Sequence[str], order: Ints) -> Segmentation:
        """Return the same segments under other ids, the ``order[0]``-th first."""
        return replace(
            self,
            ids=tuple(ids[s] for s in order),
            rule=self.rule.reordered(order),
            sizes=tuple(self.sizes[s] for s in order),
        )

    def assign(self, X: NDArray[Any]) -> Assignment:
        """Assign users; a user gets the same alone as in a batch.

        Parameters
        ----------
        X
            (n, d) finite features, of the width that the segments were fitted on.

        Raises
        ------
        FeatureError
            If the width differs or a number is not finite.
        """
        X = self._checked(X)
        energy = self.rule.energies(X)
        n, k = energy.shape
        labels = energy.argmin(axis=1).astype(np.int64)
        share = mixed_membership(X, self.rule.centroids, labels)
        if k == 1:
            return Assignment(labels, np.ones(n), np.full(n, -1, dtype=np.int64), share)
        others = energy.copy()
        others[np.arange(n), labels] = np.inf
        runner_up = others.argmin(axis=1).astype(np.int64)
        nearest = np.sqrt(energy[np.arange(n), labels])
        second = np.sqrt(energy[np.arange(n), runner_up])
        both = nearest + second
        confidence = np.divide(second - nearest, both, out=np.zeros(n), where=both > 0)
        return Assignment(labels, confidence, runner_up, share)

    def _checked(self, X: NDArray[Any]) -> Floats:
        X = np.asarray(X, dtype=np.float64)
        width = self.rule.prototypes.shape[1]
        if X.ndim != 2 or X.shape[1] != width:
            raise FeatureError(
                f"features have shape {X.shape}, the segments were fitted on width {width}", where="assignment"
            )
        bad = np.flatnonzero(~np.isfinite(X).all(axis=1))
        if bad.size:
            raise FeatureError(
                f"{len(bad)} of {len(X)} rows hold NaN or infinity, the first is row {bad[0]}", where="assignment"
            )
        return X

    def save(self, folder: Path) -> None:
        """Write ``segmentation.safetensors`` and ``segmentation.json`` into ``folder``."""
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            "prototypes": self.rule.prototypes,
            "owner": self.rule.owner,
            "centroids": self.rule.centroids,
            "whitening": self.rule.whitening,
            "offset": self.rule.offset,
        }
        tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items() if array is not None}
        (folder / _ARRAYS).write_bytes(save(tensors))
        settings = {
            "ids": self.ids,
            "sizes": self.sizes,
            "temperature": self.rule.temperature,
            "clusterer": self.clusterer,
            "parameters": self.parameters,
        }
        (folder / _SETTINGS).write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Segmentation:
        """Read what :meth:`save` wrote.

        Raises
        ------
        RunError
            If a file is missing or damaged.
        """
        from safetensors.numpy import load_file

        problem, mend = (
            "the stored segmentation is missing or damaged",
            "fenqun run on the same directory makes it again",
        )
        with explain_damage(problem, folder, mend):
            arrays = load_file(folder / _ARRAYS)
            settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
            rule = Rule(
                arrays["prototypes"],
                arrays["owner"],
                arrays["centroids"],
                float(settings["temperature"]),
                arrays.get("whitening"),
                arrays.get("offset"),
            )
            return cls(
                tuple(settings["ids"]),
                rule,
                tuple(settings["sizes"]),
                settings["clusterer"],
                settings["parameters"],
            )
