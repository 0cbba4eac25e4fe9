"""Memberships as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun import schema
from fenqun.segmentation.rule import Floats, Ints
from fenqun.segmentation.segmentation import Assignment


def memberships_table(
    users: pa.Array, ids: Sequence[str], assignment: Assignment, noise: npt.NDArray[np.bool_]
) -> pa.Table:
    """Return the rows of ``memberships.parquet``, without tiers and levels; ``noise`` is one flag a user."""
    n, k = assignment.weights.shape
    names = pa.array(ids, pa.string())
    runner_up = pa.array(assignment.runner_up, mask=assignment.runner_up < 0)
    weights = pa.StructArray.from_arrays(
        [
            names.take(pa.array(np.tile(np.arange(k), n))),
            pa.array(assignment.weights.reshape(-1).astype(np.float32)),
        ],
        fields=list(schema.WEIGHT),
    )
    columns = {
        schema.USER: users,
        schema.SEGMENT: names.take(pa.array(assignment.labels)),
        "confidence": pa.array(assignment.confidence.astype(np.float32)),
        "runner_up_id": names.take(runner_up),
        "weights": pa.ListArray.from_arrays(
            pa.array(np.arange(n + 1, dtype=np.int32) * k), weights, type=pa.list_(schema.WEIGHT)
        ),
        "noise": pa.array(noise),
        "tier": pa.nulls(n, pa.string()),
        "tier_score": pa.nulls(n, pa.float64()),
        "macro_id": pa.nulls(n, pa.string()),
        "micro_id": pa.nulls(n, pa.string()),
    }
    target = schema.memberships(users.type)
    return pa.table(
        [pa.chunked_array([column]) if isinstance(column, pa.Array) else column for column in columns.values()],
        schema=target,
    )


def with_tiers(memberships: pa.Table, codes: Sequence[str], placed: Ints, scores: Floats) -> pa.Table:
    """Return memberships with tiers.

    Parameters
    ----------
    memberships
        n rows of ``memberships.parquet``.
    codes, placed
        Codes of the tiers, and (n,) the position of each user's among them, -1 for none.
    scores
        (n,) predictions; NaN where there is none.
    """
    tier = pa.array(codes, pa.string()).take(pa.array(placed, mask=placed < 0))
    return _with(memberships, {"tier": tier, "tier_score": pa.array(scores, pa.float64(), mask=placed < 0)})


def with_levels(memberships: pa.Table, macro: Sequence[str | None], micro: Sequence[str | None]) -> pa.Table:
    """Return memberships with the macro- and the micro-segment of each row, None where there is none."""
    return _with(memberships, {"macro_id": pa.array(macro, pa.string()), "micro_id": pa.array(micro, pa.string())})


def _with(memberships: pa.Table, columns: dict[str, pa.Array]) -> pa.Table:
    target = schema.memberships(memberships.schema.field(schema.USER).type)
    kept = {name: memberships[name] for name in target.names if name not in columns}
    return pa.table(kept | columns).select(target.names).cast(target)
