"""A rating log as plain sorted arrays, as the table that peers read, and as a sequence store."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from fenqun.data.datasets import prepare
from fenqun.data.sequence_store import COLUMNS, SequenceStore


@dataclass(frozen=True)
class Ratings:
    """Events sorted by user, then time; ratings of one second stay in the order of the source.

    Attributes
    ----------
    user, item
        int64: 0 to n_users - 1 and 0 to n_items - 1.
    value
        float32.
    time
        int64: epoch seconds.
    n_users, n_items
        Of the whole log.
    """

    user: np.ndarray
    item: np.ndarray
    value: np.ndarray
    time: np.ndarray
    n_users: int
    n_items: int

    @classmethod
    def read(cls, name: str, data: Path) -> Ratings:
        """Read ``movielens_100k`` or ``movielens_1m``, made ready in a folder where it is missing."""
        prepare(name, data / name)
        table = pq.read_table(data / name / "events.parquet", columns=["user_id", "item_id", "timestamp", "rating"])
        users, user = np.unique(table["user_id"].to_numpy().astype(str), return_inverse=True)
        items, item = np.unique(table["item_id"].to_numpy().astype(str), return_inverse=True)
        time = table["timestamp"].to_numpy().astype(np.int64)
        order = np.lexsort((time, user))
        value = table["rating"].to_numpy().astype(np.float32)
        return cls(user[order], item[order], value[order], time[order], len(users), len(items))

    def select(self, kept: np.ndarray) -> Ratings:
        """Return some of the events."""
        return replace(
            self, user=self.user[kept], item=self.item[kept], value=self.value[kept], time=self.time[kept]
        )

    @property
    def from_end(self) -> np.ndarray:
        """Place of each event counted from its user's last, which has 0; int64."""
        ends = np.cumsum(np.bincount(self.user, minlength=self.n_users))
        return ends[self.user] - 1 - np.arange(len(self.user))

    def counts(self) -> sparse.csr_matrix:
        """Return float64 counts of users by items."""
        ones = np.ones(len(self.user))
        return sparse.csr_matrix((ones, (self.user, self.item)), shape=(self.n_users, self.n_items))

    def table(self) -> pa.Table:
        """Return the events as :func:`peers.peer_vectors` reads them."""
        kind = np.zeros(len(self.user), dtype=np.int64)
        columns = {"user": self.user, "item": self.item, "event_type": kind, "value": self.value, "time": self.time}
        return pa.table(columns)

    def store(self, folder: Path, fold: np.ndarray) -> SequenceStore:
        """Write the events as a sequence store, with the fold of each event, int (n,)."""
        folder.mkdir(parents=True, exist_ok=True)
        days = self.time // 86400
        arrays = {
            "item": self.item,
            "time": self.time,
            "hour": self.time % 86400 // 3600,
            "weekday": (days + 3) % 7,  # 1970 began on a Thursday
            "event_type": np.zeros(len(self.user)),
            "weight": np.ones(len(self.user)),
            "value": self.value,
            "duration": np.full(len(self.user), np.nan),
            "fold": fold,
        }
        for name, kind in COLUMNS.items():
            np.save(folder / f"{name}.npy", arrays[name].astype(kind))
        sizes = np.bincount(self.user, minlength=self.n_users)
        np.save(folder / "offsets.npy", np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
        pq.write_table(pa.table({"user_id": pa.array(range(self.n_users))}), folder / "users.parquet")
        nothing = pa.nulls(self.n_items, pa.string())
        items = {"item_id": pa.array(range(self.n_items)), "text": nothing, "category": nothing}
        pq.write_table(pa.table(items), folder / "items.parquet")
        carried = {"value": True, "duration": False, "sessions": False, "hours": True, "items": True}
        meta = {"event_types": [""], "events": len(self.user), "has": {**carried, "categories": False}}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        return SequenceStore.open(folder)
