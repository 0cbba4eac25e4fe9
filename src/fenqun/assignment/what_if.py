"""A user as they are and as they would be: events left out, added or moved, through the run's own model."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fenqun.assignment.assigner import Assigner
from fenqun.assignment.history import sequences_as_of
from fenqun.data.profiles import build_profiles
from fenqun.data.sequence_store import SequenceStore
from fenqun.data.splits import Splits
from fenqun.engines.duckdb import DuckDBEngine, literal, quote
from fenqun.schema import ITEM, TIME, USER
from fenqun.segmentation.rule import Floats, Ints
from fenqun.store import Run

_SECOND = 1_000_000  # microseconds
_MINUTE, _DAY = 60 * _SECOND, 86_400 * _SECOND
_ROWS = 2_000_000  # events encoded at once
_TELLING = ("value", "event_type", "quantity", "duration", "currency")


@dataclass(frozen=True)
class Edit:
    """What is different about a user; nothing by default.

    Attributes
    ----------
    without
        Positions of events that are left out.
    added
        Items of events that are added at the run's last moment, each as it typically is in the log; a minute apart, or
        a day apart in a log of days.
    waited
        Days without an event after the run's last moment.
    worth
        What the value of each event is multiplied by.
    """

    without: frozenset[int] = frozenset()
    added: tuple[Any, ...] = ()
    waited: int = 0
    worth: float = 1.0


class WhatIf:
    """Places users of a run as they are and as they would be.

    An edited user goes the way of any user with new events: sequences, profiles, encoders, fusion, reduction, strategy,
    rule. Edits of one user are encoded together, each as a user of its own.

    Parameters
    ----------
    run
        A finished run. Nothing in it is changed.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.assigner = Assigner(run)
        self.config = self.assigner.config
        self.now = Splits.read(run).now("final")
        meta = run.read_json("work/sequences/meta.json")
        self.step = _MINUTE if meta["has"]["hours"] else _DAY
        moment = dt.datetime.fromtimestamp(self.now, ZoneInfo(self.config.data.timezone))
        self._offset = int((moment.utcoffset() or dt.timedelta()).total_seconds()) * _SECOND
        self._engine = DuckDBEngine(self.config.run.threads, self.config.run.memory, self.config.data.timezone)
        self._typical: dict[Any, pa.Table] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.close()

    @property
    def reads_rhythm(self) -> bool:
        """Whether segments depend on how much and when, and not on items alone."""
        return self.assigner.strategy.name not in ("learned", "interest") or self._learned_rhythm

    @property
    def _learned_rhythm(self) -> bool:
        return self.assigner.strategy.name == "learned" and set(self.assigner.model.fusion.blocks) != {"taste"}

    def events(self, user: Any) -> pa.Table:
        """Return all events of a user, sorted by time, then by content."""
        columns = ", ".join(quote(name) for name in self._columns if name not in (USER, TIME))
        mine = f"CAST({USER} AS VARCHAR) = {literal(str(user))}"
        return self._engine.table(f"SELECT * FROM {self._log} WHERE {mine} ORDER BY {TIME}, {columns}")

    def place(self, user: Any, events: pa.Table, edits: Sequence[Edit]) -> Floats:
        """Return the energy of each segment for each edit, (len(edits), k); NaN where no event is left.

        Parameters
        ----------
        user
            The user's id.
        events
            As :meth:`events` returned them.
        edits
            Each on its own.
        """
        found = np.full((len(edits), len(self.assigner.segmentation.ids)), np.nan)
        step = max(1, _ROWS // max(1, events.num_rows))
        for waited in sorted({edit.waited for edit in edits}):  # a moment has one now
            of_it = [i for i, edit in enumerate(edits) if edit.waited == waited]
            for start in range(0, len(of_it), step):
                part = of_it[start : start + step]
                found[part] = self._place(user, events, [edits[i] for i in part], self.now + waited * 86_400)
        return found

    def _place(self, user: Any, events: pa.Table, edits: Sequence[Edit], now: int) -> Floats:
        table = self._edited(events, edits)
        energies = np.full((len(edits), len(self.assigner.segmentation.ids)), np.nan)
        if not table.num_rows:
            return energies
        with tempfile.TemporaryDirectory(prefix="fenqun-what-if-") as folder:
            scratch = Run.create(Path(folder) / "run")
            try:
                store, profiles = self._encoded(scratch, user, table, now)
                fused = self.assigner.model.fused(store, (0,), profiles, now, self.config)
                inputs = self.assigner.inputs(store, profiles, fused, self._given(user, store.n_users))
                found = self.assigner.segmentation.rule.energies(self.assigner.strategy.transform(inputs))
                energies[np.asarray(store.users)] = found
            finally:
                scratch.close()
        return energies

    def _encoded(self, scratch: Run, user: Any, table: pa.Table, now: int) -> tuple[SequenceStore, pa.Table]:
        """Write the edited users' tables, and return their sequences and profiles."""
        scratch.write_table("work/events.parquet", table)
        with scratch.writing("work/items.parquet") as path:
            path.write_bytes(self.run.require("work/items.parquet").read_bytes())
        if self.run.artifact("work/users.parquet").is_file():
            scratch.write_table("work/users.parquet", self._attributes(user, table[USER]))
        store = sequences_as_of(self.run, scratch, now, self.config, self._engine)
        if not self.reads_rhythm:
            return store, pa.table({USER: store.users})
        return store, build_profiles(self._engine, scratch, store, (0,), now, self.config)

    def _attributes(self, user: Any, copies: pa.ChunkedArray) -> pa.Table:
        known = self.run.read_table("work/users.parquet")
        row = known.filter(pc.equal(known[USER], pa.scalar(user, known[USER].type))).slice(0, 1)
        ids = pc.unique(copies) if row.num_rows else copies.combine_chunks().slice(0, 0)
        again = pa.array(np.zeros(len(ids), dtype=np.int64))
        return pa.table({name: ids if name == USER else row[name].take(again) for name in known.column_names})

    def _given(self, user: Any, copies: int) -> list[str | None] | None:
        if not self.run.artifact("work/external.parquet").is_file():
            return None
        table = self.run.read_table("work/external.parquet")
        found = table.filter(pc.equal(table[USER], pa.scalar(user, table[USER].type)))["segment"].to_pylist()
        return [found[0] if found else None] * copies

    def _edited(self, events: pa.Table, edits: Sequence[Edit]) -> pa.Table:
        """Return the events of all edits, with the position of the edit as user."""
        items = list(dict.fromkeys(item for edit in edits for item in edit.added))
        both = pa.concat_tables([events, self._typical_events(items)]) if items else events
        place = {item: events.num_rows + i for i, item in enumerate(items)}
        rows: list[Ints] = []
        for edit in edits:
            kept = np.setdiff1d(np.arange(events.num_rows), np.array(sorted(edit.without), dtype=np.int64))
            rows.append(np.concatenate([kept, np.array([place[item] for item in edit.added], dtype=np.int64)]))
        index = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
        copy = np.repeat(np.arange(len(edits), dtype=np.int64), [len(own) for own in rows])
        table = both.take(pa.array(index))
        columns = {name: table[name] for name in table.column_names}
        columns[USER] = pa.array(copy)
        new = index >= events.num_rows
        back = _places_from_end(copy, len(edits))[new] * self.step
        for name, last in ((TIME, self.now * _SECOND), ("local", self.now * _SECOND + self._offset)):
            moments = np.asarray(pc.cast(table[name], pa.int64())).copy()
            moments[new] = last - back
            columns[name] = pa.array(moments).cast(table[name].type)
        worth = np.array([edit.worth for edit in edits])[copy]
        columns["value"] = pc.multiply(table["value"], pa.array(worth))
        return pa.table(columns)

    def _typical_events(self, items: Sequence[Any]) -> pa.Table:
        """Return one event an item, in their order: the one in the middle by value, as one of nobody's sessions."""
        unseen = [item for item in items if item not in self._typical]
        if unseen:
            wanted = ", ".join(literal(str(item)) for item in unseen)
            found = self._engine.table(
                f"""SELECT * EXCLUDE (place, n)
                    REPLACE (CASE WHEN session IS NULL THEN NULL ELSE 'added' END AS session)
                FROM (SELECT *, row_number() OVER (PARTITION BY {ITEM} ORDER BY {", ".join(_TELLING)}) AS place,
                        count(*) OVER (PARTITION BY {ITEM}) AS n
                    FROM {self._log} WHERE CAST({ITEM} AS VARCHAR) IN ({wanted}) AND weight > 0)
                WHERE place = (n + 1) // 2"""
            )
            for row, item in enumerate(found[ITEM].to_pylist()):
                self._typical[item] = found.slice(row, 1)
        return pa.concat_tables([self._typical[item] for item in items])

    @property
    def _log(self) -> str:
        return f"read_parquet({literal(str(self.run.require('work/events.parquet')))})"

    @property
    def _columns(self) -> list[str]:
        return [row["column_name"] for row in self._engine.table(f"DESCRIBE SELECT * FROM {self._log}").to_pylist()]


def _places_from_end(copy: Ints, copies: int) -> Ints:
    """Return how many events of the same copy come after each; ``copy`` is in order."""
    end = np.cumsum(np.bincount(copy, minlength=copies))
    return np.asarray(end[copy] - np.arange(len(copy)) - 1)
