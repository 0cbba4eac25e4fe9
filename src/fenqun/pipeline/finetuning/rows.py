"""Rows to learn from and to judge on: users as of moments, with what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.boosting import FOLDS as PARTS
from fenqun.behaviour.boosting import deal
from fenqun.data.cuts import Cut
from fenqun.errors import QualityError
from fenqun.pipeline.finetuning.moments import Floats, Ints, Moment

Kind = Literal["class", "value"]

MOST_CLASSES = 60
"""Classes that a head tells apart: those with most rows. A user of another one is not learned from, and is a miss."""


class Rows:
    """The users of moments, one moment after another.

    Parameters
    ----------
    moments
        To learn from, the earliest first; each has a target.
    seed
        Of the parts into which users are dealt.

    Attributes
    ----------
    target
        (rows,): classes (None unknown), or float64 values (NaN unknown).
    users
        int64 (rows,).
    kind, classes
        Of the target; no classes for a value.
    codes
        int64 (rows,): place in ``classes``, -1 for none of them; None for a value.
    known, learnable
        int64: rows that can be judged on, and rows that can be learned from.
    """

    def __init__(self, moments: Sequence[Moment], seed: int) -> None:
        self.moments, self.seed = moments, seed
        targets: list[Any] = [moment.target for moment in moments]
        self.target: npt.NDArray[Any] = np.concatenate(targets)
        self.users = np.concatenate([moment.users for moment in moments])
        self.starts = np.cumsum([0, *(len(moment.users) for moment in moments)])
        self.kind: Kind = "class" if self.target.dtype == object else "value"
        self.classes: list[str] = []
        self.codes: Ints | None = None
        if self.kind == "value":
            self.known = self.learnable = np.flatnonzero(np.isfinite(self.target))
            return
        self.known = np.flatnonzero([value is not None for value in self.target])
        names, counts = np.unique(self.target[self.known].astype(str), return_counts=True)
        most = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
        self.classes = sorted(str(name) for name in names[most])
        at = {name: code for code, name in enumerate(self.classes)}
        self.codes = np.asarray([at.get(value, -1) for value in self.target], dtype=np.int64)
        self.learnable = np.flatnonzero(self.codes >= 0)

    def splits(self) -> list[tuple[Ints, Ints]]:
        """Return rows to learn from and rows to judge on, in one or several turns.

        Several moments: the latest judges, and users known then alone. One: users are held out in turn.

        Raises
        ------
        QualityError
            If no user has a target.
        """
        if not len(self.known):
            raise QualityError("no user has a target", where="--target", mend="choose another target")
        if len(self.moments) > 1:
            last = self.starts[-2]
            if self.known[-1] < last:
                raise QualityError(
                    "no user has a target at the latest cut", where="--target", mend="choose another target"
                )
            return [(self.learnable[self.learnable < last], self.known[self.known >= last])]
        parts = np.full(len(self.users), -1)
        parts[self.known] = deal(self.users[self.known], self.seed)
        return [
            (self.learnable[parts[self.learnable] != part], self.known[parts[self.known] == part])
            for part in range(PARTS)
        ]

    def validation(self, rows: Ints) -> tuple[Ints, Ints]:
        """Part rows by their users: two thirds to learn from, and a third that chooses."""
        parts = deal(self.users[rows], self.seed + 1)
        return rows[parts != 0], rows[parts == 0]

    def widened(self, p: Floats, classes: Sequence[str]) -> Floats:
        """Lay probabilities of some classes out as those of all, (n, classes)."""
        wide = np.zeros((len(p), len(self.classes)))
        for column, name in enumerate(classes):
            if name in self.classes:
                wide[:, self.classes.index(name)] = p[:, column]
        return wide

    def cuts(self, rows: Ints) -> list[Cut]:
        """Return the cuts that the moments were made from, with the users of some rows alone."""
        found = []
        for place, moment in enumerate(self.moments):
            mine = rows[(rows >= self.starts[place]) & (rows < self.starts[place + 1])] - self.starts[place]
            if moment.cut is not None and moment.cut.history is not None and len(mine):
                cut = moment.cut
                history = moment.cut.history.take(mine)
                found.append(replace(cut, users=cut.users[mine], history=history, category=cut.category[mine]))
        return found
