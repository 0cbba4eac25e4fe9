"""Memberships as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun import schema
from fenqun.segmentation.segmentation import Assignment


def memberships_table(
    users: pa.Array, ids: Sequence[str], assignment: Assignment, noise: npt.NDArray[np.bool_]
) -> pa.Table:
    """Return the rows of ``memberships.parquet``; ``noise`` is one flag a user."""
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
    }
    target = schema.memberships(users.type)
    return pa.table(
        [pa.chunked_array([column]) if isinstance(column, pa.Array) else column for column in columns.values()],
        schema=target,
    )
