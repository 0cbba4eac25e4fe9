"""Large simulated logs in which a user's future hangs on the order of events, and not only on which there are.

Every session of a user holds the three steps *guide*, *compare* and *buy* once, between events of their taste. Users
of one habit take the steps in that order, users of the other in reverse; who does which has no bearing on items,
counts, values or times, so that nothing that ignores the order can tell the two apart. Whether a user leaves hangs on
the habit alone, the next category on the taste alone, the future value on both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from fenqun.data.simulation.draws import START, Floats, Ints, popularity
from fenqun.store import explain_io

STEPS = ("guide", "compare", "buy")
N_TASTES = 12
ITEMS_PER_CATEGORY = 20
DAYS = 180
"""Length of a simulated log; its clock is UTC."""

LEAVING = (0.2, 0.8)
"""Probability to leave of users who take the steps forward, and of those who take them backward."""

_SESSIONS, _EVENTS = (5, 10), (4, 6)
_MAIN, _SECOND = 0.5, 0.2
_ORDERS = np.array([[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1]])


@dataclass(frozen=True)
class SimulatedLog:
    """A log, and what its users do next.

    Attributes
    ----------
    events
        user_id, item_id (int64), timestamp (naive, UTC, seconds), value; sorted by user and time.
    items
        item_id, category.
    users
        user_id; ``taste`` (index of the favourite category) and ``backward`` (the habit), which nobody sees;
        ``left``, ``next_category`` and ``future_value``, which only judge.
    """

    events: pa.Table
    items: pa.Table
    users: pa.Table

    def write(self, folder: str | Path) -> Path:
        """Write the tables as Parquet and a YAML config beside them; return the config's path."""
        folder = Path(folder)
        with explain_io(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("events", "items", "users"):
                pq.write_table(getattr(self, name), folder / f"{name}.parquet", compression="zstd")
            config = folder / "simulated.yaml"
            config.write_text(yaml.safe_dump(_SETTINGS, sort_keys=False), encoding="utf-8")
        return config


_SETTINGS: dict[str, Any] = {
    "scenario": "ecommerce",
    "data": {
        "timezone": "UTC",
        "events": {
            "path": "events.parquet",
            "user": "user_id",
            "item": "item_id",
            "time": "timestamp",
            "value": "value",
        },
        "items": {"path": "items.parquet", "item": "item_id", "text": [], "category": "category"},
        "users": {"path": "users.parquet", "user": "user_id"},
    },
    "labels": ["taste", "backward", "left", "next_category", "future_value"],
    "splits": {"method": "time"},
    "run": {"seed": 7},
}


def simulate(n_users: int, *, order: float = 1.0, seed: int = 7) -> SimulatedLog:
    """Draw a log of 20 to 60 events a user; 200,000 users take well under a minute.

    Parameters
    ----------
    n_users
        Half of them take the steps backward.
    order
        Share of sessions that follow the user's habit, 0 to 1; in the others the steps come in any order. At 0 the
        habit leaves no trace in the log.
    seed
        The same arguments give the same tables.

    Raises
    ------
    ValueError
        If ``order`` is no share, or there is no user.
    """
    if not 0 <= order <= 1 or n_users < 1:
        raise ValueError(f"order must lie in [0, 1] and n_users be positive, not {order} and {n_users}")
    random = np.random.default_rng([seed, n_users])
    taste = random.integers(0, N_TASTES, n_users)
    backward = random.permutation(np.arange(n_users) % 2).astype(np.int64)
    n_items = (N_TASTES + len(STEPS)) * ITEMS_PER_CATEGORY
    price = np.round(np.exp(random.normal(2.0, 0.5, n_items)), 2).astype(np.float64)
    visits = random.integers(_SESSIONS[0], _SESSIONS[1] + 1, n_users)
    owner = np.repeat(np.arange(n_users), visits)
    category, session = _sessions(random, taste[owner], backward[owner], order)
    rank = np.searchsorted(_cumulative(ITEMS_PER_CATEGORY), random.random(len(category)), side="right")
    item = category * ITEMS_PER_CATEGORY + rank
    seconds = _starts(random, owner)[session] + _pauses(random, session)
    events = pa.table(
        {
            "user_id": owner[session],
            "item_id": item,
            "timestamp": pa.array(seconds, pa.int64()).cast(pa.timestamp("s")),
            "value": price[item],
        }
    )
    return SimulatedLog(events, _items(), _users(random, taste, backward, visits))


def _sessions(random: np.random.Generator, taste: Ints, backward: Ints, order: float) -> tuple[Ints, Ints]:
    """Return category and session of every event, given taste and habit of every session."""
    n, most = len(taste), _EVENTS[1]
    size = random.integers(_EVENTS[0], most + 1, n)
    keys = random.random((n, most))
    keys[np.arange(most) >= size[:, None]] = 2.0
    # The three places of the steps, in rising order, drawn without looking at the habit.
    places = np.sort(np.argsort(keys, axis=1)[:, : len(STEPS)], axis=1)
    kept = random.random(n) < order
    steps = _ORDERS[np.where(kept, backward, random.integers(0, len(_ORDERS), n))]
    category = _draw_tastes(random, np.repeat(taste, most)).reshape(n, most)
    np.put_along_axis(category, places, N_TASTES + steps, axis=1)
    inside = np.arange(most) < size[:, None]
    return category[inside], np.repeat(np.arange(n), size)


def _draw_tastes(random: np.random.Generator, taste: Ints) -> Ints:
    """Draw a category for each entry: mostly the favourite, often its neighbour, sometimes any."""
    drawn = random.random(len(taste))
    anything = random.integers(0, N_TASTES, len(taste))
    near = np.where(drawn < _MAIN, taste, (taste + 1) % N_TASTES)
    return np.asarray(np.where(drawn < _MAIN + _SECOND, near, anything), dtype=np.int64)


def _cumulative(n: int) -> Floats:
    """Cumulative probability of ranks whose popularity falls off as 1/rank."""
    cumulative: Floats = np.cumsum(popularity(n, flatness=1.0))
    cumulative[-1] = 1.0
    return cumulative


def _starts(random: np.random.Generator, owner: Ints) -> Ints:
    """Return the first second of each session, rising within a user, at most one session a day."""
    n = np.bincount(owner)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(n) - n, n)
    # One day out of each of the user's equal stretches of time.
    width = DAYS / n[owner]
    day = np.floor(nth * width + random.random(len(owner)) * (width - 1)).astype(np.int64)
    return np.asarray(START + day * 86_400 + random.integers(8 * 3600, 22 * 3600, len(owner)), dtype=np.int64)


def _pauses(random: np.random.Generator, session: Ints) -> Ints:
    """Return the seconds from a session's start to each of its events, rising."""
    total = np.cumsum(random.integers(20, 240, len(session)))
    first = np.flatnonzero(np.diff(session, prepend=-1))
    return np.asarray(total - np.repeat(total[first], np.diff(first, append=len(session))), dtype=np.int64)


def _items() -> pa.Table:
    names = [f"taste {c:02}" for c in range(N_TASTES)] + list(STEPS)
    category = np.repeat(np.array(names, dtype=object), ITEMS_PER_CATEGORY)
    return pa.table({"item_id": np.arange(len(category), dtype=np.int64), "category": category.tolist()})


def _users(random: np.random.Generator, taste: Ints, backward: Ints, visits: Ints) -> pa.Table:
    n = len(taste)
    left = random.random(n) < np.asarray(LEAVING)[backward]
    value = np.exp(0.2 * visits + 0.1 * taste - 1.0 * backward + random.normal(0, 0.5, n))
    return pa.table(
        {
            "user_id": np.arange(n, dtype=np.int64),
            "taste": taste,
            "backward": backward,
            "left": left.astype(np.int64),
            "next_category": _draw_tastes(random, taste),
            "future_value": np.round(value, 2),
        }
    )
