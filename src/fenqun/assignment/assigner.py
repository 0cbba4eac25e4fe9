"""Place users by new events: their own history in the run, then what is new, through the run's model."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from fenqun import schema
from fenqun.assignment.encoder import Floats, VectorModel
from fenqun.assignment.history import merge_history
from fenqun.config import Config, load_config
from fenqun.data.profiles import build_profiles
from fenqun.data.sequences import SequenceStore
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.progress import Progress
from fenqun.segmentation.inputs import Inputs
from fenqun.segmentation.memberships import memberships_table
from fenqun.segmentation.segmentation import Segmentation
from fenqun.segmentation.strategies import make_strategy
from fenqun.store import Run


class Assigner:
    """Assigns users to the segments of a finished run.

    Parameters
    ----------
    run
        A finished run. Nothing in it is changed.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.config = load_config(run.require("config.yaml"))
        self.model = VectorModel.load(run.require("model"))
        self.segmentation = Segmentation.load(run.require("segmentation"))
        state = json.loads(run.require("segmentation/strategy.json").read_text(encoding="utf-8"))
        self.strategy = make_strategy(state["name"]).restore(state["state"])

    def assign(self, events: Config, progress: Progress) -> pa.Table:
        """Return memberships, in the schema of ``memberships.parquet``, of all users with new events.

        Parameters
        ----------
        events
            The run's settings with ``data.events`` (and ``data.users``) pointing to the new data.
        """
        users, inputs, _ = self._describe(events, progress)
        placed = self.segmentation.assign(self.strategy.transform(inputs))
        return memberships_table(users, self.segmentation.ids, placed, np.zeros(len(users), dtype=bool))

    def vectors(self, events: Config, progress: Progress) -> pa.Table:
        """Return the fused vectors of all users with new events: ``user_id``, ``vector``."""
        users, _, fused = self._describe(events, progress)
        flat = pa.array(np.ascontiguousarray(fused, dtype=np.float32).reshape(-1))
        column = pa.FixedSizeListArray.from_arrays(flat, fused.shape[1])
        return pa.table({schema.USER: users, "vector": column})

    def _describe(self, events: Config, progress: Progress) -> tuple[pa.Array, Inputs, Floats]:
        settings = events.run
        with tempfile.TemporaryDirectory(prefix="fenqun-assign-") as folder:
            scratch = Run.create(Path(folder) / "run")
            engine = DuckDBEngine(settings.threads, settings.memory, events.data.timezone)
            try:
                store, now = merge_history(self.run, scratch, events, engine, progress)
                profiles = build_profiles(engine, scratch, store, (0,), now, events)
                return self._inputs(store, profiles)
            finally:
                engine.close()
                scratch.close()

    def _inputs(self, store: SequenceStore, profiles: pa.Table) -> tuple[pa.Array, Inputs, Floats]:
        counts = store.counts((0,), self.config.behaviour.max_events)
        fused = self.model.fused(counts, profiles)
        codes, names = store.categories
        inputs = Inputs(
            profiles=profiles,
            counts=counts,
            category_codes=codes.astype(np.int64),
            category_names=names,
            attributes=[name for name in profiles.column_names if name.startswith("attr_")],
            learned=np.asarray(self.model.reducer.transform(fused), dtype=np.float64),
        )
        return store.users, inputs, fused
