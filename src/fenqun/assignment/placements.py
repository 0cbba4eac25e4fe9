"""Placements: memberships that say by what each user was placed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun import schema
from fenqun.assignment.cold_start import Placement
from fenqun.segmentation.rule import Floats, Ints
from fenqun.segmentation.segmentation import Assignment


def weights_of(memberships: pa.Table) -> Floats:
    """Return the weights of memberships as an array, float64 (n, k), in the order of the segments."""
    flat = memberships["weights"].combine_chunks().flatten().field("weight")
    return np.asarray(flat, dtype=np.float64).reshape(memberships.num_rows, -1)


def placements_table(memberships: pa.Table, by: list[str], probability: Floats) -> pa.Table:
    """Return memberships with what each user was placed by, and the probability where it was not enough events."""
    kind = memberships.schema.field(schema.USER).type
    columns = {name: memberships[name] for name in memberships.column_names}
    columns["placed_by"] = pa.chunked_array([pa.array(by, pa.string())])
    columns["probability"] = pa.chunked_array(
        [pa.array(probability.astype(np.float32), pa.float32(), mask=np.isnan(probability))]
    )
    return pa.table(columns, schema=schema.placements(kind))


def as_assignment(told: Placement) -> Assignment:
    """Return probabilities as an assignment: confidence is the lead of the likeliest segment over the next."""
    p, labels = told.probabilities, told.labels
    rows, k = np.arange(len(p)), p.shape[1]
    if k == 1:
        return Assignment(labels, np.ones(len(p)), np.full(len(p), -1, dtype=np.int64), p)
    others = p.round(9)
    others[rows, labels] = -1.0
    runner_up = others.argmax(axis=1).astype(np.int64)
    first, second = p[rows, labels], p[rows, runner_up]
    return Assignment(labels, np.maximum(first - second, 0.0) / (first + second), runner_up, p)


def overwritten(placed: Assignment, rows: Ints, other: Assignment) -> Assignment:
    """Return an assignment with some rows of another one."""

    def put(own: npt.NDArray[Any], new: npt.NDArray[Any]) -> npt.NDArray[Any]:
        own = own.copy()
        own[rows] = new
        return own

    return replace(
        placed,
        labels=put(placed.labels, other.labels),
        confidence=put(placed.confidence, other.confidence),
        runner_up=put(placed.runner_up, other.runner_up),
        weights=put(placed.weights, other.weights),
    )
