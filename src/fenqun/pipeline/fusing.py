"""Stages that choose the blocks, fuse and reduce them, and draw the map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from fenqun import schema
from fenqun.assignment.encoder import VectorModel
from fenqun.pipeline.block_sets import BlockSets, keep_blocks, keep_earlier
from fenqun.pipeline.blocks import Blocks, block_weights
from fenqun.pipeline.content import vector_column
from fenqun.pipeline.context import PHASES, Context, StageOutput
from fenqun.pipeline.earlier import Earlier
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Floats, Phases
from fenqun.vectors.fusion import Fusion
from fenqun.vectors.layout import layout
from fenqun.vectors.reduction import Reducer


def choose_blocks(context: Context) -> StageOutput:
    """Choose the blocks by :func:`fenqun.pipeline.block_sets.keep_blocks`, and say what each set of them is worth."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    active = phases.active("select")
    weights = block_weights(config)
    blocks = {
        name: block[active]
        for name, block in Blocks.of(run, "select", weights).vectors(phases, "select", weights).items()
    }
    weights = {name: weight for name, weight in weights.items() if name in blocks}
    sets = BlockSets(blocks, weights, PhaseJudge(phases, "select"), config)
    kept, figures = keep_blocks(sets)
    if config.vectors.gate and (earlier := Earlier.of(config, run)) is not None:
        kept, told = keep_earlier(sets, kept, earlier.blocks)
        figures |= told
    for name in weights:  # each alone, and all together, for the record
        sets.of((name,))
    sets.of(tuple(sorted(weights)))
    figures["sets"] = sets.table()
    run.write_json("work/blocks.json", {"weights": kept})
    return StageOutput(("work/blocks.json",), figures | {"weights": kept})


def earlier_blocks(context: Context) -> list[str] | None:
    """Return the blocks of the run that this one goes on from, None where it stands alone."""
    earlier = Earlier.of(context.config, context.run)
    return None if earlier is None else earlier.blocks


def fuse_vectors(context: Context) -> StageOutput:
    """Standardise the chosen blocks one by one, join them, reduce for clustering."""
    config, run = context.config, context.run
    phases = Phases(config, run)
    weights: dict[str, float] = run.read_json("work/blocks.json")["weights"]
    figures: dict[str, Any] = {}
    for phase in PHASES:
        active = phases.active(phase)
        encoders = Blocks.of(run, phase, weights)
        blocks = encoders.vectors(phases, phase, weights)
        fusion = Fusion(weights).fit({name: block[active] for name, block in blocks.items()})
        fused = fusion.transform(blocks)
        reducer = Reducer(config.vectors.components, config.run.seed, config.vectors.reducer)
        reducer.fit(fused[active], activity=np.log1p(phases.store.n_events((0, 1, 2))[active]))
        with run.writing(f"work/vectors/{phase}.npy") as path, path.open("wb") as stream:
            np.save(stream, reducer.transform(fused).astype(np.float32))
        figures[phase] = {"blocks": weights, **reducer.figures}
    _publish(context, phases, fused, blocks)
    with run.writing("model") as folder:
        folder.mkdir()
        VectorModel(encoders.taste, encoders.rhythm, encoders.intent, fusion, reducer).save(folder)
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
