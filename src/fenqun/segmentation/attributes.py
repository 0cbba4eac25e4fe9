"""Attributes of users to numbers: every attribute weighs the same, a missing value is a level of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fenqun.segmentation.inputs import numbers
from fenqun.segmentation.rule import Floats

_KNOTS = 101
_MOST_LEVELS = 30
_MISSING, _OTHER = "missing", "other"


class AttributeEncoder:
    """Numbers to normal scores, everything else to one-hot levels.

    A number becomes the normal score of its quantile (so that neither units nor skew matter) plus an
    indicator where it is missing. Other values become one column a level, with a level for missing
    values and one that pools rare levels (fewer users than one in a hundred and than ten, or beyond
    the thirty most frequent). Columns of one attribute are divided by their joint standard deviation,
    so that each attribute adds the same variance whatever its number of levels.
    """

    def fit(self, table: pa.Table, columns: Sequence[str]) -> Self:
        """Learn levels, quantiles and scales of the columns that tell users apart."""
        self.attributes_: list[dict[str, Any]] = []
        for column in encodable(table, columns):
            learned = _learn(column, table[column])
            raw = _raw(learned, table[column])
            spread = float(np.sqrt(raw.var(axis=0).sum()))
            if spread > 1e-12:
                learned.update(centre=raw.mean(axis=0).tolist(), spread=spread)
                self.attributes_.append(learned)
        return self

    def transform(self, table: pa.Table) -> Floats:
        """Return (n, d) finite features; a column that the table lacks counts as missing."""
        blocks = [np.zeros((table.num_rows, 0))]
        for learned in self.attributes_:
            name = learned["column"]
            column = table[name] if name in table.column_names else pa.chunked_array([pa.nulls(table.num_rows)])
            blocks.append((_raw(learned, column) - np.array(learned["centre"])) / learned["spread"])
        return np.hstack(blocks)

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned, as JSON holds it."""
        return {"attributes": self.attributes_}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Self:
        """Take over what :meth:`to_dict` returned."""
        encoder = cls()
        encoder.attributes_ = [dict(attribute) for attribute in state["attributes"]]
        return encoder


def encodable(table: pa.Table, columns: Sequence[str]) -> list[str]:
    """Return the columns that tell at least two users apart."""
    return [c for c in columns if c in table.column_names and pc.count_distinct(table[c], mode="all").as_py() > 1]


def _numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _learn(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    if _numeric(column.type):
        known = _finite(column)
        known = known[np.isfinite(known)]
        knots = np.quantile(known, np.linspace(0, 1, _KNOTS)) if known.size else np.zeros(_KNOTS)
        return {"column": name, "kind": "number", "knots": knots.tolist()}
    counts = Counter(value for value in column.cast(pa.string()).to_pylist() if value is not None)
    least = min(10, max(2, len(column) // 100))
    frequent = sorted(
        (level for level, n in counts.items() if n >= least), key=lambda level: (-counts[level], level)
    )
    return {"column": name, "kind": "level", "levels": frequent[:_MOST_LEVELS]}


def _raw(learned: dict[str, Any], column: pa.ChunkedArray) -> Floats:
    if learned["kind"] == "number":
        values = _finite(column)
        missing = np.isnan(values)
        return np.column_stack(
            [normal_scores(np.where(missing, 0.0, values), learned["knots"]) * ~missing, missing]
        )
    levels = {level: i for i, level in enumerate(learned["levels"])}
    other, missing_place = len(levels), len(levels) + 1
    places = [
        missing_place if value is None else levels.get(value, other)
        for value in column.cast(pa.string()).to_pylist()
    ]
    onehot = np.zeros((len(places), len(levels) + 2))
    onehot[np.arange(len(places)), places] = 1.0
    return onehot


def _finite(column: pa.ChunkedArray) -> Floats:
    """Return numbers with NaN for nulls, infinities and text that is no number."""
    try:
        return numbers(column)
    except pa.ArrowInvalid:
        return np.full(len(column), np.nan)


def normal_scores(values: Floats, knots: Sequence[float]) -> Floats:
    """Return the standard normal quantile of each value's place among fitted quantiles.

    Tied values share the middle of their places, and the tails end at 2.5 standard deviations.
    """
    from scipy.special import ndtri

    grid = np.linspace(0.0, 1.0, len(knots))
    low = np.interp(values, *_unique_knots(knots, grid, first=True))
    high = np.interp(values, *_unique_knots(knots, grid, first=False))
    scores: Floats = np.clip(ndtri(np.clip((low + high) / 2, 1e-9, 1 - 1e-9)), -2.5, 2.5)
    return scores


def _unique_knots(knots: Sequence[float], grid: Floats, *, first: bool) -> tuple[Floats, Floats]:
    """Return increasing knots with the first or the last place at which each occurs."""
    known = np.asarray(knots, dtype=np.float64)
    distinct, start, counts = np.unique(known, return_index=True, return_counts=True)
    return distinct, grid[start if first else start + counts - 1]
