"""The segments that settings give on validation time, at a few numbers, as the road would choose among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenqun.config import Config
from fenqun.config import Segmentation as Settings
from fenqun.pipeline.block_sets import BlockSets, keep_blocks
from fenqun.pipeline.blocks import block_weights
from fenqun.pipeline.judging import Labels, PhaseJudge
from fenqun.pipeline.phases import Floats
from fenqun.pipeline.segmenting import TOLD_K
from fenqun.segmentation.selection import grid, select


@dataclass(frozen=True)
class Segmented:
    """Segments of the active users by one set of settings.

    Attributes
    ----------
    blocks
        Blocks that the gate kept.
    labels
        Number of segments to (n,) segment of each user.
    k
        The number that the road's rule chooses.
    """

    blocks: tuple[str, ...]
    labels: dict[int, Labels]
    k: int

    def at(self, k: int) -> Labels:
        """Return the segments at a number, or at the nearest that there is."""
        return self.labels[min(self.labels, key=lambda known: (abs(known - k), known))]


def segmented(config: Config, blocks: dict[str, Floats], judge: PhaseJudge) -> Segmented:
    """Choose blocks by the gate, fuse and reduce them, and choose a number of segments by the road's own rule.

    Parameters
    ----------
    config
        Settings.
    blocks
        Block to the vectors of the active users.
    judge
        Of validation time.

    Notes
    -----
    One clusterer and every second number of the road's grid: enough to see what the settings allow, at a few fits.
    """
    weights = {name: weight for name, weight in block_weights(config).items() if name in blocks}
    sets = BlockSets(blocks, weights, judge, config)
    kept, _ = keep_blocks(sets)
    names = tuple(sorted(kept))
    vectors = sets.reduced(names).astype(np.float32).astype(np.float64)  # as a run stores them
    found: dict[int, Labels] = {}

    def judged(labels: Labels) -> dict[str, float]:
        found[int(labels.max()) + 1] = labels
        return judge(labels)

    selection = select(
        vectors,
        judged,
        config.segmentation,
        order=judge.order,
        clusterers=(told_k(config.segmentation),),
        ks=few(len(vectors), config.segmentation),
        seed=config.run.seed,
    )
    return Segmented(names, found, selection.chosen.k)


def few(n: int, settings: Settings) -> tuple[int, ...]:
    """Return the numbers of segments that a trial tries on ``n`` users: those asked for, or every second of the grid.

    >>> few(2469, Settings())
    (4, 6, 10, 15, 25)
    """
    every = grid(n, settings)
    return every if settings.k is not None else every[1::2] or every


def told_k(settings: Settings) -> str:
    """Return the clusterer of the trials: the first of the settings that is told a number; k-means if none is."""
    return next((name for name in settings.clusterers if name in TOLD_K), "kmeans")
