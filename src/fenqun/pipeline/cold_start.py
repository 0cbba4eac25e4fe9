"""Stage that learns to place users whom the log hardly knows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from fenqun import schema
from fenqun.assignment.assigner import Assigner
from fenqun.assignment.cold_start import STEPS, ColdStart, Shortened
from fenqun.assignment.features import neighbour_shares
from fenqun.assignment.hiding import shorten
from fenqun.assignment.placements import weights_of
from fenqun.assignment.pooling import shares
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.phases import Phases

ALL = (0, 1, 2)
"""Every fold: what is published is learned from all events."""
_FROM_EVENTS = ("learned", "rfm", "interest")


def learn_cold_start(context: Context) -> StageOutput:
    """Hide what known users did, and learn how to find their segments by attributes, links and a few events.

    Sensitive attributes are not looked at.
    """
    config, run = context.config, context.run
    phases = Phases(config, run)
    store = phases.store
    assigner = Assigner(run)
    ids = assigner.segmentation.ids
    memberships = run.read_table("memberships.parquet", [schema.USER, schema.SEGMENT, "weights"])
    segment = {name: place for place, name in enumerate(ids)}
    labels = np.array([segment[name] for name in memberships[schema.SEGMENT].to_pylist()], dtype=np.int64)
    neighbours = None
    if run.artifact("work/links.parquet").is_file():
        links, prior = run.read_table("work/links.parquet"), shares(labels, len(ids))
        neighbours = neighbour_shares(links, store.users, store.users, weights_of(memberships), prior)
    shortened: Mapping[int, Shortened] = {}
    if assigner.strategy.name in _FROM_EVENTS:
        now = phases.splits.now("final")
        shortened = shorten(assigner, STEPS, store.users, store.n_events(ALL), now, config.run.seed)
    learned = ColdStart.fit(ids, labels, _attributes(phases), neighbours, shortened, config.run.seed)
    with run.writing("cold_start") as folder:
        learned.save(folder)
    figures = {
        n: {name: f for name, f in found.items() if name != "reliability"} for n, found in learned.figures.items()
    }
    weights = {str(n): dict(of) for n, of in learned.weights.items()}
    return StageOutput(("cold_start",), {"enough": learned.enough, "weights": weights, "hidden": figures})


def _attributes(phases: Phases) -> pa.Table:
    """Return the attributes that may be looked at, one row a user."""
    profiles = phases.profiles("final")
    barred = {f"attr_{name}" for name in phases.config.fairness.sensitive}
    return profiles.select([c for c in profiles.column_names if c.startswith("attr_") and c not in barred])
