"""Sets of blocks, each judged by the segments that it gives, and the rule by which blocks stay."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from fenqun.config import Config
from fenqun.evaluation.value import explained_variance
from fenqun.pipeline.judging import Labels, PhaseJudge
from fenqun.pipeline.phases import Floats
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.segmentation.continuing import CLEARLY
from fenqun.vectors.fusion import Fusion, gate
from fenqun.vectors.reduction import Reducer

GATE_K = 12
"""Number of segments at which blocks are weighed against each other, before k is chosen."""


class BlockSets:
    """Sets of blocks, each judged once by the segments that it gives.

    Parameters
    ----------
    blocks
        Block to the vectors of the users that are judged.
    weights
        Block to its weight, above 0.
    judge
        Of the phase on which blocks are chosen.
    config
        Settings.
    """

    def __init__(
        self, blocks: dict[str, Floats], weights: dict[str, float], judge: PhaseJudge, config: Config
    ) -> None:
        self.blocks, self.weights, self.judge, self.config = blocks, weights, judge, config
        self.labels: dict[tuple[str, ...], Labels] = {}

    def of(self, names: tuple[str, ...]) -> Labels:
        """Return the segments that a set of blocks gives."""
        if names not in self.labels:
            reduced = self.reduced(names)
            k = min(GATE_K, len(reduced))
            self.labels[names] = make_clusterer("kmeans", k, seed=self.config.run.seed).fit(reduced).labels_
        return self.labels[names]

    def reduced(self, names: tuple[str, ...]) -> Floats:
        """Return the vectors of a set of blocks, fused and reduced for clustering."""
        fused = Fusion({name: self.weights[name] for name in names}).fit_transform(self.blocks)
        settings = self.config.vectors
        return Reducer(settings.components, self.config.run.seed, settings.reducer).fit(fused).transform(fused)

    def lift(self, names: tuple[str, ...]) -> float:
        """Return the criterion of a set, for the gate."""
        return self.judge.criterion(self.of(names))

    def gain(self, larger: tuple[str, ...], smaller: tuple[str, ...]) -> tuple[float, float]:
        """Return by how much one set is better than another for the goal, and the standard error of that."""
        return self.judge.gain(self.of(larger), self.of(smaller))

    def table(self) -> list[dict[str, Any]]:
        """Return what each judged set is worth on validation time."""
        return [{"blocks": list(names)} | _worth(self.judge, labels) for names, labels in self.labels.items()]


def keep_blocks(sets: BlockSets) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the blocks that stay with their weights, and what was found.

    Blocks that make validation worse leave. The sequence encoder comes last and must show more than the others: it
    costs most, so it stays only where segments with it are better for the goal by more than the standard error of the
    difference over users.
    """
    weights = sets.weights
    if not sets.config.vectors.gate or len(weights) < 2:
        return weights, {}
    figures: dict[str, Any] = {}
    report = gate({name: weight for name, weight in weights.items() if name != "intent"}, sets.lift)
    kept = report.weights
    figures["gate"] = {**report.figures, "dropped": list(report.dropped)}
    if "intent" in weights:
        added = kept | {"intent": weights["intent"]}
        gain, error = sets.gain(tuple(sorted(added)), tuple(sorted(kept)))
        figures["intent"] = {"gain": gain, "standard_error": error, "kept": gain > error}
        kept = added if gain > error else kept
    return kept, figures


def keep_earlier(
    sets: BlockSets, kept: dict[str, float], earlier: Collection[str]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the blocks of an earlier run, unless others are clearly better, and what was found.

    Another set of blocks is another space, in which most people find themselves in another place. So the earlier set
    stays where it can still be had and the gain of the other is not above :data:`CLEARLY` standard errors.

    Parameters
    ----------
    sets
        Judged on validation time.
    kept
        Blocks that the gate chose, with their weights.
    earlier
        Blocks of the run before.
    """
    names = tuple(sorted(earlier))
    if not names or set(names) == set(kept) or not set(names) <= set(sets.weights):
        return kept, {}
    gain, error = sets.gain(tuple(sorted(kept)), names)
    stays = not gain > CLEARLY * error  # a log that cannot say gives no reason to change
    figures = {"blocks": list(names), "gain": gain, "standard_error": error, "kept": stays}
    return {name: sets.weights[name] for name in names} if stays else kept, {"earlier": figures}


def _worth(judge: PhaseJudge, labels: Labels) -> dict[str, float]:
    """Return what segments are worth on validation time: lift of lists, future category, future value."""
    told = {name: value for name, value in judge(labels).items() if name in ("lift", "probe")}
    for outcome in ("future_value", "future_events"):
        if outcome in judge.outcomes:
            told[outcome] = explained_variance(labels, judge.outcomes[outcome], repeats=0).value
    return {name: round(float(value), 6) for name, value in told.items() if np.isfinite(value)}
