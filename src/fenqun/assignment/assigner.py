"""Place users: by their own history in the run and what is new, and where that is little by attributes and links."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from fenqun import schema
from fenqun.assignment.cold_start import ColdStart
from fenqun.assignment.encoder import Floats as Vectors
from fenqun.assignment.encoder import VectorModel
from fenqun.assignment.features import neighbour_shares
from fenqun.assignment.history import merge_history
from fenqun.assignment.newcomers import Newcomers, read_newcomers
from fenqun.assignment.placements import as_assignment, overwritten, placements_table, weights_of
from fenqun.config import EventsSource, LinksSource, UsersSource
from fenqun.data.profiles import build_profiles
from fenqun.data.sequences import SequenceStore
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import ConfigError, QualityError
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


class Sources(NamedTuple):
    """Where new data lie; None for what is not given."""

    events: EventsSource | None
    users: UsersSource | None = None
    links: LinksSource | None = None


@dataclass(frozen=True)
class _Described:
    """Users with new events as the run's model sees them.

    ``events`` holds how many each has. ``tiers`` holds the codes of the run's tiers, and the position among them and the
    prediction of each user.
    """

    people: pa.Array
    events: Ints
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

    @cached_property
    def cold_start(self) -> ColdStart:
        """What places users whom the log hardly knows."""
        return ColdStart.load(self.run.require("cold_start"))

    def sources(
        self,
        events: str | Path | None = None,
        users: str | Path | None = None,
        links: str | Path | None = None,
    ) -> Sources:
        """Return where new events, users and links lie, with the columns that the run's settings name.

        Raises
        ------
        ConfigError
            If nothing is given, or something of which the run has no table.
        """
        given = {"events": events, "users": users, "links": links}
        if all(path is None for path in given.values()):
            raise ConfigError("nobody to place", where="assign", mend="give events, users or links")
        found: dict[str, Any] = {}
        for name, path in given.items():
            known = getattr(self.config.data, name)
            if path is not None and known is None:
                raise ConfigError(
                    f"the run was made without a {'user table' if name == 'users' else 'table of links'}",
                    where=str(path),
                    mend=f"leave it out, or run again with data.{name}",
                )
            found[name] = path and known.model_copy(update={"path": str(path), "format": "auto"})
        return Sources(**found)

    def assign(self, sources: Sources, progress: Progress) -> pa.Table:
        """Return placements, in the schema of :func:`fenqun.schema.placements`.

        Users with new events come first, then those whom the user table or a link names and of whom neither the run nor
        the new events know anything. A user whom the run knows, or with enough events, is placed by the run's own rule;
        everyone else by attributes, links and what few events there are.

        Parameters
        ----------
        sources
            The new data, as :meth:`sources` names it.
        progress
            Who listens.

        Raises
        ------
        QualityError
            If nobody is left to place.
        """
        newcomers = self._newcomers(sources, progress)
        parts = []
        others = self._members[schema.USER].combine_chunks()
        if sources.events is not None:
            found = self._describe(sources.events, sources.users, progress)
            parts.append(self._with_events(found, newcomers))
            others = pa.concat_arrays([others, found.people])
        if newcomers is not None and len(people := newcomers.people(others)):
            parts.append(self._without_events(people, newcomers))
        if not parts:
            raise QualityError(
                "the run knows everyone whom the tables name",
                where="assign",
                mend="their segments are in memberships.parquet",
            )
        return pa.concat_tables(parts)

    def vectors(self, sources: Sources, progress: Progress) -> pa.Table:
        """Return the fused vectors of all users with new events: ``user_id``, ``vector``.

        Raises
        ------
        ConfigError
            If no events are given: there is no vector without them.
        """
        if sources.events is None:
            raise ConfigError("a user without events has no vector", where="vectors", mend="give events")
        found = self._describe(sources.events, sources.users, progress)
        flat = pa.array(np.ascontiguousarray(found.fused, dtype=np.float32).reshape(-1))
        column = pa.FixedSizeListArray.from_arrays(flat, found.fused.shape[1])
        return pa.table({schema.USER: found.people, "vector": column})

    # -- placing -------------------------------------------------------------------------------

    def _with_events(self, found: _Described, newcomers: Newcomers | None) -> pa.Table:
        X = self.strategy.transform(found.inputs)
        placed = self.segmentation.assign(X)
        by, probability = ["events"] * len(found.people), np.full(len(found.people), np.nan)
        if (rows := self._hardly_known(found)).size:
            users = found.people.take(pa.array(rows))
            attributes = found.inputs.profiles.select(found.inputs.attributes).take(pa.array(rows))
            told = self.cold_start.place(
                found.events[rows], attributes, self._neighbours(users, newcomers), X[rows], placed.labels[rows]
            )
            placed = overwritten(placed, rows, as_assignment(told))
            probability[rows] = told.probabilities.max(axis=1)
            for row, witnesses in zip(rows.tolist(), told.by, strict=True):
                by[row] = witnesses
        noise = np.zeros(len(found.people), dtype=bool)
        memberships = memberships_table(found.people, self.segmentation.ids, placed, noise)
        memberships = with_levels(memberships, *self.hierarchy.place(X, memberships[schema.SEGMENT].to_pylist()))
        memberships = memberships if found.tiers is None else with_tiers(memberships, *found.tiers)
        return placements_table(memberships, by, probability)

    def _hardly_known(self, found: _Described) -> Ints:
        """Return the rows of users who are new to the run and have few events."""
        if not self.run.artifact("cold_start").is_dir():
            return np.empty(0, dtype=np.int64)
        known = pc.is_in(found.people, value_set=self._members[schema.USER].combine_chunks())
        return np.flatnonzero(~known.to_numpy(zero_copy_only=False) & (found.events < self.cold_start.enough))

    def _without_events(self, people: pa.Array, newcomers: Newcomers) -> pa.Table:
        attributes = newcomers.attributes_of(people)
        n = len(people)
        if self.strategy.name == "static":
            # Attributes are all that the segments are made of: the run's own rule places everyone.
            nothing = sparse.csr_matrix((n, 1))
            inputs = Inputs(attributes, nothing, np.full(1, -1, dtype=np.int64), [], attributes.column_names)
            placed, by = self.segmentation.assign(self.strategy.transform(inputs)), ["attributes"] * n
            probability = np.full(n, np.nan)
        else:
            nobody = np.zeros(n, dtype=np.int64)
            told = self.cold_start.place(nobody, attributes, self._neighbours(people, newcomers), None, None)
            placed, by, probability = as_assignment(told), told.by, told.probabilities.max(axis=1)
        memberships = memberships_table(people, self.segmentation.ids, placed, np.zeros(n, dtype=bool))
        segments = memberships[schema.SEGMENT].to_pylist()
        macros = [self.hierarchy.macros.get(segment) for segment in segments]
        return placements_table(with_levels(memberships, macros, [None] * n), by, probability)

    def _neighbours(self, people: pa.Array, newcomers: Newcomers | None) -> Floats | None:
        if newcomers is None or newcomers.links is None:
            return None
        members = self._members
        known = members[schema.USER].combine_chunks()
        return neighbour_shares(newcomers.links, people, known, weights_of(members), self.cold_start.prior)

    @cached_property
    def _members(self) -> pa.Table:
        return self.run.read_table("memberships.parquet", [schema.USER, "weights"])

    def _newcomers(self, sources: Sources, progress: Progress) -> Newcomers | None:
        if sources.users is None and sources.links is None:
            return None
        settings = self.config.run
        engine = DuckDBEngine(settings.threads, settings.memory, self.config.data.timezone)
        try:
            return read_newcomers(self.run, sources.users, sources.links, self.config, engine, progress)
        finally:
            engine.close()

    # -- describing ----------------------------------------------------------------------------

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
        events = store.n_events((0,))
        return _Described(store.users, events, inputs, fused, self._tiers(store, profiles, now))

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
