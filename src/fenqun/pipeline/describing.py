"""Stages that say what the segments are, and the report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fenqun.explanation.cards import activity_counts, build_cards
from fenqun.explanation.drivers import measure, select_drivers
from fenqun.explanation.level_table import UserFigures
from fenqun.explanation.population import Population
from fenqun.explanation.table import segments_table
from fenqun.explanation.topics import find_topics
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.level_cards import TABLE as LEVELS
from fenqun.pipeline.level_cards import explain_levels
from fenqun.pipeline.naming import name_people
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.segmenting import strategy_inputs
from fenqun.report.html import write_report
from fenqun.schema import SEGMENT
from fenqun.segmentation.hierarchy import Hierarchy
from fenqun.segmentation.segmentation import Segmentation
from fenqun.segmentation.strategies import features
from fenqun.store import Run


def published_labels(run: Run) -> tuple[list[str], np.ndarray]:
    """Return the segments' ids and each user's index among them, in canonical order."""
    ids = list(Segmentation.load(run.require("segmentation")).ids)
    place = {segment: i for i, segment in enumerate(ids)}
    column = run.read_table("memberships.parquet", [SEGMENT])[SEGMENT]
    return ids, np.array([place[segment] for segment in column.to_pylist()], dtype=np.int64)


def population(phases: Phases) -> Population:
    """Return all users with their published segments and what tells these apart."""
    ids, labels = published_labels(phases.run)
    store = phases.store
    codes, names = store.categories
    return Population(
        labels=labels,
        segment_ids=ids,
        profiles=phases.profiles("final"),
        counts=phases.counts("final"),
        item_ids=store.items,
        texts=store.texts,
        category_codes=codes,
        category_names=names,
        themes=phases.themes,
    )


def explain_segments(context: Context) -> StageOutput:
    """Drivers, cards and names."""
    run = context.run
    phases = Phases(context.config, run)
    people = population(phases)
    store = phases.store
    topics = find_topics(people)
    effects = measure(people, topics)
    evaluation = run.stage_record("evaluation")
    assert evaluation is not None
    jaccard = evaluation.figures["jaccard"]
    own = UserFigures(
        vectors=features(context.config.strategy, strategy_inputs(phases, "final")),
        confidence=run.read_table("memberships.parquet", ["confidence"])["confidence"].to_numpy(),
        hours=activity_counts(store.offsets, store.hour, 24),
        weekdays=activity_counts(store.offsets, store.weekday, 7),
    )
    cards = build_cards(
        people,
        vectors=own.vectors,
        centroids=Segmentation.load(run.require("segmentation")).centroids,
        confidence=own.confidence,
        hours=own.hours,
        weekdays=own.weekdays,
        kind=evaluation.figures["kind"],
        jaccard=[jaccard.get(str(i)) for i in range(people.k)],
    )
    named, figures = name_people(context, phases, people, effects, topics)
    table = segments_table(
        people,
        [one.name for one in named],
        cards,
        select_drivers(effects),
        context.config.report.language,
        parents=_parents(run, people.segment_ids),
        naming=[one.naming for one in named],
    )
    run.write_table("segments.parquet", table)
    levels = explain_levels(context, people, effects, topics, own, [one.name for one in named])
    return StageOutput(("segments.parquet", *((LEVELS,) if levels else ())), figures)


def _parents(run: Run, ids: Sequence[str]) -> list[str | None]:
    """Return the macro-segment of each segment, None where there is no such level."""
    macros = Hierarchy.of(run).macros
    return [macros.get(segment) for segment in ids]


def make_report(context: Context) -> StageOutput:
    """Write the offline report."""
    write_report(context.run)
    return StageOutput(("report.html",))
