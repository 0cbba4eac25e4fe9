"""Settings of what is said about lists that were never shown, from impressions of other lists."""

from __future__ import annotations

from pydantic import Field

from fenqun.config.base import Settings


class OffPolicy(Settings):
    """When an off-policy figure is given, and when it is refused."""

    clip: float | None = Field(
        None, gt=1, description="Largest weight of one impression; more bias, less noise. None: as they are"
    )
    least_effective: float = Field(
        100.0, ge=2, description="Effective sample size (Kish) below which no figure is given"
    )
    least_outcomes: int = Field(
        10, ge=1, description="Clicks (or conversions) that must stand behind a figure, else it is not given"
    )
