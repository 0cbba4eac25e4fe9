"""Settings of the levels above and below the segments."""

from __future__ import annotations

from pydantic import Field

from fenqun.config.base import Settings


class Hierarchy(Settings):
    """Macro-segments, which join segments, and micro-segments, which divide one."""

    macro: bool = Field(
        True, description="Whether segments are joined into macro-segments where there are six or more"
    )
    micro: bool = Field(
        True, description="Whether large segments are divided where held-out time says that it pays"
    )
