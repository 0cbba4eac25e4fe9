"""Held-out time: which fold an event belongs to, what a phase may learn from, and a leak check.

Every event has a *fold*: 0 train, 1 validation, 2 test. Three fits follow from it: ``select`` learns
on train and is judged on validation, ``judge`` learns on both and is judged on test, ``final`` learns
on everything and is published.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fenqun.config import Config
from fenqun.data.traits import is_aggregate
from fenqun.engines.duckdb import DuckDBEngine, literal
from fenqun.errors import LeakError, QualityError, RunError
from fenqun.store import Run

if TYPE_CHECKING:
    from fenqun.data.sequence_store import SequenceStore

Phase = Literal["select", "judge", "final"]
LEARNED: dict[Phase, tuple[int, ...]] = {"select": (0,), "judge": (0, 1), "final": (0, 1, 2)}
"""Folds that a phase learns from."""
JUDGED: dict[Phase, tuple[int, ...]] = {"select": (1,), "judge": (2,), "final": ()}
"""Folds that a phase is judged on; ``final`` is published, not judged."""
FOLD_NAMES = ("train", "validation", "test")

_MILLION = 1_000_000
_DAY = 86_400
_LEAST_EVENTS = 3


@dataclass(frozen=True)
class Splits:
    """How held-out time was set aside.

    Attributes
    ----------
    method
        ``time``: one cut for all users; ``per_user``: each user's own last events.
    first_event, validation_start, test_start, as_of
        ISO 8601, UTC, whole seconds. An event at a start belongs to the later side. Under
        ``per_user`` the starts are where a cut in time would have been; they cut nothing.
    validation, test
        Shares asked for: of the time span, or of each user's events.
    events, users
        Share of all events in each fold, and share of all users with an event in it, by fold name.
    notice
        What a reader of the figures must know; empty where there is nothing to say.
    """

    method: Literal["time", "per_user"]
    first_event: str
    validation_start: str
    test_start: str
    as_of: str
    validation: float
    test: float
    events: dict[str, float]
    users: dict[str, float]
    notice: str = ""

    def now(self, phase: Phase) -> int:
        """Return the only "now" that a phase knows, in epoch seconds.

        ``time``: the first second that the phase has not seen. ``per_user``: ``as_of`` in every phase,
        as there each user has a cut of their own and no moment divides seen from unseen.
        """
        if self.method == "per_user" or phase == "final":
            return epoch(self.as_of)
        return epoch(self.validation_start if phase == "select" else self.test_start)

    def shared_now(self, phase: Phase) -> int | None:
        """Return ``now`` where one moment divides what is seen of all users from what is not, else None."""
        return self.now(phase) if self.judges_value else None

    def horizon(self, phase: Phase) -> float:
        """Return how many days the judged fold of a phase covers; 0 for ``final``."""
        if phase == "final":
            return 0.0
        start, end = (
            (self.validation_start, self.test_start) if phase == "select" else (self.test_start, self.as_of)
        )
        return (epoch(end) - epoch(start)) / _DAY

    @property
    def horizon_days(self) -> float:
        """Days from the start of test to ``as_of``."""
        return self.horizon("judge")

    @property
    def judges_value(self) -> bool:
        """Whether value, activity and retention after the cut mean something: one cut in time for all."""
        return self.method == "time"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Splits:
        """Read what :meth:`to_dict` wrote."""
        return cls(**values)

    @classmethod
    def read(cls, run: Run) -> Splits:
        """Read ``work/splits.json`` of a run."""
        try:
            return cls(**run.read_json("work/splits.json"))
        except TypeError as error:
            raise RunError(
                "work/splits.json is damaged", where=str(run.path), mend="delete it and run again"
            ) from error


def epoch(iso: str) -> int:
    """Return epoch seconds of an ISO time in UTC.

    >>> epoch("1970-01-02T00:00:00Z")
    86400
    """
    return int(datetime.fromisoformat(iso).timestamp())


def iso(seconds: int) -> str:
    """Return the ISO time in UTC of epoch seconds.

    >>> iso(86400)
    '1970-01-02T00:00:00Z'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SECOND_SQL = "(epoch_us(date_trunc('second', timestamp)) // 1000000)"
"""SQL of an event's whole epoch second."""


def fold_sql(splits: Splits, user: str = "user_id", second: str = SECOND_SQL) -> str:
    """Return the SQL of an event's fold (TINYINT), to be selected from all events.

    Under ``per_user`` an event's rank counts the user's events in strictly earlier seconds, so that one
    moment (a basket) never lies on both sides: a moment that straddles the cut goes to the earlier fold.
    """
    if splits.method == "time":
        return (
            f"CAST(CASE WHEN {second} < {epoch(splits.validation_start)} THEN 0 "
            f"WHEN {second} < {epoch(splits.test_start)} THEN 1 ELSE 2 END AS TINYINT)"
        )
    n = f"count(*) OVER (PARTITION BY {user})"
    rank = f"rank() OVER (PARTITION BY {user} ORDER BY {second})"
    # Counts are integers: ceil(share * n) in floats depends on how the share rounds.
    test = f"least({_ceil_share(splits.test, n)}, {n} - 2)"
    validation = f"least({_ceil_share(splits.validation, n)}, {n} - 1 - {test})"
    return (
        f"CAST(CASE WHEN {n} < {_LEAST_EVENTS} THEN 0 WHEN {rank} > {n} - {test} THEN 2 "
        f"WHEN {rank} > {n} - {test} - {validation} THEN 1 ELSE 0 END AS TINYINT)"
    )


def _ceil_share(share: float, n: str) -> str:
    return f"(({n} * {round(share * _MILLION)} + {_MILLION - 1}) // {_MILLION})"


def make_splits(config: Config, engine: DuckDBEngine, run: Run) -> Splits:
    """Decide where the folds lie and write ``work/splits.json``.

    ``auto`` cuts in time where that can judge: at least half of the users seen after the start of test
    were also seen before it, and these are at least a fifth of all users. Otherwise it holds out each
    user's last events.

    Raises
    ------
    QualityError
        If there is no event, or a cut in time is asked for and leaves nothing to learn from.
    """
    events = f"read_parquet({literal(str(run.require('work/events.parquet')))})"
    first, as_of = _span(engine, events)
    settings = config.splits
    span = as_of - first
    test_start = as_of - math.floor(settings.test * span)
    validation_start = as_of - math.floor((settings.test + settings.validation) * span)
    notice = ""
    method: Literal["time", "per_user"] = "time"
    if settings.method == "per_user":
        method = "per_user"
    elif settings.method == "auto":
        seen = _users_around(engine, events, test_start)
        if 2 * seen["both"] < seen["after"] or 5 * seen["both"] < seen["all"] or seen["both"] == 0:
            method = "per_user"
            notice = (
                f"Only {seen['both']} of {seen['all']} users were seen both before and after {iso(test_start)}: "
                "one cut in time cannot judge here. "
            )
    if method == "per_user":
        notice += (
            "Each user's own last events are held out: other users' later events are known to the model, and "
            "future value, activity and retention are not judged."
        )
    draft = Splits(
        method=method,
        first_event=iso(first),
        validation_start=iso(validation_start),
        test_start=iso(test_start),
        as_of=iso(as_of),
        validation=settings.validation,
        test=settings.test,
        events={},
        users={},
        notice=notice,
    )
    splits = _with_shares(draft, engine, events)
    run.write_json("work/splits.json", splits.to_dict())
    return splits


def _span(engine: DuckDBEngine, events: str) -> tuple[int, int]:
    row = engine.table(
        f"SELECT min({SECOND_SQL}) AS first, max({SECOND_SQL}) AS last, max(epoch_us(timestamp)) AS micros "
        f"FROM {events}"
    ).to_pylist()[0]
    if row["first"] is None:
        raise QualityError("no event is left", mend="fenqun check says which rule rejected what")
    # as_of is a whole second that no event lies after.
    return int(row["first"]), int(row["last"]) + (1 if row["micros"] > row["last"] * _MILLION else 0)


def _users_around(engine: DuckDBEngine, events: str, cut: int) -> dict[str, int]:
    row = engine.table(
        f'SELECT count(*) AS "all", count(*) FILTER (after_cut) AS after, '
        f'count(*) FILTER (after_cut AND before_cut) AS "both" FROM '
        f"(SELECT bool_or({SECOND_SQL} >= {cut}) AS after_cut, bool_or({SECOND_SQL} < {cut}) "
        f"AS before_cut FROM {events} GROUP BY user_id)"
    ).to_pylist()[0]
    return {key: int(value) for key, value in row.items()}


def _with_shares(splits: Splits, engine: DuckDBEngine, events: str) -> Splits:
    rows = engine.table(
        f"SELECT fold, count(*) AS n, count(DISTINCT user_id) AS users FROM "
        f"(SELECT user_id, {fold_sql(splits)} AS fold FROM {events}) GROUP BY fold"
    ).to_pylist()
    everyone = engine.table(f"SELECT count(DISTINCT user_id) AS n FROM {events}").to_pylist()[0]["n"]
    total = sum(row["n"] for row in rows)
    by_fold = {row["fold"]: row for row in rows}
    if 0 not in by_fold:
        raise QualityError(
            "no event lies before the validation time", where="splits.method", mend="set splits.method: per_user"
        )
    notice = splits.notice
    empty = [FOLD_NAMES[fold] for fold in (1, 2) if fold not in by_fold]
    if empty:
        notice = f"{notice} No event lies in {' and '.join(empty)}: nothing can be judged there.".strip()
    values = splits.to_dict()
    values["events"] = {name: by_fold[f]["n"] / total if f in by_fold else 0.0 for f, name in enumerate(FOLD_NAMES)}
    values["users"] = {
        name: by_fold[f]["users"] / everyone if f in by_fold else 0.0 for f, name in enumerate(FOLD_NAMES)
    }
    values["notice"] = notice
    return Splits.from_dict(values)


def check_leaks(
    store: SequenceStore, splits: Splits, columns: Collection[str] = (), judging: Collection[str] = ()
) -> None:
    """Fail if anything that learns could have seen what judges it.

    Parameters
    ----------
    store
        The sequences that everything learns from.
    splits
        The cuts that they must keep to.
    columns
        Columns of the profiles.
    judging
        Columns that only judge or are to be predicted: labels and targets.

    Raises
    ------
    LeakError
        If an event lies on the wrong side of a cut, a user's held-out events do not come after the others,
        or a column of the profiles is one that judges.
    """
    for column in columns:
        # A label may be called like an aggregate of ours ("frequency"): only a column of a table leaks.
        if column.removeprefix("attr_") in judging and not is_aggregate(column):
            raise LeakError(
                "a label or target is among the profiles", where=column, mend="take it out of data.users.attributes"
            )
    _check_order(store)
    if splits.method == "time":
        _check_cuts(store, splits)


def _check_cuts(store: SequenceStore, splits: Splits) -> None:
    cuts = np.asarray([epoch(splits.validation_start), epoch(splits.test_start)])
    for start, stop in store.blocks():
        events = slice(int(store.offsets[start]), int(store.offsets[stop]))
        time, fold = np.asarray(store.time[events]), np.asarray(store.fold[events])
        wrong = np.flatnonzero(np.searchsorted(cuts, time, side="right") != fold)
        if len(wrong):
            first = int(wrong[0])
            raise LeakError(
                f"{len(wrong)} events lie on the wrong side of a cut, the first at {iso(int(time[first]))} in "
                f"{FOLD_NAMES[int(fold[first])]}",
                where="sequences",
                mend="delete work/ and run again",
            )


def _check_order(store: SequenceStore) -> None:
    for start, stop in store.blocks():
        low, high = int(store.offsets[start]), int(store.offsets[stop])
        time, fold = np.asarray(store.time[low:high]), np.asarray(store.fold[low:high])
        same_user = np.ones(max(high - low - 1, 0), dtype=bool)
        edges = store.offsets[start + 1 : stop] - low - 1
        same_user[edges[(edges >= 0) & (edges < len(same_user))]] = False
        later, other = np.diff(time), np.diff(fold.astype(np.int16))
        # Time never falls; where the fold changes it rises, and a held-out moment is later than any before.
        broken = same_user & ((later < 0) | (other < 0) | ((other > 0) & (later <= 0)))
        if broken.any():
            raise LeakError(
                f"{int(broken.sum())} events of users are out of order, or held out beside earlier ones",
                where="sequences",
                mend="delete work/ and run again",
            )
