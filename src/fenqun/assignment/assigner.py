"""Place users by new events: their own history in the run, then what is new, through the run's model."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from fenqun import schema
from fenqun.assignment.encoder import Floats as Vectors
from fenqun.assignment.encoder import VectorModel
from fenqun.assignment.history import merge_history
from fenqun.config import EventsSource, UsersSource
from fenqun.data.profiles import build_profiles
from fenqun.data.sequences import SequenceStore
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import ConfigError
from fenqun.progress import Progress
from fenqun.schema import TierTable
from fenqun.segmentation.foretold import foretold
from fenqun.segmentation.hierarchy import Hierarchy
from fenqun.segmentation.inputs import Inputs
from fenqun.segmentation.memberships import memberships_table, with_levels, with_tiers
from fenqun.segmentation.rule import Floats, Ints
from fenqun.segmentation.segmentation import Segmentation
from fenqun.segmentation.strategies import make_strategy
from fenqun.segmentation.tiers import TierRule
from fenqun.settings import load_config
from fenqun.store import Run


@dataclass(frozen=True)
class _Described:
    """Users with new events as the run's model sees them.

    ``tiers`` holds the codes of the run's tiers, and the position among them and the prediction of each user.
    """

    people: pa.Array
    inputs: Inputs
    fused: Vectors
    tiers: tuple[tuple[str, ...], Ints, Floats] | None


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
        self.hierarchy = Hierarchy.of(run)
        self.tiers = run.read_model("tiers.json", TierTable) if run.artifact("tiers.json").is_file() else None

    def sources(
        self, events: str | Path, users: str | Path | None = None
    ) -> tuple[EventsSource, UsersSource | None]:
        """Return where new events (and users) lie, with the columns that the run's settings name.

        Raises
        ------
        ConfigError
            If users are given and the run knows no user table.
        """
        data = self.config.data
        if users is None:
            return data.events.model_copy(update={"path": str(events), "format": "auto"}), None
        if data.users is None:
            raise ConfigError(
                "the run was made without a user table",
                where=str(users),
                mend="leave it out, or run again with data.users",
            )
        return (
            data.events.model_copy(update={"path": str(events), "format": "auto"}),
            data.users.model_copy(update={"path": str(users), "format": "auto"}),
        )

    def assign(self, events: EventsSource, users: UsersSource | None, progress: Progress) -> pa.Table:
        """Return memberships, in the schema of ``memberships.parquet``, of all users with new events.

        Parameters
        ----------
        events, users
            The new data, as :meth:`sources` names it.
        progress
            Who listens.
        """
        found = self._describe(events, users, progress)
        X = self.strategy.transform(found.inputs)
        placed = self.segmentation.assign(X)
        noise = np.zeros(len(found.people), dtype=bool)
        memberships = memberships_table(found.people, self.segmentation.ids, placed, noise)
        memberships = with_levels(memberships, *self.hierarchy.place(X, memberships[schema.SEGMENT].to_pylist()))
        return memberships if found.tiers is None else with_tiers(memberships, *found.tiers)

    def vectors(self, events: EventsSource, users: UsersSource | None, progress: Progress) -> pa.Table:
        """Return the fused vectors of all users with new events: ``user_id``, ``vector``."""
        found = self._describe(events, users, progress)
        flat = pa.array(np.ascontiguousarray(found.fused, dtype=np.float32).reshape(-1))
        column = pa.FixedSizeListArray.from_arrays(flat, found.fused.shape[1])
        return pa.table({schema.USER: found.people, "vector": column})

    def _describe(self, events: EventsSource, users: UsersSource | None, progress: Progress) -> _Described:
        settings = self.config.run
        with tempfile.TemporaryDirectory(prefix="fenqun-assign-") as folder:
            scratch = Run.create(Path(folder) / "run")
            engine = DuckDBEngine(settings.threads, settings.memory, self.config.data.timezone)
            try:
                store, now = merge_history(self.run, scratch, events, users, self.config, engine, progress)
                profiles = build_profiles(engine, scratch, store, (0,), now, self.config)
                return self._inputs(store, profiles, now)
            finally:
                engine.close()
                scratch.close()

    def _inputs(self, store: SequenceStore, profiles: pa.Table, now: int) -> _Described:
        fused = self.model.fused(store, (0,), profiles, now, self.config)
        inputs = self.inputs(store, profiles, fused, self._given(store))
        return _Described(store.users, inputs, fused, self._tiers(store, profiles, now))

    def inputs(
        self, store: SequenceStore, profiles: pa.Table, fused: Vectors, external: list[str | None] | None
    ) -> Inputs:
        """Return what the run's strategy may look at.

        Parameters
        ----------
        store, profiles
            Users, all of their events in fold 0.
        fused
            Their fused vectors.
        external
            Segments that a company's own file gives to them, None without a file.
        """
        counts = store.counts((0,), self.config.behaviour.max_events)
        codes, names = store.categories
        return Inputs(
            profiles=profiles,
            counts=counts,
            category_codes=codes.astype(np.int64),
            category_names=names,
            attributes=[name for name in profiles.column_names if name.startswith("attr_")],
            # In single precision, as the run kept the vectors that it clustered.
            learned=self.model.reducer.transform(fused).astype(np.float32).astype(np.float64),
            external=external,
        )

    def _tiers(
        self, store: SequenceStore, profiles: pa.Table, now: int
    ) -> tuple[tuple[str, ...], Ints, Floats] | None:
        """Foretell users as of now and place them by the run's own rule; None where the run has no tiers."""
        if self.tiers is None:
            return None
        rule = TierRule(tuple(self.tiers.cuts), self.tiers.low_present)
        scores, present = foretold(self.model.rhythm, self.tiers.of, profiles, store, (0,), now)
        return rule.codes, rule.place(scores, present), scores

    def _given(self, store: SequenceStore) -> list[str | None] | None:
        """Return the segments that a company's own file gives to these users."""
        if not self.run.artifact("work/external.parquet").is_file():
            return None
        table = self.run.read_table("work/external.parquet")
        segment_of = dict(zip(table[schema.USER].to_pylist(), table["segment"].to_pylist(), strict=True))
        return [segment_of.get(user) for user in store.users.to_pylist()]
