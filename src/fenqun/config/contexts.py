"""Settings of contexts: the circumstances in which users are looked at one by one."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from fenqun.config.base import Columns, Settings

BUILT_IN = ("daypart", "weekend", "session")
"""Contexts that any log has; others are columns of ``data.events.context``."""


class Contexts(Settings):
    """Vectors of a user in each context alone, and who behaves differently where; a plain list is ``by``."""

    by: Columns = Field(
        (), description="daypart, weekend, session (what a visit is for), or columns of data.events.context"
    )
    min_events: int = Field(5, ge=2, description="Events of a user in a context below which it is left out")
    min_visits: int = Field(3, ge=2, description="Visits of a user in a context below which it is not tested")
    draws: int = Field(999, ge=99, description="Shuffles of a user's own visits that show what chance gives")
    false_discovery: float = Field(
        0.1, gt=0, lt=1, description="Share of mistakes expected among the users who are said to differ"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, given: Any) -> Any:
        return {"by": given} if isinstance(given, str | list | tuple) else given

    @model_validator(mode="after")
    def _once(self) -> Contexts:
        if len(set(self.by)) < len(self.by):
            raise ValueError(f"by names a context twice: {', '.join(self.by)}")
        return self
