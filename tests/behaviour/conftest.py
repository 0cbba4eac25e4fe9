from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from fenqun.data.sequences import SequenceStore, build_sequences
from fenqun.data.splits import make_splits
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.settings import load_config
from fenqun.store import Run

ITEMS, START = 12, 1_704_067_200


@pytest.fixture
def planted() -> Callable[..., tuple[sparse.csr_matrix, np.ndarray, np.ndarray]]:
    """Users of three types, each with items of its own, and the type of every user and item."""

    def make(
        n_users: int = 120, n_items: int = 60, seed: int = 0
    ) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        of_user, of_item = np.arange(n_users) % 3, np.arange(n_items) % 3
        chance = np.where(of_user[:, None] == of_item[None], 0.5, 0.05)
        counts = rng.poisson(chance).astype(float)
        # Nobody is left without items of their own.
        counts[np.arange(n_users), of_user] += 1
        return sparse.csr_matrix(counts), of_user, of_item

    return make


# -- sequences of events ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def ring() -> Callable[..., pa.Table]:
    return _walk


def _walk(n_users: int, lengths: np.ndarray, seed: int = 0, ordered: bool = True) -> pa.Table:
    """Events of users who walk a ring of items in order, one step an hour; unordered users jump at random."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(n_users), lengths)
    step = np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    first = np.repeat(rng.integers(0, ITEMS, n_users), lengths)
    item = (first + step) % ITEMS if ordered else rng.integers(0, ITEMS, len(users))
    seconds = START + step * 3600 + users
    moment = pa.array(seconds * 1_000_000, pa.timestamp("us"))
    return pa.table(
        {
            "user_id": pa.array([f"u{u:03}" for u in users]),
            "item_id": pa.array([f"i{i:02}" for i in item]),
            "timestamp": moment.cast(pa.timestamp("us", "UTC")),
            "local": moment,
            "event_type": pa.array(np.where(step % 3 == 0, "buy", "view")),
            "weight": pa.array(np.ones(len(users))),
            "value": pa.array(np.where(step % 4 == 0, np.nan, step % 7 + 1.0), from_pandas=True),
            "quantity": pa.nulls(len(users), pa.float64()),
            "duration": pa.array(10.0 + step % 5),
            "session": pa.nulls(len(users), pa.string()),
        }
    )


def _catalogue() -> pa.Table:
    ids = [f"i{i:02}" for i in range(ITEMS)]
    nothing = dict.fromkeys(("text", "image", "audio"), pa.nulls(ITEMS, pa.string()))
    kinds = [f"c{i % 4}" if i else None for i in range(ITEMS)]
    return pa.table({"item_id": ids, "category": kinds, **nothing, "price": pa.nulls(ITEMS, pa.float64())})


@pytest.fixture(scope="module")
def make_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SequenceStore]:
    source = {"path": "x", "user": "user_id", "item": "item_id", "time": "timestamp"}
    config = load_config({"data": {"events": source}, "splits": {"method": "per_user"}})

    def make(events: pa.Table) -> SequenceStore:
        engine = DuckDBEngine(threads=1, memory="500MB")
        run = Run.create(tmp_path_factory.mktemp("run"))
        try:
            run.write_table("work/events.parquet", events)
            run.write_table("work/items.parquet", _catalogue())
            return build_sequences(engine, run, make_splits(config, engine, run), config)
        finally:
            engine.close()
            run.close()

    return make


@pytest.fixture(scope="module")
def store(make_store: Callable[..., SequenceStore]) -> SequenceStore:
    lengths = np.random.default_rng(1).integers(1, 40, 60)
    return make_store(_walk(60, lengths))


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((ITEMS, 8)).astype(np.float32)
