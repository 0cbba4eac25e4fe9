"""Stages that turn raw tables into events, sequences and profiles."""

from __future__ import annotations

import pyarrow.parquet as pq

from fenqun.data.ingest import ingest
from fenqun.data.profiles import build_profiles
from fenqun.data.sequences import SequenceStore, build_sequences
from fenqun.data.splits import LEARNED, check_leaks, make_splits
from fenqun.pipeline.context import PHASES, Context, StageOutput
from fenqun.pipeline.earlier import Earlier

_OPTIONAL = (
    "work/users.parquet",
    "work/labels.parquet",
    "work/targets.parquet",
    "work/links.parquet",
    "work/impressions.parquet",
    "work/external.parquet",
)


def read_data(context: Context) -> StageOutput:
    """Read, check and keep: the raw tables become the private event, item and user tables."""
    run = context.run
    for name in _OPTIONAL:  # a table dropped from the settings must not linger
        run.artifact(name).unlink(missing_ok=True)
    quality = ingest(context.config, context.engine, run, context.progress)
    artifacts = ["quality.json", "rejected.parquet", "work/events.parquet", "work/items.parquet"]
    artifacts += [name for name in _OPTIONAL if run.artifact(name).exists()]
    events = next(t for t in quality.tables if t.table == "events")
    figures = {
        "events": events.kept,
        "rejected": events.rejected,
        "users": quality.users,
        "items": quality.items,
        "as_of": quality.last_event,
    }
    return StageOutput(tuple(artifacts), figures)


def make_profiles(context: Context) -> StageOutput:
    """Cut the time, sort the sequences, and aggregate every user as of each cut."""
    config, run, engine = context.config, context.run, context.engine
    splits = make_splits(config, engine, run)
    build_sequences(engine, run, splits, config)
    store = SequenceStore.open(run.artifact("work/sequences"))
    if (earlier := Earlier.of(config, run)) is not None:
        earlier.shared(store)  # before hours of learning, and not after them
    artifacts = ["work/splits.json", "work/sequences"]
    for phase in PHASES:
        name = "profiles.parquet" if phase == "final" else f"work/profiles_{phase}.parquet"
        table = build_profiles(engine, run, store, LEARNED[phase], splits.now(phase), config)
        with run.writing(name) as path:
            pq.write_table(table, path, compression="zstd")
        artifacts.append(name)
    judging = [*config.labels, *(target.name for target in config.targets)]
    check_leaks(store, splits, table.column_names, judging)
    figures = {
        "method": splits.method,
        "notice": splits.notice,
        "test_start": splits.test_start,
        "validation_start": splits.validation_start,
    }
    return StageOutput(tuple(artifacts), figures)
