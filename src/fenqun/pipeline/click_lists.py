"""Lists that a strategy would have shown, from the items that a logging policy had to choose from."""

from __future__ import annotations

import numpy as np

from fenqun.data.splits import Phase
from fenqun.evaluation.intervals import Floats, Ints
from fenqun.evaluation.ranking import Lists, group_scores, rank_lists, smoothing_mass, weigh
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.shown import Shown


class SegmentLists:
    """Lists of the segments of a phase's active users, from what they did before its cut.

    Parameters
    ----------
    phases, phase
        What was learned from.
    candidates
        Places in the catalogue of the items to choose from, ascending.
    positions
        Ascending; the first takes the best item.
    """

    def __init__(self, phases: Phases, phase: Phase, candidates: Ints, positions: Ints) -> None:
        settings = phases.config.recommendation
        active = phases.active(phase)
        self.candidates, self.positions, self.smoothing = candidates, positions, settings.smoothing
        self._counts = weigh(phases.decayed_counts(phase)[active], settings.weighting)
        self._seen = None if phases.repeats else phases.counts(phase)[active][:, candidates]

    def top(self, labels: Ints) -> Lists:
        """Return the list of each active user, (users, positions) places in the catalogue; -1 where a list ends early."""
        k = int(labels.max()) + 1
        scores = group_scores(self._counts, labels, k, smoothing_mass(self._counts, k, self.smoothing))
        lists = rank_lists(scores[:, self.candidates], labels, self._seen, len(self.positions))
        return np.where(lists >= 0, self.candidates[lists], -1).astype(np.int32)

    def agree(self, lists: Lists, shown: Shown) -> Floats:
        """Return 1 where an impression is what the user's list has in its position, else 0, (n,)."""
        wanted = lists[shown.row, np.searchsorted(self.positions, shown.position)]
        return np.asarray((wanted == shown.item) & (wanted >= 0), dtype=np.float64)
