"""Absurd numbers by a robust z-score (Iglewicz and Hoaglin, 1993) on log1p of the magnitude."""

from __future__ import annotations

import math

from fenqun.engines.duckdb import DuckDBEngine

_MAD_TO_SD = 1.4826
_IQR_TO_SD = 1.349
_LEAST_SPREAD = 1.0
_LARGEST_LOG = 700.0


def ceiling(engine: DuckDBEngine, relation: str, column: str, z: float) -> float | None:
    """Magnitude at ``z`` robust standard deviations above the median of ``log1p(|x|)``.

    The spread is the median absolute deviation; where more than half of the numbers are equal, the
    interquartile range, and at least 1 (a factor of e). Quantiles are exact, so that the order of rows does not
    matter. None where there are no numbers, or where the ceiling is beyond floating point.
    """
    logs = f"SELECT ln(1 + abs({column})) AS x FROM {relation} WHERE isfinite({column})"
    row = engine.table(f"SELECT quantile_cont(x, [0.25, 0.5, 0.75]) AS q, mad(x) AS mad FROM ({logs})").to_pylist()[
        0
    ]
    if row["q"] is None:
        return None
    low, middle, high = row["q"]
    spread = row["mad"] * _MAD_TO_SD if row["mad"] > 0 else max((high - low) / _IQR_TO_SD, _LEAST_SPREAD)
    top = float(middle + z * spread)
    return math.expm1(top) if top < _LARGEST_LOG else None
