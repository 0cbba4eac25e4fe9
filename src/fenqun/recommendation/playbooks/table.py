"""Plays as the rows of ``playbooks.parquet``."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa

from fenqun.recommendation.playbooks.matching import Play
from fenqun.schema import PLAYBOOKS, SEGMENT


def plays_table(plays: Sequence[Play]) -> pa.Table:
    """Return the plays in :data:`fenqun.schema.PLAYBOOKS`, in their order."""
    return pa.Table.from_pylist(
        [
            {
                "level": play.group.level,
                SEGMENT: play.group.segment_id,
                "tier": play.group.tier,
                "users": play.group.users,
                "share": play.group.share,
                "verdict": play.verdict,
                "rank": play.rank,
                "entry_id": play.entry.id if play.entry else None,
                "share_for_exploration": play.entry.share_for_exploration if play.entry else None,
                "categories": json.dumps(play.categories, ensure_ascii=False),
                "figures": json.dumps([figure.model_dump() for figure in play.figures], ensure_ascii=False),
            }
            for play in plays
        ],
        schema=PLAYBOOKS,
    )
