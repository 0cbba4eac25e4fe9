"""The stage: choose on validation time, judge on test time, publish from everything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from fenqun.evaluation.group_leads import GroupMeans
from fenqun.explanation.claims import counterparts
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.describing import published_labels
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.recommending.choosing import Choices, baseline_alone, choose_recommenders, told
from fenqun.pipeline.recommending.judging import figures_table, judged_lists, personal_lead
from fenqun.pipeline.recommending.material import PhaseMaterial
from fenqun.pipeline.recommending.publishing import Publisher
from fenqun.pipeline.recommending.trying import Bench
from fenqun.pipeline.segmenting import strategy_inputs
from fenqun.recommendation.lists import segment_lists, user_recommendations
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.segmentation.strategies import features

Ints = npt.NDArray[np.int64]

FIGURES = "recommendation_figures.parquet"
_USERS = "user_recommendations.parquet"


def recommend_lists(context: Context) -> StageOutput:
    """Choose a recommender for each segment, judge them all, and write the lists of segments, and of users on request."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    ids, labels = published_labels(run)
    figures: dict[str, Any]
    if phases.store.n_items < 2:
        choices, figures = baseline_alone(len(ids)), {"why_not": "one_item"}
    else:
        choices, figures = _choose_and_judge(context, phases, ids, labels)
    artifacts = ["recommendations.parquet"]
    if "why_not" in figures:
        run.remove(FIGURES)  # figures of an earlier request must not linger
    else:
        artifacts.append(FIGURES)
    context.progress.note("recommendation: lists of the published segments")
    publisher = Publisher(PhaseMaterial(phases, "final", labels, len(ids)), choices)
    length = config.recommendation.list_length
    table = segment_lists(
        *publisher.segments(), ids, publisher.material.items, length, publisher.reranking(phases.run)
    )
    run.write_table("recommendations.parquet", table)
    if config.recommendation.per_user:
        tables = user_recommendations(
            publisher.users(),
            phases.store.users,
            publisher.material.items,
            length,
            publisher.material.seen,
            publisher.reranking(phases.run),
        )
        with run.writing(_USERS) as path:
            _write_batches(tables, path)
        artifacts.append(_USERS)
    else:  # lists of an earlier request must not linger beside newer segments
        run.remove(_USERS)
    return StageOutput(tuple(artifacts), figures | {"choices": told(choices, ids)})


def _choose_and_judge(
    context: Context, phases: Phases, ids: list[str], published: Ints
) -> tuple[Choices, dict[str, Any]]:
    """Return the choices for the published segments, and figures for the record; writes the table of figures."""
    config, run = context.config, context.run
    length, repeats, seed = config.evaluation.list_length, config.evaluation.resamples, config.run.seed
    first = _labels_on_train(phases)
    trying = Bench(PhaseMaterial(phases, "select", first, int(first.max()) + 1), length)
    judged = np.asarray(run.read_table("work/judged.parquet")[config.strategy].to_numpy(), dtype=np.int64)
    judging = Bench(PhaseMaterial(phases, "judge", judged, int(judged.max()) + 1), length)
    if not len(trying.judges) or not len(judging.judges):
        return baseline_alone(len(ids)), {"why_not": "nothing_held_out"}
    context.progress.note("recommendation: recommenders on validation time")
    chosen = choose_recommenders(trying)
    # Segments of the three fits are matched by the users that they share: judged and published go by their counterparts.
    known = np.isin(judging.material.users, trying.material.users)
    before, _ = counterparts(judged[known], first, int(judged.max()) + 1)
    counterpart, _ = counterparts(published[judging.material.users], judged, len(ids))
    context.progress.note("recommendation: recommenders on test time")
    for_judged = chosen.carried(before)
    trials = judged_lists(judging, for_judged)
    table = figures_table(
        judging,
        trials,
        for_judged,
        {segment: int(group) for segment, group in zip(ids, counterpart, strict=True)},
        repeats=repeats,
        seed=seed,
    )
    run.write_table(FIGURES, table)
    own = personal_lead(judging, trials, repeats=repeats, seed=seed)
    figures = {
        "person": chosen.person,
        "not_tried": {name: reason for name, reason in chosen.reasons.items() if reason},
        "users": {
            "validation": {"segment": len(trying.judges), "user": len(trying.sample)},
            "test": {"segment": len(judging.judges), "user": len(judging.sample)},
        },
        "items": {"validation": len(trying.material.columns), "test": len(judging.material.columns)},
        "personal_lead": {
            "all": _interval(own, 0),
            **{segment: _interval(own, 1 + int(counterpart[g])) for g, segment in enumerate(ids)},
        },
    }
    return for_judged.carried(counterpart), figures


def _labels_on_train(phases: Phases) -> Ints:
    """Return the published strategy's segments as its choice finds them on train time alone."""
    config = phases.config
    choice = phases.run.read_json("work/choices.json")[config.strategy]
    X = features(config.strategy, strategy_inputs(phases, "select"))
    clusterer = make_clusterer(
        choice["clusterer"], choice["k"], seed=config.run.seed, parameters=choice["parameters"]
    )
    return np.asarray(clusterer.fit(X).predict(X), dtype=np.int64)


def _interval(found: GroupMeans, at: int) -> dict[str, Any] | None:
    if not found.n[0, at]:
        return None
    ends = {name: round(float(getattr(found, name)[0, at]), 5) for name in ("value", "low", "high")}
    return ends | {"n": int(found.n[0, at])}


def _write_batches(tables: Iterable[pa.Table], path: Path) -> None:
    writer = None
    try:
        for table in tables:
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
