"""Ways to foretell a target, fitted on earlier moments, judged on later time, and the best fitted on all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.heads import CategoryRanker, Head
from fenqun.behaviour.heads.judging import class_statistics, judge, losses, value_statistics
from fenqun.behaviour.intent.encoder import IntentEncoder
from fenqun.config import Config
from fenqun.evaluation.intervals import Statistic, mean_statistic
from fenqun.pipeline.blocks import Blocks
from fenqun.pipeline.finetuning.goal import Goal
from fenqun.pipeline.finetuning.moments import Floats, Ints, Moment
from fenqun.pipeline.finetuning.rows import Rows
from fenqun.pipeline.finetuning.unfreezing import tune
from fenqun.progress import Progress

Fit = Callable[[Ints], Callable[[Ints], Floats]]
"""From rows to learn from to what predicts rows."""


@dataclass(frozen=True)
class Judged:
    """What judging found.

    Attributes
    ----------
    n
        Users that judged.
    figures
        Way (``frozen``, ``ranker``, ``unfrozen``) or ``competitor`` to figure to value and interval.
    differences
        The kept way less the competitor.
    kept
        The way with the least loss on validation users, who are among those learned from.
    validation
        Way to that loss; empty where there is one way.
    epochs
        Those that were best in tuning the encoder, 0 for the encoder as it was.
    """

    n: int
    figures: dict[str, Any]
    differences: dict[str, Any]
    kept: str
    validation: dict[str, float]
    epochs: list[int]


@dataclass(frozen=True)
class Learned:
    """A way fitted on everything.

    Attributes
    ----------
    head
        Of the vectors of ``encoders``, or of users' pasts with each category.
    encoders
        As they came, or with the tuned encoder in place.
    epoch
        Of the tuned encoder; None where nothing was tuned.
    """

    head: Head | CategoryRanker
    encoders: Blocks
    epoch: int | None

    def predict(self, moment: Moment, config: Config, goal: Goal) -> Floats:
        """Return probabilities of the head's classes, or values, for the users of a moment."""
        if isinstance(self.head, CategoryRanker):
            assert moment.history is not None
            return self.head.predict(moment.history)
        return self.head.predict(moment.vectors(self.encoders, config, goal))


class Learner:
    """Learns a goal.

    Parameters
    ----------
    moments
        To learn from, the earliest first.
    goal, config
        The target and the settings of the run.
    progress
        Told what is done.
    """

    def __init__(self, moments: Sequence[Moment], goal: Goal, config: Config, progress: Progress) -> None:
        self.moments, self.goal, self.config, self.progress = moments, goal, config, progress
        self.seed = config.run.seed
        self.rows = Rows(moments, self.seed)

    # -- judging -------------------------------------------------------------------------------

    def judge(self, encoders: Blocks, unfrozen: bool) -> Judged:
        """Fit each way on some rows, predict others, and compare with the simple competitor."""
        X = self._vectors(encoders)
        told: dict[str, list[npt.NDArray[Any]]] = {}
        validation: dict[str, float] = {}
        epochs: list[int] = []
        splits = self.rows.splits()
        for learn, held_out in splits:
            self.progress.note(f"fine-tuning: {len(learn):,} rows to learn from, {len(held_out):,} to judge on")
            ways = self._ways(encoders, X, learn, unfrozen, epochs)
            if len(ways) > 1:
                for way, loss in self._losses(ways, learn).items():
                    validation[way] = validation.get(way, 0.0) + loss / len(splits)
            for way, fit in ways.items():
                told.setdefault(way, []).append(fit(learn)(held_out))
            told.setdefault("competitor", []).append(self._rival(encoders, learn, held_out))
        # A tie goes to the way that stands first, the simplest.
        kept = min(validation, key=lambda way: validation[way]) if validation else "frozen"
        judges = np.concatenate([held_out for _, held_out in splits])
        statistics = {way: self._statistics(np.concatenate(found), judges) for way, found in told.items()}
        figures, differences = judge(statistics, len(judges), (kept, "competitor"), self.seed)
        return Judged(len(judges), figures, differences, kept, validation, epochs)

    def _ways(self, encoders: Blocks, X: Floats, learn: Ints, unfrozen: bool, epochs: list[int]) -> dict[str, Fit]:
        ways: dict[str, Fit] = {"frozen": self._on(X)}
        if self.goal.of == "next_category":
            ways["ranker"] = self._ranked
        if unfrozen:
            changed, epoch = self._tuned(encoders, learn)
            epochs.append(epoch)
            ways["unfrozen"] = self._on(self._vectors(changed) if epoch else X)
        return ways

    def _losses(self, ways: dict[str, Fit], rows: Ints) -> dict[str, float]:
        """Return the mean loss of each way on a third of the users of some rows."""
        learn, validate = self.rows.validation(rows)
        codes = None if self.rows.codes is None else self.rows.codes[validate]
        truth = self.rows.target[validate]
        return {way: float(losses(fit(learn)(validate), truth, codes).mean()) for way, fit in ways.items()}

    def _statistics(self, told: npt.NDArray[Any], rows: Ints) -> dict[str, Statistic]:
        truth = self.rows.target[rows]
        if self.rows.kind == "value":
            return value_statistics(told.astype(np.float64), truth.astype(np.float64))
        if told.ndim == 1:  # names of classes
            return {"accuracy": mean_statistic((told == truth).astype(np.float64))}
        return class_statistics(told, self.rows.classes, list(truth))

    def _rival(self, encoders: Blocks, learn: Ints, held_out: Ints) -> npt.NDArray[Any]:
        if self.goal.of == "churn":
            X = np.concatenate([moment.recency() for moment in self.moments])
        elif self.goal.of == "column":
            X = np.concatenate([moment.aggregates(encoders) for moment in self.moments])
        else:
            guesses: list[Any] = [moment.guess for moment in self.moments]
            return np.asarray(np.concatenate(guesses)[held_out])
        return self._on(X)(learn)(held_out)

    # -- learning ------------------------------------------------------------------------------

    def learn(self, encoders: Blocks, way: str) -> Learned:
        """Fit a way on all rows."""
        rows = self.rows.learnable
        if way == "ranker":
            return Learned(CategoryRanker(self.seed).fit(self.rows.cuts(rows)), encoders, None)
        epoch = None
        if way == "unfrozen":
            encoders, epoch = self._tuned(encoders, rows)
        return Learned(self._head(self._vectors(encoders), rows), encoders, epoch)

    def _vectors(self, encoders: Blocks) -> Floats:
        return np.concatenate([moment.vectors(encoders, self.config, self.goal) for moment in self.moments])

    def _head(self, X: Floats, rows: Ints) -> Head:
        return Head(self.rows.kind, self.seed).fit(X[rows], self.rows.target[rows], self.rows.users[rows])

    def _on(self, X: Floats) -> Fit:
        """Return a way that fits a head on vectors (rows, width)."""

        def fit(learn: Ints) -> Callable[[Ints], Floats]:
            head = self._head(X, learn)
            if self.rows.kind == "value":
                return lambda rows: head.predict(X[rows])
            return lambda rows: self.rows.widened(head.predict(X[rows]), head.classes_)

        return fit

    def _ranked(self, learn: Ints) -> Callable[[Ints], Floats]:
        head = CategoryRanker(self.seed).fit(self.rows.cuts(learn))

        def predict(rows: Ints) -> Floats:
            # Rows ascend, and so do the cuts made of them.
            told = [head.predict(cut.history) for cut in self.rows.cuts(rows) if cut.history is not None]
            return self.rows.widened(np.concatenate(told), head.classes_)

        return predict

    def _tuned(self, encoders: Blocks, rows: Ints) -> tuple[Blocks, int]:
        """Tune the sequence encoder on two thirds of the users of some rows; the others choose the epoch."""
        assert isinstance(encoders.intent, IntentEncoder)
        target = self.rows.target if self.rows.codes is None else self.rows.codes
        tuned, found = tune(
            encoders.intent,
            self.moments,
            target,
            *self.rows.validation(rows),
            self.rows.kind,
            self.seed,
            self.progress,
        )
        return replace(encoders, intent=tuned), found.epoch
