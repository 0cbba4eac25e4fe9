"""Rolled earlier cuts: what was known of the users at moments of the past, and what they did after.

A forecast is learned inside what a phase may see: the users' profiles as of a few earlier moments, each
with what happened over the horizon that followed. No event at or after a cut reaches what is known at
it, and no event at or after the phase's now reaches anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun.config import Config
from fenqun.data.category_history import CategoryHistory, category_history
from fenqun.data.profiles import build_profiles
from fenqun.data.sequence_store import FloatArray, IntArray, SequenceStore
from fenqun.data.splits import Splits
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.store import Run

LEAST_SHARE = 0.2
"""Share of the phase's users that must have been active before a cut."""


@dataclass(frozen=True)
class Cut:
    """One moment of the past.

    Attributes
    ----------
    time, horizon
        Epoch seconds of the cut, and how many seconds after it count as its future.
    users
        int64 (n,): canonical positions of the users active before the cut.
    profiles
        Their profiles as of the cut, one row each.
    history
        Their categories as of the cut; None where the log has none.
    outcomes
        float64 (n,) each: ``active`` (1 or 0), ``events`` (count) and, where the log carries values,
        ``value`` (sum) over [time, time + horizon).
    category
        int32 (n,): code of the category taken most over that time (ties: the first by name), -1 for none.
    targets
        Name of a column of the user table to its values (n,), the same at every cut.
    """

    time: int
    horizon: int
    users: IntArray
    profiles: pa.Table
    history: CategoryHistory | None
    outcomes: dict[str, FloatArray]
    category: npt.NDArray[np.int32]
    targets: dict[str, npt.NDArray[np.object_]]


def horizon_seconds(config: Config, splits: Splits) -> int:
    """Return how far a forecast looks: as set, else the first target's, else as long as the test time."""
    if config.behaviour.rhythm.horizon is not None:
        return int(config.behaviour.rhythm.horizon)
    asked = [target.horizon for target in config.targets if target.horizon is not None]
    return int(asked[0]) if asked else max(int(splits.horizon_days * 86400), 1)


def cut_times(firsts: IntArray, now: int, horizon: int, most: int) -> list[int]:
    """Return the moments to learn from, the earliest first; empty where the log is too short.

    Parameters
    ----------
    firsts
        int64 (n,): epoch seconds of each user's first event, all before ``now``.
    now, horizon
        Epoch seconds of the phase's now, and seconds.
    most
        Cuts lie one horizon apart, at most this many. Every cut needs a fifth of the users before it;
        all but the latest also need one horizon of history.
    """
    found: list[int] = []
    for back in range(1, most + 1):
        time = now - back * horizon
        if not len(firsts) or np.mean(firsts < time) < LEAST_SHARE:
            break
        if found and time - int(firsts.min()) < horizon:
            break
        found.append(time)
    return found[::-1]


def make_cuts(
    engine: DuckDBEngine,
    run: Run,
    store: SequenceStore,
    folds: Collection[int],
    now: int,
    config: Config,
    horizon: int,
    targets: Mapping[str, npt.NDArray[np.object_]] | None = None,
) -> list[Cut]:
    """Look back at the users from earlier moments, inside the folds of a phase.

    Meaningful only where one cut in time divides what is seen from what is not
    (:attr:`fenqun.data.splits.Splits.judges_value`).

    Parameters
    ----------
    engine, run, store, folds, now, config
        As for :func:`fenqun.data.profiles.build_profiles`; ``config.behaviour.rhythm.cuts`` says how
        many cuts at most.
    horizon
        Seconds, see :func:`horizon_seconds`.
    targets
        Name to values of all users of the store, (n_users,); None in it is unknown.

    Returns
    -------
    list of Cut
        The earliest first; empty where the log is too short for one.
    """
    seen = store.n_events(folds) > 0
    firsts = store.time[store.offsets[:-1][seen]]
    cuts = []
    for time in cut_times(np.asarray(firsts), now, horizon, config.behaviour.rhythm.cuts):
        table = build_profiles(engine, run, store, folds, time, config, before=time)
        users = np.flatnonzero(np.asarray(table["n_events"]) > 0)
        history = None
        if store.has["categories"]:
            history = category_history(store, folds, time, config.profiles.half_lives, time).take(users)
        outcomes, category = outcomes_between(store, folds, time, time + horizon)
        cuts.append(
            Cut(
                time,
                horizon,
                users,
                table.take(pa.array(users)),
                history,
                {name: values[users] for name, values in outcomes.items()},
                category[users],
                {name: np.asarray(values)[users] for name, values in (targets or {}).items()},
            )
        )
    return cuts


def outcomes_between(
    store: SequenceStore, folds: Collection[int], start: int, stop: int
) -> tuple[dict[str, FloatArray], npt.NDArray[np.int32]]:
    """Return what each user did in [start, stop), and the category they took most.

    Returns
    -------
    (outcomes, category)
        As in :class:`Cut`, for all users of the store.
    """
    codes, names = store.categories
    events, value = np.zeros(store.n_users), np.zeros(store.n_users)
    category = np.full(store.n_users, -1, dtype=np.int32)
    for low, high in store.blocks():
        positions, users = store.selected(low, high, folds)
        time = store.time[positions]
        inside = (time >= start) & (time < stop)
        positions, users = positions[inside], users[inside] - low
        events[low:high] = np.bincount(users, minlength=high - low)
        if store.has["value"]:
            worth = np.nan_to_num(store.value[positions].astype(np.float64), nan=0.0)
            value[low:high] = np.bincount(users, worth, high - low)
        if names:
            category[low:high] = _most_taken(users, codes[store.item[positions]], high - low, len(names))
    outcomes = {"active": (events > 0).astype(np.float64), "events": events}
    if store.has["value"]:
        outcomes["value"] = value
    return outcomes, category


def _most_taken(users: IntArray, code: npt.NDArray[np.int32], n: int, n_codes: int) -> npt.NDArray[np.int32]:
    known = code >= 0
    pairs, count = np.unique(users[known] * n_codes + code[known], return_counts=True)
    user, code = pairs // n_codes, (pairs % n_codes).astype(np.int32)
    order = np.lexsort((code, -count, user))
    first = order[np.unique(user[order], return_index=True)[1]]
    most = np.full(n, -1, dtype=np.int32)
    most[user[first]] = code[first]
    return most
