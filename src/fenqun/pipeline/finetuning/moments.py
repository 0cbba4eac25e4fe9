"""Users as of moments: what was known of them, and what they did afterwards or what a table says of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun.config import Config
from fenqun.data.category_history import CategoryHistory
from fenqun.data.cuts import Cut, make_cuts, outcomes_between
from fenqun.data.rhythm import raw_columns
from fenqun.data.sequence_store import SequenceStore
from fenqun.data.splits import LEARNED
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import QualityError
from fenqun.pipeline.blocks import Blocks, categories_now
from fenqun.pipeline.finetuning.goal import Goal
from fenqun.pipeline.phases import Phases
from fenqun.store import Run

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FOLDS = LEARNED["final"]

_EVER = int(np.iinfo(np.int64).min)


@dataclass(frozen=True)
class Moment:
    """Some users at one moment.

    Attributes
    ----------
    time
        Epoch seconds. No event at or after it is known.
    store
        Sequences that end before it.
    users
        int64 (n,): their rows in the store.
    profiles, history
        Their profiles and categories as of the moment; no history where the log has no categories.
    target
        (n,): classes (text, None unknown) or float64 values (NaN unknown); None where nothing is known yet.
    guess
        (n,): what the simple competitor says where it needs no learning, in the form of ``target``; else None.
    cut
        What the moment was made from; None for now.
    """

    time: int
    store: SequenceStore
    users: Ints
    profiles: pa.Table
    history: CategoryHistory | None
    target: npt.NDArray[Any] | None
    guess: npt.NDArray[Any] | None
    cut: Cut | None

    def vectors(self, encoders: Blocks, config: Config, goal: Goal) -> Floats:
        """Return the blocks of the users side by side, float64 (n, width).

        Taste, the rhythm's aggregates, the sequence encoder's vector where there is one, and for the next category how
        much of each the user took. Encoders may have been learned from later events (item rows, scales); the events
        of the users themselves all lie before the moment. Forecasts of the rhythm block are left out: they were
        learned from outcomes and user columns, which a head must not find among its inputs.
        """
        parts = []
        if encoders.taste.informative:
            counts = self.store.counts(FOLDS, config.behaviour.max_events)
            parts.append(np.asarray(encoders.taste.transform(counts[self.users]), dtype=np.float64))
        parts.append(self.aggregates(encoders))
        if encoders.intent is not None:
            found = encoders.intent.transform(self.store, FOLDS, now=self.time)
            parts.append(np.asarray(found[self.users], dtype=np.float64))
        if goal.of == "next_category" and self.history is not None:
            parts.append(np.log1p(self.history.dense(self.history.heat[:, -1])))
        return np.hstack(parts)

    def aggregates(self, encoders: Blocks) -> Floats:
        """Return the rhythm's aggregates of the users, scaled, float64 (n, columns)."""
        return encoders.rhythm.scaler_.transform(self.profiles)

    def recency(self) -> Floats:
        """Return the logarithm of the days since each user's last event, float64 (n, 1)."""
        return np.log1p(raw_columns(self.profiles, ["recency_days"]))


class Moments:
    """The moments that a goal is learned from, and now.

    Parameters
    ----------
    run, config, engine
        A finished run, its settings, and where the queries run.
    goal
        The target.
    """

    def __init__(self, run: Run, config: Config, engine: DuckDBEngine, goal: Goal) -> None:
        self.run, self.config, self.engine, self.goal = run, config, engine, goal
        self.phases = Phases(config, run)

    @cached_property
    def now(self) -> Moment:
        """All users as of now; a column is known now."""
        phases = self.phases
        users = np.arange(phases.store.n_users)
        target = _typed(phases.targets[self.goal.name]) if self.goal.of == "column" else None
        return Moment(
            phases.splits.now("final"),
            phases.store,
            users,
            phases.profiles("final"),
            categories_now(phases, "final"),
            target,
            None,
            None,
        )

    @cached_property
    def past(self) -> list[Moment]:
        """Moments to learn from, the earliest first: rolled earlier cuts, or now alone for a column.

        Raises
        ------
        QualityError
            If the log is too short for one cut.
        """
        if self.goal.horizon is None:
            return [self.now]
        store, now = self.phases.store, self.phases.splits.now("final")
        cuts = make_cuts(self.engine, self.run, store, FOLDS, now, self.config, self.goal.horizon)
        if not cuts:
            raise QualityError(
                f"the log is too short to look back {self.goal.horizon / 86400:.0f} days",
                where="--target",
                mend="set a shorter behaviour.rhythm.horizon, or a shorter horizon of the target, and run again",
            )
        return [self._at(cut) for cut in cuts]

    def _at(self, cut: Cut) -> Moment:
        store = self.phases.store
        names = store.categories[1]
        target: npt.NDArray[Any]
        guess: npt.NDArray[Any] | None = None
        if self.goal.of == "next_category":
            target = _names(cut.category, names)
            guess = _names(outcomes_between(store, FOLDS, _EVER, cut.time)[1][cut.users], names)
        elif self.goal.of == "churn":
            target = np.where(cut.outcomes["active"] > 0, "active", "churned").astype(object)
        else:
            target = np.asarray(cut.outcomes[self.goal.of])
            before, _ = outcomes_between(store, FOLDS, cut.time - cut.horizon, cut.time)
            guess = before[self.goal.of][cut.users]
        return Moment(cut.time, store.before(cut.time), cut.users, cut.profiles, cut.history, target, guess, cut)


def _names(codes: npt.NDArray[np.int32], names: list[str]) -> npt.NDArray[np.object_]:
    return np.asarray([names[code] if code >= 0 else None for code in codes], dtype=object)


def _typed(column: npt.NDArray[np.object_]) -> npt.NDArray[Any]:
    """Return a column of numbers, other than two, as float64, and any other as text."""
    known = [value for value in column if value is not None and value == value]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
    if numbers and len(set(known)) != 2:
        return np.asarray([np.nan if value is None else float(value) for value in column], dtype=np.float64)
    return np.asarray([None if value is None or value != value else _text(value) for value in column], dtype=object)


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
