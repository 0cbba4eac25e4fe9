"""What a segment's list is worth, in one line."""

from __future__ import annotations

import pyarrow.compute as pc

from fenqun.schema import SEGMENT
from fenqun.store import Run

_FIGURES = "recommendation_figures.parquet"


def worth_of(run: Run, segment: str, recommender: str) -> str:
    """Say which recommender made the list of a segment, and by how much it is ahead of popularity on held-out time."""
    if not run.artifact(_FIGURES).is_file():
        return f"by {recommender}; no recommender was judged in this run"
    wanted = {SEGMENT: segment, "scope": "segment", "recommender": recommender, "metric": "ndcg"}
    table = run.read_table(_FIGURES)
    for column, value in wanted.items():
        table = table.filter(pc.equal(table[column], value))
    rows = table.to_pylist()
    if recommender == "popularity":
        return "by popularity: nothing is clearly ahead of it for this segment on validation time"
    if not rows or rows[0]["difference_low"] is None:
        return f"by {recommender}; no user of this segment has held-out events to judge it by"
    row = rows[0]
    how = (
        "ahead of"
        if row["difference_low"] > 0
        else "behind"
        if row["difference_high"] < 0
        else "not clearly ahead of"
    )
    return (
        f"by {recommender}, on held-out time {how} popularity: NDCG {row['value']:.3f}, difference {row['difference']:+.3f} "
        f"[{row['difference_low']:+.3f}, {row['difference_high']:+.3f}], {row['n']:,} users"
    )
