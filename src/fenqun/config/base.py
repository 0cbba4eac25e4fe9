"""Values that settings are made of, and the base of every settings model."""

from __future__ import annotations

import datetime
import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)\s*$")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_duration(value: object) -> object:
    """Turn ``90d``, ``36h`` or ``5m`` into seconds; numbers are seconds already.

    >>> parse_duration("90d")
    7776000.0
    """
    if isinstance(value, str):
        match = _DURATION.match(value)
        if not match:
            raise ValueError(f"{value!r} is not a duration such as 5m, 36h or 90d")
        return float(match[1]) * _SECONDS[match[2]]
    return value


def parse_day(value: object) -> object:
    """Turn a day as YAML reads it into its text.

    >>> parse_day(datetime.date(2024, 12, 31))
    '2024-12-31'
    """
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value.strip()).isoformat()
        except ValueError as error:
            raise ValueError(f"{value!r} is not a day such as 2024-12-31") from error
    return value


def as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Duration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0)]
Day = Annotated[str, BeforeValidator(parse_day)]
Columns = Annotated[tuple[str, ...], BeforeValidator(as_list)]


class Settings(BaseModel):
    """Base of every settings model: frozen, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")
