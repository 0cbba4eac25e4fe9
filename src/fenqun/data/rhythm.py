"""The rhythm of a user as numbers: profile columns, scaled robustly, by a scaler that can be stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun.data.traits import trait
from fenqun.errors import RunError

FloatArray = npt.NDArray[np.float64]

LIMIT = 5.0
"""Scaled features are clipped to ± this many robust deviations."""

_NO_RHYTHM = frozenset({"user_id", "first_event", "last_event", "top_category"})
_NORMAL_IQR = 1.349


def rhythm_columns(profiles: pa.Table) -> list[str]:
    """Return the numeric columns that say how much and when: no ids, no categories, no attributes."""
    return [
        field.name
        for field in profiles.schema
        if field.name not in _NO_RHYTHM
        and not field.name.startswith("attr_")
        and (pa.types.is_integer(field.type) or pa.types.is_floating(field.type))
    ]


@dataclass
class RhythmScaler:
    """Robust scaling of profile columns: log where skewed, minus the median, over IQR / 1.349.

    With that factor a normal feature keeps unit variance. A column with no IQR is scaled by its standard
    deviation, a constant one becomes 0; a null becomes 0, the median.

    Attributes
    ----------
    columns_
        Names of the features, in order.
    center_, scale_
        Median and scale of each, after the logarithm; float64 (p,).
    """

    columns_: list[str]
    center_: FloatArray
    scale_: FloatArray

    @classmethod
    def fit(cls, profiles: pa.Table) -> RhythmScaler:
        """Learn medians and scales from the users of a profile table."""
        names = rhythm_columns(profiles)
        raw = _raw(profiles, names)
        center, scale = np.zeros(len(names)), np.ones(len(names))
        for j in range(len(names)):
            known = raw[:, j][~np.isnan(raw[:, j])]
            if not len(known):
                continue
            low, center[j], high = np.quantile(known, [0.25, 0.5, 0.75])
            # Rounding can leave a constant column with a spread of 1e-17: such a column has none.
            floor = 1e-9 * max(1.0, abs(center[j]))
            spread = (high - low) / _NORMAL_IQR
            spread = spread if spread > floor else float(np.std(np.sort(known)))
            scale[j] = spread if spread > floor else np.inf
        return cls(names, center, scale)

    def transform(self, profiles: pa.Table) -> FloatArray:
        """Scale a profile table, float64 (n, p); every column that was fitted must be there.

        Raises
        ------
        RunError
            If a fitted column is missing.
        """
        _require(profiles, self.columns_)
        scaled = (_raw(profiles, self.columns_) - self.center_) / self.scale_
        return np.clip(np.nan_to_num(scaled, nan=0.0), -LIMIT, LIMIT)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; a constant column has scale null."""
        scale = [float(s) if np.isfinite(s) else None for s in self.scale_]
        return {"columns": list(self.columns_), "center": [float(c) for c in self.center_], "scale": scale}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RhythmScaler:
        """Read what :meth:`to_dict` wrote."""
        scale = [np.inf if s is None else float(s) for s in values["scale"]]
        return cls(list(values["columns"]), np.asarray(values["center"], dtype=np.float64), np.asarray(scale))


def rhythm_features(profiles: pa.Table) -> tuple[FloatArray, list[str]]:
    """Scale a profile table by itself.

    Returns
    -------
    (features, names)
        float64 (n, p) within ±5, no NaN, and the columns they come from.
    """
    scaler = RhythmScaler.fit(profiles)
    return scaler.transform(profiles), scaler.columns_


def raw_columns(profiles: pa.Table, names: list[str]) -> FloatArray:
    """Return profile columns in their own units, float64 (n, len(names)); a null is NaN.

    Raises
    ------
    RunError
        If a column is missing.
    """
    _require(profiles, names)
    columns = [profiles[name].cast(pa.float64()).to_numpy() for name in names]
    return np.stack(columns, axis=1) if columns else np.zeros((profiles.num_rows, 0))


def _require(profiles: pa.Table, names: list[str]) -> None:
    missing = [name for name in names if name not in profiles.schema.names]
    if missing:
        raise RunError(f"the profiles lack the column {missing[0]!r}", mend="make them with the same settings")


def _raw(profiles: pa.Table, names: list[str]) -> FloatArray:
    raw = raw_columns(profiles, names)
    for j, name in enumerate(names):
        if trait(name).skewed:
            # Values may be negative (refunds): the logarithm keeps the sign.
            raw[:, j] = np.sign(raw[:, j]) * np.log1p(np.abs(raw[:, j]))
    return raw
