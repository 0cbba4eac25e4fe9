"""Stage that looks at users in each context alone: their segments there, and who behaves differently where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

from fenqun import schema
from fenqun.assignment.encoder import VectorModel
from fenqun.config import Config
from fenqun.data.event_contexts import EventContexts
from fenqun.data.splits import LEARNED
from fenqun.explanation.contexts import LEAST_USERS, ContextUsers, describe_segments
from fenqun.explanation.statistics import benjamini_hochberg
from fenqun.explanation.topics import Topics, find_topics, user_shares
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.describing import population
from fenqun.pipeline.phases import Phases
from fenqun.schema import ContextTable, ContextTotal, SegmentContext
from fenqun.segmentation.contexts import ContextParts, joined, split_by_context
from fenqun.segmentation.memberships import memberships_table
from fenqun.segmentation.rule import Floats, Ints
from fenqun.segmentation.segmentation import Assignment, Segmentation
from fenqun.store import Run

ARTIFACTS = ("contexts.parquet", "contexts.json")
_LEVEL = 1e-6  # of the widest direction: directions in which segments do not differ

NOT_LEARNED = "Contexts were not looked at: the segments do not come from vectors with a block of taste."
NO_HOURS = "The context daypart was not looked at: the log has days, but no hours."


def find_contexts(context: Context) -> StageOutput:
    """Write ``contexts.parquet`` and ``contexts.json``; nothing where no context is asked for, or none can be looked at."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    asked, notice = _askable(config, run, phases)
    if not asked:
        for name in ARTIFACTS:  # contexts of an earlier request must not linger beside newer segments
            run.remove(name)
        return StageOutput((), {"notice": notice} if notice else {})
    placing = Placing(phases)
    people = population(phases)
    topics = find_topics(people)
    reader = EventContexts(phases.store)
    tables: list[pa.Table] = []
    totals: list[ContextTotal] = []
    segments: list[SegmentContext] = []
    for name in asked:
        context.progress.note(f"contexts: {name}")
        found = _look(name, reader, placing, topics, config)
        tables.append(found.table(placing))
        totals.append(found.total())
        segments += describe_segments(
            name, found.names, found.rows(), people.labels, people.segment_ids, topics.names
        )
    run.write_table("contexts.parquet", pa.concat_tables(tables))
    settings = config.contexts
    table = ContextTable(
        false_discovery=settings.false_discovery,
        min_events=settings.min_events,
        min_visits=settings.min_visits,
        draws=settings.draws,
        least_users=LEAST_USERS,
        totals=totals,
        segments=segments,
    )
    run.write_json("contexts.json", table)
    figures: dict[str, Any] = {one.context: one.model_dump(exclude={"context"}) for one in totals}
    return StageOutput(ARTIFACTS, figures | ({"notice": notice} if notice else {}))


def _askable(config: Config, run: Run, phases: Phases) -> tuple[list[str], str]:
    """Return the contexts that can be looked at, and why others cannot."""
    asked = list(config.contexts.by)
    if not asked:
        return [], ""
    if config.strategy != "learned" or "taste" not in run.read_json("work/blocks.json")["weights"]:
        return [], NOT_LEARNED
    if "daypart" in asked and not phases.store.has["hours"]:
        asked.remove("daypart")
        return asked, NO_HOURS
    return asked, ""


class Placing:
    """Places users with the taste of some of their events, all else being theirs, by the published rule."""

    def __init__(self, phases: Phases) -> None:
        run = phases.run
        self.phases = phases
        self.model = VectorModel.load(run.require("model"))
        self.segmentation = Segmentation.load(run.require("segmentation"))
        others = [name for name in self.model.fusion.blocks if name != "taste"]
        table = run.read_table("user_vectors.parquet", [schema.USER, *others])
        self.others = {name: np.stack(table[name].to_numpy(zero_copy_only=False)) for name in others}

    @cached_property
    def item_vectors(self) -> Floats:
        """What one event of each item adds to a user's taste, in the directions in which segments differ, (n_items, r).

        Differences along these decide where a user lies; what segments do not tell apart would only add noise to a test.
        """
        model, centroids = self.model, self.segmentation.centroids
        widths = [len(model.fusion.centers_[name]) for name in model.fusion.blocks]
        start = sum(widths[: model.fusion.blocks.index("taste")])
        axes = model.reducer.components_[:, start : start + model.taste.user_table.shape[1]]
        _, sizes, directions = np.linalg.svd(centroids - centroids.mean(axis=0), full_matrices=False)
        kept = directions[sizes > _LEVEL * max(float(sizes.max()), 1e-12)]
        added = (model.taste.idf[:, None] * model.taste.user_table) @ axes.T
        return np.asarray(added @ kept.T if len(kept) else added, dtype=np.float64)

    def place(self, users: Ints, counts: sparse.csr_matrix) -> Assignment:
        """Place users, (n,) positions in canonical order, by counts of some of their events, (n, n_items)."""
        blocks = {"taste": self.model.taste.transform(counts)}
        blocks |= {name: block[users] for name, block in self.others.items()}
        reduced = self.model.reducer.transform(self.model.fusion.transform(blocks))
        # In single precision, as the run kept the vectors that it clustered.
        return self.segmentation.assign(reduced.astype(np.float32).astype(np.float64))


@dataclass(frozen=True)
class _Found:
    """One context: its values, users' parts, where these lie, and the q-value of each part's user."""

    name: str
    names: tuple[str, ...]
    parts: ContextParts
    placed: Assignment
    q: Floats
    differs: npt.NDArray[np.bool_]
    shares: sparse.csr_matrix

    def rows(self) -> ContextUsers:
        return ContextUsers(
            self.parts.users, self.parts.values, self.placed.labels, self.shares, self.parts.tested, self.differs
        )

    def total(self) -> ContextTotal:
        users, tested = self.parts.users, self.parts.tested
        return ContextTotal(
            context=self.name,
            users=len(np.unique(users)),
            tested=len(np.unique(users[tested])),
            differ=len(np.unique(users[self.differs])),
        )

    def table(self, placing: Placing) -> pa.Table:
        parts, users = self.parts, placing.phases.store.users.take(pa.array(self.parts.users))
        noise = np.zeros(len(parts.users), dtype=bool)
        members = memberships_table(users, placing.segmentation.ids, self.placed, noise)
        columns = {
            schema.USER: users,
            "context": pa.array([self.name] * len(users), pa.string()),
            "value": pa.array(self.names, pa.string()).take(pa.array(parts.values)),
            "events": pa.array(parts.events, pa.int32()),
            "visits": pa.array(parts.visits, pa.int32()),
            schema.SEGMENT: members[schema.SEGMENT],
            "weights": members["weights"],
            "p": pa.array(parts.p, mask=np.isnan(parts.p)),
            "q": pa.array(self.q, mask=np.isnan(self.q)),
            "differs": pa.array(self.differs),
        }
        return pa.table(columns, schema=schema.contexts(users.type))


def _look(name: str, reader: EventContexts, placing: Placing, topics: Topics, config: Config) -> _Found:
    """Split all users' events by one context, test, correct for the number of users, and place."""
    names = reader.values(name)
    found = [
        split_by_context(
            visits,
            reader.codes(name, visits),
            len(names),
            placing.item_vectors,
            config.contexts,
            by_content=name == "session",
            seed=config.run.seed,
        )
        for visits in reader.visits(LEARNED["final"], config.behaviour.max_events)
    ]
    parts = joined(found)
    first = np.unique(parts.users, return_index=True)[1]
    of_user = np.searchsorted(parts.users[first], parts.users)
    q = benjamini_hochberg(parts.p[first])[of_user]
    differs = np.nan_to_num(q, nan=1.0) <= config.contexts.false_discovery
    placed = placing.place(parts.users, parts.counts)
    return _Found(name, names, parts, placed, q, differs, user_shares(parts.counts, topics))
