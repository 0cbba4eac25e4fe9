"""Known faults in simulated tables, to see that the check of data quality finds exactly these."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fenqun.data.simulation.base import Simulation, Tables
from fenqun.data.simulation.draws import Ints

SHARE = 0.002
"""Rows of a table that each fault adds, as a share of the table's rows in a block; one at least."""
BOT_EVENTS = 5100
"""Events of one user in one day, in the first block."""
EPOCH = np.datetime64("1970-01-01T00:00:00", "us")

Counts = Counter[tuple[str, str]]


class Faults:
    """Adds faulty rows to blocks, and counts them by (rule, table).

    Parameters
    ----------
    simulation
        Where blocks come from.

    Attributes
    ----------
    counts
        Rows by (name of the rule that should object, table).
    """

    def __init__(self, simulation: Simulation) -> None:
        self.counts: Counts = Counter()
        self._simulation = simulation
        self._number = simulation.settings()["data"]["events"].get("value", "duration")

    def shared(self, tables: Tables) -> Tables:
        """Repeat some items, and make them fall back on the first row of their id."""
        items = tables["items"]
        self.counts["duplicate_item", "items"] += 3
        return {**tables, "items": pa.concat_tables([items, items.slice(0, 3)])}

    def block(self, tables: Tables, index: int) -> Tables:
        """Add faulty rows to the tables of a block."""
        key = np.random.SeedSequence(self._simulation.seed, spawn_key=(99, index))
        random = np.random.default_rng(key)
        changed = dict(tables)
        changed["events"] = self._events(random, tables["events"], index)
        changed["users"] = self._users(tables["users"], index)
        if "links" in tables and tables["links"].num_rows:
            changed["links"] = self._links(tables["links"], index)
        return changed

    def _events(self, random: np.random.Generator, events: pa.Table, index: int) -> pa.Table:
        n = max(1, round(SHARE * events.num_rows))
        numbered = np.flatnonzero(events[self._number].is_valid().to_numpy())
        faults: list[tuple[str, dict[str, Any]]] = [
            ("duplicate", {}),
            ("missing_user_id", {"user_id": None}),
            ("missing_item_id", {"item_id": None}),
            ("unparsable_time", {"timestamp": None}),
            ("implausible_time", {"timestamp": EPOCH}),
            ("negative_value", {self._number: -1.0}),
            ("non_finite", {self._number: float("nan")}),
            ("absurd_value", {self._number: 1e15}),
            ("unknown_item", {"item_id": "i-unknown"}),
        ]
        n = min(n, len(numbered) // len(faults))
        chosen = random.permutation(numbered)[: n * len(faults)].reshape(len(faults), n)
        parts = [events]
        for (rule, cells), rows in zip(faults, chosen, strict=True):
            parts.append(_changed(events, rows, cells))
            self.counts[rule, "events"] += n
        if index == 0:
            one = np.zeros(BOT_EVENTS, dtype=np.int64)
            bot = _changed(events, one, {"user_id": "bot"})
            first = events["timestamp"][0].as_py().replace(hour=12, minute=0, second=0)
            ticks = np.datetime64(first, "us") + np.arange(BOT_EVENTS) * np.timedelta64(1, "s")
            parts.append(_with(bot, "timestamp", pa.array(ticks)))
            self.counts["bot", "events"] += BOT_EVENTS
        return pa.concat_tables(parts)

    def _users(self, users: pa.Table, index: int) -> pa.Table:
        n = max(1, round(SHARE * users.num_rows))
        rows = np.arange(n)
        silent = _with(users.take(pa.array(rows)), "user_id", pa.array([f"silent{index}-{i}" for i in range(n)]))
        self.counts["duplicate_user", "users"] += n
        self.counts["no_events", "users"] += n
        return pa.concat_tables([users, users.slice(0, n), silent])

    def _links(self, links: pa.Table, index: int) -> pa.Table:
        one = links.slice(0, 1)
        alone = _with(one, "friend_id", one["user_id"].combine_chunks())
        unknown = _with(one, "friend_id", pa.array([f"unknown{index}"]))
        for rule in ("duplicate_link", "self_link", "unknown_user"):
            self.counts[rule, "links"] += 1
        return pa.concat_tables([links, one, alone, unknown])

    def listing(self) -> list[dict[str, Any]]:
        """Return what was added: rule, table and rows."""
        added = sorted((key, rows) for key, rows in self.counts.items() if rows)
        return [{"rule": rule, "table": table, "rows": rows} for (rule, table), rows in added]


def _changed(table: pa.Table, rows: Ints, cells: dict[str, Any]) -> pa.Table:
    taken = table.take(pa.array(rows))
    for name, value in cells.items():
        kind = table.schema.field(name).type
        taken = _with(taken, name, pa.array([value] * len(rows), kind))
    return taken


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    kind = table.schema.field(name).type
    return table.set_column(table.column_names.index(name), name, pc.cast(column, kind))
