"""How numbers read in the report: three significant digits, thousands apart, shares in percent."""

from __future__ import annotations

import math


def count(value: float) -> str:
    """Return a whole number with thousands apart.

    >>> count(1469307)
    '1,469,307'
    """
    return f"{round(value):,}"


def number(value: float | None) -> str:
    """Return about three significant digits; a dash where there is no number.

    >>> number(0.20512), number(41200.0), number(-3.14159), number(None), number(0.00042)
    ('0.205', '41,200', '−3.14', '–', '0.00042')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value < 0:
        return f"−{number(-value)}"
    if value >= 1000 or value == round(value):
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    if value >= 1:
        return f"{value:.2f}"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.{1 - math.floor(math.log10(value))}f}"


def signed(value: float | None) -> str:
    """Return a number with its sign.

    >>> signed(0.0421), signed(-1.2), signed(None)
    ('+0.042', '−1.20', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    return number(value) if value < 0 else f"+{number(value)}"


def percent(share: float) -> str:
    """Return a share in percent.

    >>> percent(0.1234), percent(0.004), percent(0.0)
    ('12.3%', '0.40%', '0%')
    """
    points = 100 * share
    if points == 0:
        return "0%"
    return f"{points:.2g}%" if abs(points) < 0.1 else f"{points:.2f}%" if abs(points) < 1 else f"{points:.1f}%"


def span(low: float | None, high: float | None) -> str:
    """Return an interval, empty where there is none.

    >>> span(0.1, 0.25), span(None, None)
    ('[0.100, 0.250]', '')
    """
    return "" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def memory(megabytes: float) -> str:
    """Return an amount of memory.

    >>> memory(912.4), memory(2048)
    ('912 MB', '2.0 GB')
    """
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1024:.1f} GB"
