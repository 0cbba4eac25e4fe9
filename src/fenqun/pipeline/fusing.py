"""Stages that choose the blocks, fuse and reduce them, and draw the map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from fenqun import schema
from fenqun.assignment.encoder import VectorModel
from fenqun.config import Config
from fenqun.evaluation.value import explained_variance
from fenqun.pipeline.blocks import Blocks, block_weights
from fenqun.pipeline.content import vector_column
from fenqun.pipeline.context import PHASES, Context, StageOutput
from fenqun.pipeline.judging import Labels, PhaseJudge
from fenqun.pipeline.phases import Floats, Phases
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.vectors.fusion import Fusion, gate
from fenqun.vectors.layout import layout
from fenqun.vectors.reduction import Reducer

GATE_K = 12
"""Number of segments at which blocks are weighed against each other, before k is chosen."""


def choose_blocks(context: Context) -> StageOutput:
    """Drop the blocks that make validation worse, and say what each set of blocks is worth.

    The sequence encoder comes last and must show more than the others: it costs most, so it stays only where
    the lists of segments with it are better by more than the standard error of the difference over users.
    """
    config, run = context.config, context.run
    phases = Phases(config, run)
    active = phases.active("select")
    weights = block_weights(config)
    blocks = {
        name: block[active]
        for name, block in Blocks.of(run, "select").vectors(phases, "select", tuple(weights)).items()
    }
    weights = {name: weight for name, weight in weights.items() if name in blocks}
    sets = _Sets(blocks, weights, PhaseJudge(phases, "select"), config)
    figures: dict[str, Any] = {}
    kept = weights
    if config.vectors.gate and len(weights) > 1:
        plain = {name: weight for name, weight in weights.items() if name != "intent"}
        report = gate(plain, sets.lift) if plain else None
        kept = report.weights if report else {}
        figures["gate"] = {**report.figures, "dropped": list(report.dropped)} if report else {}
        if "intent" in weights:
            added = kept | {"intent": weights["intent"]}
            gain, error = sets.gain(tuple(sorted(added)), tuple(sorted(kept)))
            figures["intent"] = {"gain": gain, "standard_error": error, "kept": gain > error}
            kept = added if gain > error else kept
    for name in weights:  # each alone, and all together, for the record
        sets.of((name,))
    sets.of(tuple(sorted(weights)))
    figures["sets"] = sets.table()
    run.write_json("work/blocks.json", {"weights": kept})
    return StageOutput(("work/blocks.json",), figures | {"weights": kept})


class _Sets:
    """Sets of blocks, each judged once by the segments that it gives."""

    def __init__(
        self, blocks: dict[str, Floats], weights: dict[str, float], judge: PhaseJudge, config: Config
    ) -> None:
        self.blocks, self.weights, self.judge, self.config = blocks, weights, judge, config
        self.labels: dict[tuple[str, ...], Labels] = {}

    def of(self, names: tuple[str, ...]) -> Labels:
        """Return the segments that a set of blocks gives."""
        if names not in self.labels:
            fused = Fusion({name: self.weights[name] for name in names}).fit_transform(self.blocks)
            self.labels[names] = _segments(fused, self.config)
        return self.labels[names]

    def lift(self, names: tuple[str, ...]) -> float:
        """Return the criterion of a set, for the gate."""
        return self.judge.criterion(self.of(names))

    def gain(self, larger: tuple[str, ...], smaller: tuple[str, ...]) -> tuple[float, float]:
        """Return the mean difference of users' NDCG between two sets, and its standard error."""
        lists = [self.judge.lists(self.of(names))[1]["ndcg"] for names in (larger, smaller)] if smaller else None
        if lists is None:
            return float("inf"), 0.0
        difference = (lists[0] - lists[1])[np.isfinite(lists[0]) & np.isfinite(lists[1])]
        if len(difference) < 2:
            return 0.0, 0.0
        return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))

    def table(self) -> list[dict[str, Any]]:
        """Return what each judged set is worth on validation time."""
        return [{"blocks": list(names)} | _worth(self.judge, labels) for names, labels in self.labels.items()]


def _segments(fused: Floats, config: Config) -> Labels:
    reduced = Reducer(config.vectors.components, seed=config.run.seed).fit_transform(fused)
    k = min(GATE_K, len(reduced))
    labels: Labels = make_clusterer("kmeans", k, seed=config.run.seed).fit(reduced).labels_
    return labels


def _worth(judge: PhaseJudge, labels: Labels) -> dict[str, float]:
    """Return what segments are worth on validation time: lift of lists, future category, future value."""
    told = {name: value for name, value in judge(labels).items() if name in ("lift", "probe")}
    for outcome in ("future_value", "future_events"):
        if outcome in judge.outcomes:
            told[outcome] = explained_variance(labels, judge.outcomes[outcome], repeats=0).value
    return {name: round(float(value), 6) for name, value in told.items() if np.isfinite(value)}


def fuse_vectors(context: Context) -> StageOutput:
    """Standardise the chosen blocks one by one, join them, reduce for clustering."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    weights: dict[str, float] = run.read_json("work/blocks.json")["weights"]
    figures: dict[str, Any] = {}
    for phase in PHASES:
        active = phases.active(phase)
        encoders = Blocks.of(run, phase)
        blocks = encoders.vectors(phases, phase, tuple(sorted(weights)))
        fusion = Fusion(weights).fit({name: block[active] for name, block in blocks.items()})
        fused = fusion.transform(blocks)
        reducer = Reducer(config.vectors.components, seed=config.run.seed)
        reducer.fit(fused[active], activity=np.log1p(phases.store.n_events((0, 1, 2))[active]))
        with run.writing(f"work/vectors/{phase}.npy") as path, path.open("wb") as stream:
            np.save(stream, reducer.transform(fused).astype(np.float32))
        figures[phase] = {"blocks": weights, **reducer.figures}
    _publish(context, phases, fused, blocks)
    with run.writing("model") as folder:
        folder.mkdir()
        intent = encoders.intent if "intent" in weights else None
        VectorModel(encoders.taste, encoders.rhythm, intent, fusion, reducer).save(folder)
    artifacts = [f"work/vectors/{phase}.npy" for phase in PHASES]
    return StageOutput((*artifacts, "user_vectors.parquet", "model"), figures)


def _publish(context: Context, phases: Phases, fused: Floats, blocks: dict[str, Floats]) -> None:
    users = phases.store.users
    widths = {"vector": fused.shape[1]} | {name: block.shape[1] for name, block in blocks.items()}
    columns = {schema.USER: users, "vector": vector_column(fused)}
    columns |= {name: vector_column(block) for name, block in blocks.items()}
    context.run.write_table(
        "user_vectors.parquet", pa.table(columns, schema=schema.user_vectors(users.type, widths))
    )


def draw_map(context: Context) -> StageOutput:
    """Lay the users out in two dimensions; for the eye only, never clustered."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    points = layout(
        phases.reduced("final"),
        config.vectors.map,
        seed=config.run.seed,
        threads=config.run.threads,
        sample=config.vectors.map_sample,
        progress=context.progress,
    )
    users = phases.store.users
    table = pa.table({schema.USER: users, "x": points[:, 0], "y": points[:, 1]}, schema=schema.user_map(users.type))
    run.write_table("map.parquet", table)
    return StageOutput(("map.parquet",), {"method": config.vectors.map, "users": len(users)})
