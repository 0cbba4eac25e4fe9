"""Stages that learn: item vectors, taste, the fused vector, the map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from fenqun import schema
from fenqun.assignment.encoder import VectorModel
from fenqun.behaviour.taste import TasteEncoder
from fenqun.config import Config
from fenqun.content.items import embed_items
from fenqun.data.profiles import RhythmScaler
from fenqun.pipeline.context import PHASES, Context, StageOutput
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Floats, Phases
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.vectors.fusion import Fusion, gate
from fenqun.vectors.layout import layout
from fenqun.vectors.reduction import Reducer

GATE_K = 12
"""Number of segments at which blocks are weighed against each other, before k is chosen."""


def vector_column(vectors: Floats) -> pa.Array:
    """Arrow column of fixed-size lists from an ``(n, width)`` array."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def embed_content(context: Context) -> StageOutput:
    """Embed the items' texts."""
    config, run = context.config, context.run
    store = Phases(config, run).store
    embedded = embed_items(
        config.content,
        store.texts,
        run.artifact("work/cache"),
        config.run.seed,
        config.run.threads,
        context.progress,
    )
    width = embedded.vectors.shape[1]
    table = pa.table(
        {schema.ITEM: store.items, "vector": vector_column(embedded.vectors)},
        schema=schema.item_vectors(store.items.type, width),
    )
    run.write_table("item_vectors.parquet", table)
    with run.writing("work/has_text.npy") as path, path.open("wb") as stream:
        np.save(stream, embedded.has_text)
    figures = {"encoder": embedded.encoder, "with_text": int(embedded.has_text.sum()), "items": len(store.items)}
    return StageOutput(("item_vectors.parquet", "work/has_text.npy"), figures)


def learn_taste(context: Context) -> StageOutput:
    """Fit the set encoder three times; what the first chose, the others take over."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    vectors = np.stack(run.read_table("item_vectors.parquet", ["vector"])["vector"].to_numpy(zero_copy_only=False))
    has_text = np.load(run.require("work/has_text.npy"))
    chosen = None
    figures: dict[str, Any] = {}
    for phase in PHASES:
        encoder = TasteEncoder(config.behaviour.taste, chosen=chosen)
        encoder.fit(
            phases.counts(phase)[phases.active(phase)],
            vectors,
            has_text,
            validation=phases.truth(phase)[phases.active(phase)] if phase == "select" else None,
            repeats=phases.repeats,
            seed=config.run.seed,
            threads=config.run.threads,
            progress=context.progress,
        )
        chosen = encoder.chosen
        with run.writing(f"work/taste/{phase}") as folder:
            encoder.save(folder)
        figures[phase] = encoder.figures
    return StageOutput(tuple(f"work/taste/{phase}" for phase in PHASES), figures)


def fuse_vectors(context: Context) -> StageOutput:
    """Standardise the blocks, drop those that make validation worse, reduce for clustering."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    weights = {name: weight for name, weight in config.vectors.weights.model_dump().items() if weight > 0}
    figures: dict[str, Any] = {}
    for phase in PHASES:
        active = phases.active(phase)
        scaler = RhythmScaler.fit(phases.profiles(phase).filter(pa.array(active)))
        taste = TasteEncoder.load(run.require(f"work/taste/{phase}"))
        blocks: dict[str, Floats] = {"rhythm": scaler.transform(phases.profiles(phase))}
        if taste.informative:
            blocks["taste"] = taste.transform(phases.counts(phase))
        if phase == "select":
            weights = {name: weight for name, weight in weights.items() if name in blocks}
            if config.vectors.gate and len(weights) > 1:
                judge = PhaseJudge(phases, "select")
                report = gate({name: blocks[name][active] for name in weights}, weights, _criterion(judge, config))
                weights = report.weights
                figures["gate"] = {**report.figures, "dropped": list(report.dropped)}
        blocks = {name: blocks[name] for name in sorted(weights)}
        fusion = Fusion(weights).fit({name: block[active] for name, block in blocks.items()})
        fused = fusion.transform(blocks)
        reducer = Reducer(config.vectors.components, seed=config.run.seed)
        reducer.fit(fused[active], activity=np.log1p(phases.store.n_events((0, 1, 2))[active]))
        with run.writing(f"work/vectors/{phase}.npy") as path, path.open("wb") as stream:
            np.save(stream, reducer.transform(fused).astype(np.float32))
        figures[phase] = {"blocks": weights, **reducer.figures}
    _publish_vectors(context, phases, fused, blocks)
    with run.writing("model") as folder:
        folder.mkdir()
        VectorModel(taste, scaler, fusion, reducer).save(folder)
    artifacts = [f"work/vectors/{phase}.npy" for phase in PHASES]
    return StageOutput((*artifacts, "user_vectors.parquet", "model"), figures)


def _criterion(judge: PhaseJudge, config: Config) -> Callable[[Floats], float]:
    return lambda fused: judge.criterion(_gate_labels(fused, config))


def _gate_labels(fused: Floats, config: Config) -> Any:
    reduced = Reducer(config.vectors.components, seed=config.run.seed).fit_transform(fused)
    k = min(GATE_K, len(reduced))
    return make_clusterer("kmeans", k, seed=config.run.seed).fit(reduced).labels_


def _publish_vectors(context: Context, phases: Phases, fused: Floats, blocks: dict[str, Floats]) -> None:
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
