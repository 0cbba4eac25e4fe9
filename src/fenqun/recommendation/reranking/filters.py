"""What may be listed: in stock, and within a range of prices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_NO = frozenset(
    {"no", "n", "false", "f", "off", "否", "无", "缺货", "下架", "out of stock", "sold out", "unavailable"}
)


def in_stock(values: Sequence[str | None]) -> NDArray[np.bool_]:
    """Return which items are there: all but those with a number of 0 or less, or a word that says no.

    >>> in_stock(["3", "0", "true", "No", None, "out of stock"]).tolist()
    [True, False, True, False, True, False]
    """
    return np.array([value is None or _there(value.strip().lower()) for value in values], dtype=bool)


def priced_within(prices: Sequence[float | None], low: float | None, high: float | None) -> NDArray[np.bool_]:
    """Return which items have a price between two bounds, both inside; None: no bound on that side.

    >>> priced_within([5.0, None, 20.0], 4, 10).tolist()
    [True, False, False]
    """
    values = np.array([np.nan if price is None else price for price in prices], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (values >= (-np.inf if low is None else low)) & (values <= (np.inf if high is None else high))
        )


def _there(value: str) -> bool:
    try:
        return float(value) > 0
    except ValueError:
        return value not in _NO
