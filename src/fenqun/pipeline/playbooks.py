"""Stage that says what to do for which segment and tier."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from fenqun.explanation.topics import find_topics
from fenqun.pipeline.context import Context, StageOutput
from fenqun.pipeline.describing import population
from fenqun.pipeline.phases import Phases
from fenqun.recommendation.playbooks.figures import Actions, Material, TierColumn, measure_groups
from fenqun.recommendation.playbooks.matching import match_groups
from fenqun.recommendation.playbooks.reading import chosen_playbook, dump_playbook
from fenqun.recommendation.playbooks.table import plays_table
from fenqun.schema import TierTable
from fenqun.schema.playbooks import Level
from fenqun.store import Run, file_fingerprint

TABLE, BOOK = "playbooks.parquet", "playbooks.yaml"


def match_playbooks(context: Context) -> StageOutput:
    """Write ``playbooks.parquet``, and beside it the playbook that it was matched against."""
    config, run = context.config, context.run
    playbook = chosen_playbook(config.playbooks, config.scenario)
    if playbook is None:  # plays of an earlier request must not linger beside newer segments
        run.remove(TABLE)
        run.remove(BOOK)
        return StageOutput(())
    phases = Phases(config, run)
    people = population(phases)
    material = Material(
        people,
        find_topics(people),
        _actions(phases),
        _tiers(run),
    )
    plays = match_groups(playbook, measure_groups(material, _levels(run)), config.playbooks.min_users)
    run.write_table(TABLE, plays_table(plays))
    run.write_text(BOOK, dump_playbook(playbook))
    verdicts = Counter(play.verdict for play in plays)
    return StageOutput((TABLE, BOOK), {"entries": len(playbook.entries), **dict(sorted(verdicts.items()))})


def playbook_file(context: Context) -> Any:
    """Return what a person's playbook holds now, for the fingerprint of the stage."""
    path = context.config.playbooks.path
    return file_fingerprint(Path(path)) if path is not None and Path(path).is_file() else None


def _actions(phases: Phases) -> Actions:
    store = phases.store
    user = np.repeat(np.arange(store.n_users), np.diff(store.offsets))
    cells = (user, store.event_type.astype(np.int64))
    shape = (store.n_users, len(store.event_types))
    return Actions(sparse.coo_matrix((np.ones(len(user)), cells), shape=shape).tocsr(), store.event_types)


def _tiers(run: Run) -> TierColumn | None:
    if not run.artifact("tiers.json").is_file():
        return None
    codes = [tier.tier for tier in run.read_model("tiers.json", TierTable).tiers]
    place = {code: i for i, code in enumerate(codes)}
    table = run.read_table("memberships.parquet", ["tier", "tier_score"])
    placed = np.array([place.get(code, -1) for code in table["tier"].to_pylist()], dtype=np.int64)
    scores = table["tier_score"].to_numpy(zero_copy_only=False).astype(np.float64)
    return TierColumn(codes, placed, scores)


def _levels(run: Run) -> dict[Level, list[str | None]]:
    """Return the macro- and micro-segment of each user, of the levels that the run has."""
    table = run.read_table("memberships.parquet", ["macro_id", "micro_id"])
    named: dict[Level, list[str | None]] = {
        "macro": table["macro_id"].to_pylist(),
        "micro": table["micro_id"].to_pylist(),
    }
    return {level: names for level, names in named.items() if any(name is not None for name in names)}
