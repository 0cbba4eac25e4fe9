"""The judged segments on events that their fit never saw, for claims to be checked on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun.data.profiles import build_profiles
from fenqun.data.splits import JUDGED
from fenqun.explanation.claims import HeldOut, counterparts
from fenqun.explanation.population import Population
from fenqun.explanation.topics import Topics
from fenqun.pipeline.context import Context
from fenqun.pipeline.phases import Phases


def held_out(context: Context, phases: Phases, published: Population, topics: Topics) -> HeldOut | None:
    """Return the judged fit's segments with what their users did in the fold that judges it.

    Parameters
    ----------
    context, phases
        The run.
    published
        All users with their published segments.
    topics
        Topics of the published segments.

    Returns
    -------
    HeldOut or None
        None where nobody has an event in that fold.
    """
    config, run = context.config, context.run
    store, folds = phases.store, JUDGED["judge"]
    active = phases.active("judge")
    judged = np.full(store.n_users, -1, dtype=np.int64)
    judged[active] = np.asarray(run.read_table("work/judged.parquet")[config.strategy].to_numpy(), dtype=np.int64)
    counterpart, overlap = counterparts(published.labels[active], judged[active], published.k)
    seen: npt.NDArray[np.bool_] = active & (store.n_events(folds) > 0)
    if not seen.any():
        return None
    profiles = build_profiles(context.engine, run, store, folds, phases.splits.now("final"), config)
    people = Population(
        labels=judged[seen],
        segment_ids=[str(i) for i in range(int(judged.max()) + 1)],
        profiles=profiles.filter(pa.array(seen)),
        counts=phases.truth("judge")[seen],
        item_ids=published.item_ids,
        texts=published.texts,
        category_codes=published.category_codes,
        category_names=published.category_names,
    )
    return HeldOut(people, counterpart, overlap, topics)
