"""What a control group can tell: the smallest difference that an experiment of a group's size would likely show."""

from __future__ import annotations

import math

FEWEST = 5
"""Users that each side needs before the normal approximation says anything."""

_Z = 1.959964 + 0.841621  # 5 % two-sided, 80 % power


def control_size(users: int, share: float) -> int:
    """Users of the control group."""
    return round(users * share)


def least_difference(users: int, share: float, rate: bool) -> float | None:
    """Return the smallest true difference found in four of five such experiments at 5 % two-sided.

    The normal approximation to the two-sample test of shares or means (Cohen, *Statistical Power Analysis*, 1988,
    chapters 2 and 6), shares at one half, where they vary most.

    Parameters
    ----------
    users
        Of the group.
    share
        Of these that are left alone.
    rate
        Whether a rate is compared; else a mean.

    Returns
    -------
    float or None
        Of a rate in units of the rate (0.1: ten points), of a mean in standard deviations; None where one side has
        too few users, or no rate differs by as much.

    >>> round(least_difference(1000, 0.1, rate=True), 3)
    0.148
    """
    control = control_size(users, share)
    treated = users - control
    if min(control, treated) < FEWEST:
        return None
    spread = 0.5 if rate else 1.0
    least = _Z * spread * math.sqrt(1 / control + 1 / treated)
    return None if rate and least > 0.5 else least
