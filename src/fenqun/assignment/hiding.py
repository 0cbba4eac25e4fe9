"""Known users as they looked after their first few events: what cold start learns from."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from fenqun.assignment.assigner import Assigner
from fenqun.assignment.cold_start import Shortened
from fenqun.assignment.history import sequences_as_of
from fenqun.data.profiles import build_profiles
from fenqun.data.sequences import row_text
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.schema import USER
from fenqun.store import Run

Ints = npt.NDArray[np.int64]

MOST_USERS = 2000
"""Users that are cut short: more would change no weight."""


def shorten(
    assigner: Assigner, steps: Sequence[int], users: pa.Array, events: Ints, now: int, seed: int
) -> dict[int, Shortened]:
    """Cut users to their first events and describe them as the run's strategy would have then.

    Clocks are moved by whole days so that the last event that is left lies within a day before ``now``: a user whom the
    log hardly knows is one who has just come. Hours and weekdays of the clock stay, weekdays of the calendar do not.

    Parameters
    ----------
    assigner
        Of the run.
    steps
        Numbers of events.
    users, events
        Ids of the known users, in canonical order, and (n,) how many events each has.
    now
        Epoch seconds.
    seed
        Of the draw of users, where there are many.

    Returns
    -------
    dict
        Number of events to the users who have more than as many.
    """
    rows = np.flatnonzero(events > min(steps))
    if len(rows) > MOST_USERS:
        rows = np.sort(np.random.default_rng([seed, 1]).permutation(rows)[:MOST_USERS])
    if not len(rows):
        return {}
    settings = assigner.config.run
    with tempfile.TemporaryDirectory(prefix="fenqun-cold-") as folder:
        scratch = Run.create(Path(folder) / "run")
        engine = DuckDBEngine(settings.threads, settings.memory, assigner.config.data.timezone)
        try:
            _write_events(assigner.run, scratch, engine, users.take(pa.array(rows)), steps, now)
            path = scratch.artifact("work/items.parquet")
            path.write_bytes(assigner.run.require("work/items.parquet").read_bytes())
            store = sequences_as_of(assigner.run, scratch, now, assigner.config, engine)
            profiles = build_profiles(engine, scratch, store, (0,), now, assigner.config)
            fused = assigner.model.fused(store, (0,), profiles, now, assigner.config)
            features = assigner.strategy.transform(assigner.inputs(store, profiles, fused, None))
            codes = store.users.to_numpy()
        finally:
            engine.close()
            scratch.close()
    place, step = rows[codes // len(steps)], codes % len(steps)
    return {n: _at(assigner, place, features, (step == i) & (events[place] > n)) for i, n in enumerate(steps)}


def _at(assigner: Assigner, place: Ints, features: Any, chosen: npt.NDArray[np.bool_]) -> Shortened:
    order = np.flatnonzero(chosen)[np.argsort(place[chosen], kind="stable")]
    return Shortened(
        place[order],
        features[order],
        assigner.segmentation.assign(features[order]).labels if len(order) else place[order],
    )


def _write_events(
    run: Run, scratch: Run, engine: DuckDBEngine, users: pa.Array, steps: Sequence[int], now: int
) -> None:
    """Write the first events of users, once a number of events; ids are positions times numbers, plus the number's."""
    events = run.require("work/events.parquet")
    columns = [name for name in pq.read_schema(events).names if name != USER]
    engine.view("known_events", events)
    engine.register("hidden", pa.table({USER: users, "hidden": pa.array(np.arange(len(users)))}))
    engine.register("steps", pa.table({"step": pa.array(range(len(steps)), pa.int64()), "kept": list(steps)}))
    last = "max(timestamp) OVER (PARTITION BY hidden, step)"
    days = f"to_days(CAST(floor(({int(now)} - epoch({last})) / 86400) AS INTEGER))"
    with scratch.writing("work/events.parquet") as path:
        engine.write(
            f"""WITH ranked AS (
                SELECT hidden, e.*, row_number() OVER (PARTITION BY hidden ORDER BY timestamp, {row_text(columns)}) AS nth
                FROM known_events AS e JOIN hidden USING ({USER}))
            SELECT * EXCLUDE (hidden, nth, step, kept, {USER}) REPLACE (timestamp + {days} AS timestamp, local + {days} AS local),
                hidden * {len(steps)} + step AS {USER}
            FROM ranked JOIN steps ON nth <= kept""",
            path,
        )
